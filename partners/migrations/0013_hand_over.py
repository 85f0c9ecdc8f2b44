from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("partners", "0012_customer_sign_in")]
    operations = [
        # What waits is sealed with the bank's key before a person's is destroyed; nothing else of it changes
        migrations.RunSQL(
            "GRANT UPDATE (data, person_id) ON partners_webhookmessage TO parley_worker", migrations.RunSQL.noop
        ),
    ]
