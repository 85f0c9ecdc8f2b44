from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consents", "0002_tenancy"), ("partners", "0009_people_asked")]
    operations = [
        migrations.AddField("grant", "asked_version_id", models.UUIDField(null=True)),
        migrations.AddField("grant", "answered_at", models.DateTimeField(null=True)),
    ]
