from django.db import migrations

from portal.tenancy.operations import reference_within_tenant, tenant_table


class Migration(migrations.Migration):
    dependencies = [("consents", "0001_initial"), ("partners", "0002_tenancy")]
    operations = [
        tenant_table("consents_person", partner_may="", person="id", staff_may=""),
        tenant_table("consents_customer", environment="environment", person="person_id", partner_may="SELECT"),
        tenant_table("consents_linkedaccount", environment="environment", person="person_id", partner_may="SELECT"),
        tenant_table("consents_linktoken", partner_may="", person="person_id", staff_may=""),
        tenant_table(
            "consents_grant",
            environment="environment",
            person="person_id",
            partner_may="SELECT, UPDATE",
            person_may="SELECT, UPDATE",
        ),
        tenant_table(
            "consents_consentrecord", person="person_id", partner_may="SELECT", worker_may="SELECT, INSERT"
        ),
        reference_within_tenant("consents_grant", "customer_id", "consents_customer"),
        reference_within_tenant("consents_grant", "account_id", "consents_linkedaccount"),
        reference_within_tenant("consents_grant", "agreement_version_id", "partners_agreementversion"),
        reference_within_tenant("consents_linktoken", "sender_id", "partners_sender"),
        reference_within_tenant("consents_consentrecord", "grant_id", "consents_grant"),
        reference_within_tenant("consents_linkedaccount", "sender_id", "partners_sender"),
    ]
