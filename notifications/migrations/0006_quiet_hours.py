import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from portal.tenancy.operations import tenant_table


class Migration(migrations.Migration):
    dependencies = [("notifications", "0005_attempts_without_numbers"), ("consents", "0002_tenancy")]
    operations = [
        migrations.AddField("delivery", "quiet_until", models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="QuietHours",
            fields=[
                (
                    "person",
                    models.OneToOneField(
                        to="consents.person",
                        primary_key=True,
                        serialize=False,
                        on_delete=django.db.models.deletion.PROTECT,
                    ),
                ),
                ("starts", models.TimeField()),
                ("ends", models.TimeField()),
                ("time_zone", models.CharField(max_length=40)),
                ("clusters", django.contrib.postgres.fields.ArrayField(models.CharField(max_length=20), size=None)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=~models.Q(starts=models.F("ends")), name="notifications_quiet_some"
                    ),
                    models.CheckConstraint(
                        condition=~models.Q(clusters__overlap=["FRAUD_ALERTS"]), name="notifications_quiet_not_fraud"
                    ),
                ]
            },
        ),
        # A zone that the database does not know would fail every claim: such a row cannot be written
        migrations.RunSQL(
            "ALTER TABLE notifications_quiethours ADD CONSTRAINT notifications_quiet_zone"
            " CHECK ((timestamptz '2000-01-01' AT TIME ZONE time_zone) IS NOT NULL)",
            migrations.RunSQL.noop,
        ),
        tenant_table("notifications_quiethours", partner_may="", person="person_id", staff_may=""),
    ]
