from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("notifications", "0004_recovery")]

    operations = [migrations.RemoveField(model_name="attempt", name="number")]
