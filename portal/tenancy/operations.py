"""Migration operations: row-level security and references that cannot leave a tenant."""

from django.db import migrations

ACTING_ROLES = ("parley_partner", "parley_person", "parley_staff", "parley_worker")

_CONTEXT = "(SELECT NULLIF(current_setting('app.{name}', true), '')::uuid)"
_ENVIRONMENT = "(SELECT NULLIF(current_setting('app.environment', true), ''))"


def tenant_table(
    table: str,
    *,
    partner: str = "partner_id",
    person: str = "",
    environment: str = "",
    partner_may: str = "SELECT, INSERT, UPDATE",
    person_may: str = "SELECT",
    person_sees: str = "",
    staff_may: str = "SELECT",
    worker_may: str = "SELECT, INSERT, UPDATE, DELETE",
) -> migrations.RunSQL:
    """Forces row-level security on `table`: one policy a role, and the rights each role has.

    A bank's role sees the rows whose `partner` column is its own (and, where `environment` names a column, of
    the environment it acts in); a person's role those whose `person` column is theirs, or those that the SQL
    condition `person_sees` allows. The tables' owner sees all rows, else data migrations would change none.
    """
    own = f"{partner} = {_CONTEXT.format(name='partner')}"
    if environment:
        own += f" AND ({_ENVIRONMENT} IS NULL OR {environment} = {_ENVIRONMENT})"
    theirs = person_sees or (f"{person} = {_CONTEXT.format(name='person')}" if person else "")
    rules = [
        ("parley_partner", partner_may, own),
        ("parley_person", person_may if theirs else "", theirs),
        ("parley_staff", staff_may, "true"),
        ("parley_worker", worker_may, "true"),
    ]
    statements = [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY owner ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)",
    ]
    for role, rights, condition in rules:
        if rights:
            name = role.removeprefix("parley_")
            statements += [
                f"CREATE POLICY {name} ON {table} TO {role} USING ({condition}) WITH CHECK ({condition})",
                f"GRANT {rights} ON {table} TO {role}",
            ]
    return migrations.RunSQL(";\n".join(statements), migrations.RunSQL.noop)


def reference_within_tenant(table: str, column: str, target: str) -> migrations.RunSQL:
    """A foreign key over (column, partner_id): a bank's row cannot point at another bank's.

    Foreign-key checks do not obey row-level security, so an ordinary one would allow it.
    """
    unique = f"{target}_id_partner"
    return migrations.RunSQL(
        f"""
        DO $$ BEGIN
            ALTER TABLE {target} ADD CONSTRAINT {unique} UNIQUE (id, partner_id);
        EXCEPTION WHEN duplicate_table OR duplicate_object THEN NULL;
        END $$;
        ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_in_tenant
            FOREIGN KEY ({column}, partner_id) REFERENCES {target} (id, partner_id)
        """,
        migrations.RunSQL.noop,
    )
