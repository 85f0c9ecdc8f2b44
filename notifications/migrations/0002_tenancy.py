from django.db import migrations

from portal.tenancy.operations import reference_within_tenant, tenant_table

# The person's own policy on grants holds inside this query too
BANKS_OF_THEIRS = "partner_id IN (SELECT g.partner_id FROM consents_grant g)"


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial"), ("consents", "0002_tenancy")]
    operations = [
        tenant_table(
            "notifications_template",
            staff_may="SELECT",
            person_sees=BANKS_OF_THEIRS,
        ),
        tenant_table(
            "notifications_templateversion",
            staff_may="SELECT, UPDATE",
            person_sees=BANKS_OF_THEIRS,
        ),
        tenant_table(
            "notifications_notification",
            environment="environment",
            person="person_id",
            partner_may="SELECT, INSERT",
            worker_may="SELECT, INSERT",
        ),
        tenant_table("notifications_delivery", environment="environment", person="person_id"),
        tenant_table("notifications_attempt", person="person_id", partner_may="SELECT", worker_may="SELECT, INSERT"),
        tenant_table("notifications_inboundevent", partner_may="", staff_may=""),
        tenant_table("notifications_reply", partner_may="", staff_may=""),
        reference_within_tenant("notifications_inboundevent", "sender_id", "partners_sender"),
        reference_within_tenant("notifications_reply", "sender_id", "partners_sender"),
        reference_within_tenant("notifications_templateversion", "template_id", "notifications_template"),
        reference_within_tenant("notifications_notification", "grant_id", "consents_grant"),
        reference_within_tenant("notifications_delivery", "notification_id", "notifications_notification"),
        reference_within_tenant("notifications_delivery", "account_id", "consents_linkedaccount"),
    ]
