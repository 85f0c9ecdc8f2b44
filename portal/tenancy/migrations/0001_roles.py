from django.db import migrations

from portal.tenancy.operations import ACTING_ROLES


def make_roles() -> str:
    """Roles belong to the whole cluster, so another database of it may have made them."""
    return "\n".join(
        f"""
        DO $$ BEGIN
            CREATE ROLE {role} NOLOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$;
        GRANT {role} TO parley_app;
        GRANT USAGE ON SCHEMA public TO {role};
        """
        for role in ACTING_ROLES
    ) + "GRANT USAGE ON SCHEMA public TO parley_app;"


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.RunSQL(make_roles(), migrations.RunSQL.noop)]
