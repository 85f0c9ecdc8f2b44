from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("partners", "0008_sso")]
    operations = [
        migrations.AddField("agreementversion", "people_asked_at", models.DateTimeField(null=True)),
    ]
