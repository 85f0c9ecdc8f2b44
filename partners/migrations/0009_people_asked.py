from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("partners", "0007_production")]
    operations = [
        migrations.AddField("agreementversion", "people_asked_at", models.DateTimeField(null=True)),
    ]
