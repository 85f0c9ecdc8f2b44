from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("partners", "0006_team")]
    operations: list[object] = []
