from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0006_quiet_hours")]
    operations = [
        migrations.AddIndex(
            "inboundevent",
            models.Index(
                fields=["conversation"],
                condition=models.Q(processed_at__isnull=False),
                name="notifications_inbound_past",
            ),
        ),
    ]
