from django.db import migrations

from portal.tenancy.operations import reference_within_tenant, tenant_table


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_initial"), ("consents", "0003_tenancy")]
    operations = [
        tenant_table(
            "notifications_template",
            staff_may="SELECT",
            person_sees="EXISTS (SELECT FROM notifications_templateversion v"
            " WHERE v.template_id = notifications_template.id)",  # those versions that the person may see
        ),
        tenant_table(
            "notifications_templateversion",
            staff_may="SELECT, UPDATE",
            person_sees="EXISTS (SELECT FROM notifications_notification n"
            " WHERE n.template_version_id = notifications_templateversion.id AND n.person_id ="
            " (SELECT NULLIF(current_setting('app.person', true), '')::uuid))",
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
        reference_within_tenant("notifications_templateversion", "template_id", "notifications_template"),
        reference_within_tenant("notifications_notification", "grant_id", "consents_grant"),
        reference_within_tenant("notifications_delivery", "notification_id", "notifications_notification"),
        reference_within_tenant("notifications_delivery", "account_id", "consents_linkedaccount"),
    ]
