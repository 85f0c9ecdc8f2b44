from django.db import migrations

from portal.tenancy.operations import tenant_table


class Migration(migrations.Migration):
    dependencies = [("mail", "0001_initial"), ("tenancy", "0001_roles")]
    operations = [tenant_table("mail_mail", partner_may="", staff_may="")]
