from django.db import migrations

from portal.tenancy.operations import reference_within_tenant, tenant_table


class Migration(migrations.Migration):
    dependencies = [("partners", "0001_initial"), ("tenancy", "0001_roles")]
    operations = [
        tenant_table(
            "partners_partner", partner="id", partner_may="SELECT, UPDATE", person_sees="true", staff_may="SELECT, UPDATE"
        ),
        tenant_table("partners_membership", partner_may="SELECT"),
        tenant_table("partners_agreement", partner_may="SELECT", staff_may="SELECT, INSERT"),
        tenant_table(
            "partners_agreementversion", partner_may="SELECT, UPDATE", staff_may="SELECT, INSERT, UPDATE"
        ),
        reference_within_tenant("partners_agreementversion", "agreement_id", "partners_agreement"),
        tenant_table("partners_apiclient", environment="environment", partner_may="SELECT", staff_may="SELECT"),
        tenant_table("partners_clientsecret", partner_may="SELECT", staff_may=""),
        tenant_table("partners_clientkey", partner_may="SELECT"),
        reference_within_tenant("partners_clientsecret", "client_id", "partners_apiclient"),
        reference_within_tenant("partners_clientkey", "client_id", "partners_apiclient"),
        tenant_table(
            "partners_sender", environment="environment", partner_may="SELECT", person_sees="true"
        ),
    ]
