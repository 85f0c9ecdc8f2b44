from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("partners", "0010_sender_columns")]

    operations = [migrations.AddField("signon", "turned_off_at", models.DateTimeField(null=True))]
