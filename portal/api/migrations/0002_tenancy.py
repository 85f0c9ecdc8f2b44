from django.db import migrations

from portal.tenancy.operations import tenant_table


class Migration(migrations.Migration):
    dependencies = [("api", "0001_initial"), ("tenancy", "0001_roles")]
    operations = [
        tenant_table("api_idempotencykey", staff_may=""),
    ]
