from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models
from django.db.models import F, Q, Value

import portal.ids
from portal.tenancy.operations import reference_within_tenant, tenant_table

ENVIRONMENTS = [("sandbox", "Sandbox"), ("live", "Live")]
STATUSES = [(name, name.capitalize()) for name in ("PENDING", "ACTIVE", "REJECTED", "EXPIRED")]
WAYS = [("bank", "Bank"), ("directory", "Directory"), ("chat", "Chat")]


def protected(to: str, **more: object) -> models.ForeignKey:
    return models.ForeignKey(to=to, on_delete=models.PROTECT, **more)


class Migration(migrations.Migration):
    dependencies = [("consents", "0003_asked_again"), ("partners", "0010_sender_columns")]
    operations = [
        migrations.AddField("customer", "accounts", models.BinaryField(default=b"")),
        migrations.AddField("grant", "is_once", models.BooleanField(default=False)),
        migrations.AddField("grant", "authorised_at", models.DateTimeField(null=True)),
        migrations.RunSQL(
            "UPDATE consents_grant SET authorised_at = granted_at", migrations.RunSQL.noop
        ),
        migrations.AlterField("grant", "authorised_at", models.DateTimeField()),
        migrations.RemoveConstraint("grant", "consents_grant_longest"),
        migrations.AddConstraint(
            "grant",
            models.CheckConstraint(
                condition=Q(expires_at__lte=F("authorised_at") + Value("366 days")), name="consents_grant_longest"
            ),
        ),
        migrations.AddField("consentrecord", "privacy_notice", models.CharField(max_length=200, default="")),
        migrations.AddField(
            "consentrecord", "controllers", ArrayField(models.CharField(max_length=120), default=list)
        ),
        migrations.AddField(
            "consentrecord", "recipients", ArrayField(models.CharField(max_length=120), default=list)
        ),
        migrations.AddField(
            "consentrecord", "storage_locations", ArrayField(models.CharField(max_length=2), default=list)
        ),
        migrations.AddField("consentrecord", "is_once", models.BooleanField(default=False)),
        migrations.AddField("consentrecord", "given_through", models.CharField(max_length=20, default="")),
        migrations.AddField("consentrecord", "disclosure", models.BinaryField(default=b"")),
        migrations.CreateModel(
            name="GrantRequest",
            fields=[
                ("id", models.UUIDField(primary_key=True, default=portal.ids.uuid7, editable=False, serialize=False)),
                ("environment", models.CharField(max_length=8, choices=ENVIRONMENTS)),
                ("way", models.CharField(max_length=10, choices=WAYS)),
                ("client_id", models.UUIDField(null=True)),
                ("ref_index", models.BinaryField(max_length=32)),
                ("content", models.BinaryField(default=b"")),
                ("clusters", ArrayField(models.CharField(max_length=20))),
                ("duration_days", models.PositiveSmallIntegerField()),
                ("locale", models.CharField(max_length=10, blank=True)),
                ("status", models.CharField(max_length=10, choices=STATUSES, default="PENDING")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("partner", protected("partners.partner", db_index=False)),
                ("person", protected("consents.person", null=True)),
                ("grant", protected("consents.grant", null=True, db_constraint=False, db_index=False)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["expires_at"], condition=~Q(content=b""), name="consents_grantrequest_kept")
                ]
            },
        ),
        tenant_table(
            "consents_grantrequest", environment="environment", person="person_id", partner_may="SELECT, INSERT"
        ),
        reference_within_tenant("consents_grantrequest", "grant_id", "consents_grant"),
    ]
