import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import portal.ids
from portal.tenancy.operations import tenant_table


class Migration(migrations.Migration):
    dependencies = [("partners", "0007_production"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel(
            name="SignOn",
            fields=[
                ("id", models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("issuer", models.CharField(max_length=500)),
                ("client_id", models.CharField(max_length=191)),
                ("secret", models.BinaryField()),
                (
                    "domains",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=253), size=None),
                ),
                ("trusts_second_step", models.BooleanField(default=False)),
                ("second_step_acr", models.CharField(blank=True, max_length=200)),
                ("is_on", models.BooleanField(default=False)),
                ("is_required", models.BooleanField(default=False)),
                ("checked_at", models.DateTimeField(null=True)),
                ("findings", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "break_glass",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("partner", models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, to="partners.partner")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("is_required", False), models.Q(("break_glass__isnull", False), ("is_on", True)), _connector="OR"),
                        name="partners_signon_required",
                    )
                ]
            },
        ),
        tenant_table("partners_signon", partner_may="SELECT", staff_may=""),
    ]
