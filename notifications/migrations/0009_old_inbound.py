from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0008_retention")]
    operations = [
        migrations.AddIndex(
            "inboundevent",
            models.Index(
                fields=["processed_at"],
                condition=models.Q(processed_at__isnull=False),
                name="notifications_inbound_old",
            ),
        ),
    ]
