from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consents", "0007_stops")]
    operations = [migrations.AddField("grant", "resumed_at", models.DateTimeField(null=True))]
