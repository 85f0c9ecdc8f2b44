import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

import portal.ids
from portal.tenancy.operations import reference_within_tenant, tenant_table


def protected(to: str, **more: object) -> models.ForeignKey:
    return models.ForeignKey(to=to, on_delete=django.db.models.deletion.PROTECT, **more)


class Migration(migrations.Migration):
    dependencies = [("consents", "0004_requests")]
    operations = [
        migrations.AddField("grant", "tend_at", models.DateTimeField(db_default=Now())),
        migrations.AddIndex(
            "grant",
            models.Index(
                fields=["tend_at"],
                condition=models.Q(status__in=["ACTIVE", "PAUSED"], environment="live"),
                name="consents_grant_tend",
            ),
        ),
        migrations.CreateModel(
            name="UnusedKind",
            fields=[
                ("id", models.UUIDField(primary_key=True, default=portal.ids.uuid7, editable=False, serialize=False)),
                ("cluster", models.CharField(max_length=20)),
                ("since", models.DateTimeField()),
                ("proposed_at", models.DateTimeField()),
                ("lapses_at", models.DateTimeField()),
                (
                    "outcome",
                    models.CharField(
                        max_length=10, choices=[("kept", "Kept"), ("lapsed", "Lapsed"), ("moot", "Moot")], blank=True
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True)),
                ("partner", protected("partners.partner", db_index=False)),
                ("person", protected("consents.person", db_index=False)),
                ("grant", protected("consents.grant", related_name="unused", db_constraint=False)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["grant", "cluster"],
                        condition=models.Q(decided_at=None),
                        name="consents_unusedkind_one_open",
                    )
                ]
            },
        ),
        tenant_table("consents_unusedkind", person="person_id", partner_may="", staff_may=""),
        reference_within_tenant("consents_unusedkind", "grant_id", "consents_grant"),
    ]
