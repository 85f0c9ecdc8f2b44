from django.db import migrations, models
from django.db.models import Q

import portal.ids
from portal.tenancy.operations import tenant_table

ENVIRONMENTS = [("sandbox", "Sandbox"), ("live", "Live")]


class Migration(migrations.Migration):
    dependencies = [("partners", "0011_sign_on_turned_off")]
    operations = [
        migrations.CreateModel(
            name="CustomerSignIn",
            fields=[
                ("id", models.UUIDField(primary_key=True, default=portal.ids.uuid7, editable=False, serialize=False)),
                ("environment", models.CharField(max_length=8, choices=ENVIRONMENTS)),
                ("issuer", models.CharField(max_length=500)),
                ("client_id", models.CharField(max_length=191)),
                ("secret", models.BinaryField()),
                ("scopes", models.CharField(max_length=200)),
                ("customer_ref_claim", models.CharField(max_length=120)),
                ("accounts_claim", models.CharField(max_length=120)),
                ("host", models.CharField(max_length=253, blank=True)),
                ("is_on", models.BooleanField(default=False)),
                ("checked_at", models.DateTimeField(null=True)),
                ("findings", models.JSONField(default=list)),
                ("problem", models.CharField(max_length=300, blank=True)),
                ("problem_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "partner",
                    models.ForeignKey(to="partners.partner", on_delete=models.PROTECT, db_index=False),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["partner", "environment"], name="partners_customersignin_once"),
                    models.CheckConstraint(
                        condition=Q(is_on=False) | Q(checked_at__isnull=False), name="partners_customersignin_checked"
                    ),
                ]
            },
        ),
        tenant_table("partners_customersignin", environment="environment", partner_may="SELECT", staff_may=""),
    ]
