import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import portal.ids
from portal.tenancy.operations import tenant_table


class Migration(migrations.Migration):
    dependencies = [("notifications", "0003_templates"), ("partners", "0002_tenancy")]
    operations = [
        migrations.AddField("delivery", "resent_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                fields=["partner", "environment", "id"],
                condition=models.Q(("status__in", ["FAILED", "EXPIRED"])),
                name="notifications_delivery_lost",
            ),
        ),
        migrations.CreateModel(
            name="Recovery",
            fields=[
                ("id", models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("environment", models.CharField(choices=[("sandbox", "Sandbox"), ("live", "Live")], max_length=8)),
                ("client_id", models.UUIDField()),
                (
                    "clusters",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), size=None),
                ),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[("PENDING", "Pending"), ("RUNNING", "Running"), ("DONE", "Done")],
                        default="PENDING",
                        max_length=8,
                    ),
                ),
                ("done", models.PositiveIntegerField(default=0)),
                ("total", models.PositiveIntegerField()),
                ("last_id", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("worked_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "partner",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="partners.partner"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="recovery",
            index=models.Index(
                fields=["worked_at", "id"],
                condition=models.Q(("status", "DONE"), _negated=True),
                name="notifications_recovery_waiting",
            ),
        ),
        tenant_table("notifications_recovery", environment="environment"),
    ]
