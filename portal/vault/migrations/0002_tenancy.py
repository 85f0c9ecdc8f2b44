from django.db import migrations

from portal.tenancy.operations import tenant_table


class Migration(migrations.Migration):
    dependencies = [("vault", "0001_initial"), ("tenancy", "0001_roles")]
    operations = [
        tenant_table(
            "vault_datakey", person="person_id", partner_may="SELECT, INSERT", staff_may="", worker_may="SELECT, INSERT, DELETE"
        ),
    ]
