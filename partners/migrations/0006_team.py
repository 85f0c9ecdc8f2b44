from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("partners", "0005_agreements")]
    operations: list[object] = []
