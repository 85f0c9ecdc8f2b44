from django.db import migrations, models
from django.db.models import Q

import portal.ids
from portal.tenancy.operations import reference_within_tenant, tenant_table

ENVIRONMENTS = [("sandbox", "Sandbox"), ("live", "Live")]


def protected(to: str, **more: object) -> models.ForeignKey:
    return models.ForeignKey(to=to, on_delete=models.PROTECT, db_index=False, **more)


class Migration(migrations.Migration):
    dependencies = [("consents", "0006_rights"), ("partners", "0010_sender_columns")]
    operations = [
        migrations.CreateModel(
            name="GrantStop",
            fields=[
                ("id", models.UUIDField(primary_key=True, default=portal.ids.uuid7, editable=False, serialize=False)),
                ("environment", models.CharField(max_length=8, choices=ENVIRONMENTS)),
                ("event", models.CharField(max_length=40)),
                ("by", models.CharField(max_length=10)),
                ("withdrawn", models.PositiveIntegerField()),
                ("handed_over", models.PositiveIntegerField()),
                ("message_id", models.UUIDField(null=True)),
                ("stopped_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("look_at", models.DateTimeField(null=True)),
                ("alerted_at", models.DateTimeField(null=True)),
                ("mailed_at", models.DateTimeField(null=True)),
                ("partner", protected("partners.partner")),
                ("person", protected("consents.person")),
                ("grant", protected("consents.grant", db_constraint=False)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["grant", "-id"], name="consents_grantstop_grant"),
                    models.Index(fields=["stopped_at"], name="consents_grantstop_time"),
                    models.Index(
                        fields=["partner", "look_at"], condition=Q(look_at__isnull=False), name="consents_grantstop_due"
                    ),
                    models.Index(
                        fields=["partner", "mailed_at"],
                        condition=Q(mailed_at__isnull=False),
                        name="consents_grantstop_mailed",
                    ),
                ]
            },
        ),
        tenant_table("consents_grantstop", environment="environment", person="person_id", partner_may="SELECT"),
        reference_within_tenant("consents_grantstop", "grant_id", "consents_grant"),
    ]
