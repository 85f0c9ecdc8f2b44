from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only")]
    operations = [
        migrations.AddIndex(
            "auditevent",
            models.Index(
                fields=["target_id", "id"], condition=models.Q(target_type="Grant"), name="audit_event_grant"
            ),
        )
    ]
