from django.db import migrations

from portal.tenancy.operations import tenant_table


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial"), ("tenancy", "0001_roles")]
    operations = [
        tenant_table(
            "audit_auditevent",
            person="person_id",
            partner_may="SELECT, INSERT",
            person_may="SELECT, INSERT",
            staff_may="SELECT, INSERT",
            worker_may="SELECT, INSERT",
        ),
        # The owner, too, is refused: only dropping the trigger, which shows, could change what was written.
        migrations.RunSQL(
            """
            CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$;
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_auditevent
                FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
            """,
            migrations.RunSQL.noop,
        ),
    ]
