from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("consents", "0008_resumed")]
    operations = [
        migrations.AlterField(
            model_name="grantrequest",
            name="way",
            field=models.CharField(max_length=10, choices=[("bank", "Bank"), ("directory", "Directory")]),
        )
    ]
