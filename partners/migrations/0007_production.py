import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import portal.ids
from portal.tenancy.operations import tenant_table


class Migration(migrations.Migration):
    dependencies = [("partners", "0006_team")]
    operations = [
        migrations.CreateModel(
            name="Production",
            fields=[
                (
                    "partner",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        serialize=False,
                        to="partners.partner",
                    ),
                ),
                ("requested_at", models.DateTimeField(null=True)),
                ("requested_by", models.UUIDField(null=True)),
                ("enabled_at", models.DateTimeField(null=True)),
                ("enabled_by", models.UUIDField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Stop",
            fields=[
                ("id", models.UUIDField(default=portal.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("SUSPENDED", "Suspended"), ("SURRENDERED", "Surrendered"), ("REVOKED", "Revoked")],
                        max_length=11,
                    ),
                ),
                ("reason", models.CharField(max_length=500)),
                ("by_id", models.UUIDField()),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("lifted_at", models.DateTimeField(null=True)),
                ("clause", models.CharField(blank=True, max_length=100)),
                ("destroy_after", models.DateTimeField(null=True)),
                ("destroyed_at", models.DateTimeField(null=True)),
                ("keys_destroyed", models.PositiveIntegerField(null=True)),
                ("partner", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="partners.partner")),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("destroy_after__isnull", False), ("destroyed_at__isnull", True)),
                        fields=["destroy_after"],
                        name="partners_stop_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("lifted_at", None)), fields=("partner",), name="partners_stop_one_open"
                    )
                ],
            },
        ),
        tenant_table("partners_production", partner_may="SELECT"),
        tenant_table("partners_stop", partner_may="SELECT"),
        migrations.AddField("apiclient", "allowed_networks", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=43), default=list, size=None)),
        migrations.AddField("apiclient", "jwks_url", models.CharField(blank=True, default="", max_length=2000)),
        migrations.AddField("apiclient", "jwks", models.JSONField(default=list)),
        migrations.AddField("apiclient", "jwks_tried_at", models.DateTimeField(null=True)),
        migrations.AddField("apiclient", "jwks_fetched_at", models.DateTimeField(null=True)),
        migrations.AddField("clientkey", "last_used_at", models.DateTimeField(null=True)),
        migrations.AddField("sender", "checked_at", models.DateTimeField(null=True)),
        migrations.AddField("sender", "findings", models.JSONField(default=list)),
        # Every client has an end, and every bank that was live stays so.
        migrations.RunSQL(
            "UPDATE partners_apiclient SET expires_at = now() + interval '365 days' WHERE expires_at IS NULL",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(
            "INSERT INTO partners_production (partner_id, enabled_at) SELECT id, now() FROM partners_partner"
            " WHERE status IN ('ACTIVE', 'SUSPENDED')",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField("apiclient", "expires_at", models.DateTimeField()),
    ]
