from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("partners", "0003_webhooks")]
    operations: list[object] = []
