from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0009_old_inbound")]
    operations = [
        migrations.AddIndex(
            "inboundevent",
            models.Index(
                fields=["id"],
                condition=models.Q(processed_at__isnull=True)
                & ~models.Q(kind__in=["delivery", "read", "echo"]),
                name="notifications_inbound_people",
            ),
        ),
    ]
