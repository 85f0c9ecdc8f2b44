import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

from portal.tenancy.operations import tenant_table


class Migration(migrations.Migration):
    dependencies = [("notifications", "0007_forget_conversations"), ("partners", "0013_hand_over")]
    operations = [
        migrations.CreateModel(
            name="Retention",
            fields=[
                (
                    "partner",
                    models.OneToOneField(
                        to="partners.partner",
                        primary_key=True,
                        serialize=False,
                        on_delete=django.db.models.deletion.PROTECT,
                    ),
                ),
                ("places", models.JSONField(default=dict)),
                ("day", models.DateField(db_default=Now())),
                ("emptied", models.PositiveIntegerField(default=0)),
                ("worked_at", models.DateTimeField(db_default=Now())),
                ("done_at", models.DateTimeField(db_default=Now())),
            ],
        ),
        tenant_table("notifications_retention", partner_may="", staff_may=""),
        # What was kept as long as was promised is emptied; nothing else of a message changes
        migrations.RunSQL(
            "GRANT UPDATE (data) ON notifications_notification TO parley_worker", migrations.RunSQL.noop
        ),
    ]
