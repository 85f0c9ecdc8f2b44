"""What PostgreSQL's own catalogue says about who may see what."""

from contextlib import nullcontext
from typing import Any

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, transaction

from portal.tenancy.context import scope
from portal.tenancy.operations import ACTING_ROLES
from portal.tenancy.principal import Kind, Principal
from portal.tenancy.shared_tables import SHARED_APPS, SHARED_MODELS

pytestmark = pytest.mark.django_db

TABLES = """
SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, pg_get_userbyid(c.relowner),
       array(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
"""
RIGHTS = """
SELECT c.relname, COALESCE(r.rolname, 'PUBLIC'), a.privilege_type
FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
"""
COLUMN_RIGHTS = """
SELECT c.relname, a.attname, pg_get_userbyid(acl.grantee), acl.privilege_type
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid CROSS JOIN LATERAL aclexplode(a.attacl) acl
WHERE c.relnamespace = 'public'::regnamespace
"""
POLICIES = """
SELECT tablename, roles::text[], qual, with_check, cmd, permissive FROM pg_policies WHERE schemaname = 'public'
"""
REFERENCES = """
SELECT k.conrelid::regclass::text, k.confrelid::regclass::text,
       array(SELECT attname::text FROM pg_attribute WHERE attrelid = k.conrelid AND attnum = ANY (k.conkey)),
       array(SELECT attname::text FROM pg_attribute WHERE attrelid = k.confrelid AND attnum = ANY (k.confkey))
FROM pg_constraint k WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace
"""
# A tenant's own table has neither column: its rows are the tenants.
TENANTS = {"partners_partner", "consents_person"}
# Tables of which a role sees some columns only.
BY_COLUMN = {
    ("partners_sender", "parley_person", "SELECT"): {
        "id", "partner_id", "environment", "channel", "external_id", "name", "status"
    },
    # What is told to a bank never changes; only who can open it does, before a person's key goes.
    ("partners_webhookmessage", "parley_worker", "UPDATE"): {"data", "person_id"},
    # That a bank read something never changes, but for how often.
    ("consents_reading", "parley_partner", "UPDATE"): {"times", "last_at"},
    # A message never changes, but that what it said is destroyed in its time.
    ("notifications_notification", "parley_worker", "UPDATE"): {"data"},
    # What was submitted cannot change; only how its review stands can.
    ("partners_submission", "parley_worker", "UPDATE"): {"status", "reviewer_id", "deferred_until"},
}  # fmt: skip
# No tenant's, and closed to all tenants.
CLOSED = {"mail_mail", "partners_agreementtemplate"}
# What row-level security is not for: tables without a tenant, closed or shared by name.
WITHOUT_TENANT = {"django_migrations"}
# Between two tables of tenants, and yet no foreign key that keeps both ends in one tenant.
LOOSE = {
    ("consents_reading", "grant_id"): "found by its id in the same statement; a key would wait for an end",
    ("notifications_attempt", "delivery_id"): "written only from the row that the same worker has claimed",
    ("notifications_delivery", "grant_id"): "copied from its notification's in one statement",
    ("notifications_delivery", "sender_id"): "copied from its account's in one statement",
    ("notifications_notification", "record_id"): "copied from its grant's in one statement",
    ("notifications_notification", "template_version_id"): "found by the bank's own id in the same statement",
}


def ask(query: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def columns() -> dict[str, list[str]]:
    return {table: names for table, _, _, names in ask(TABLES)}


def shared_tables() -> set[str]:
    """By the names that portal.tenancy.shared_tables lists."""
    models = [model for label in SHARED_APPS for model in apps.get_app_config(label).get_models(True)]
    models += [apps.get_model(name) for name in SHARED_MODELS]
    return {model._meta.db_table for model in models}


def tenant_tables() -> set[str]:
    return set(columns()) - shared_tables() - WITHOUT_TENANT


def test_every_table_with_a_tenant_forces_row_level_security() -> None:
    tenants = {name for name, found in columns().items() if {"partner_id", "person_id"} & set(found)}
    assert tenant_tables() == tenants | TENANTS | CLOSED
    assert len(tenants) >= 20
    assert [name for name, forced, *_ in ask(TABLES) if name in tenant_tables() and not forced] == []


def test_each_role_that_may_use_a_table_has_one_policy_there() -> None:
    granted = {(table, role) for table, role, _ in ask(RIGHTS) if role in ACTING_ROLES} | {
        whose[:2] for whose in BY_COLUMN
    }
    policies = [(table, role) for table, roles, *_ in ask(POLICIES) for role in roles if role in ACTING_ROLES]
    assert len(policies) == len(set(policies))
    assert set(policies) == {(table, role) for table, role in granted if table in tenant_tables()}


def test_each_policy_names_the_tenant_and_holds_for_writing_too() -> None:
    setting = {"parley_partner": "app.partner", "parley_person": "app.person"}
    # A person may see which banks and senders there are, and the wording of banks they are connected with.
    open_to_people = {"partners_partner", "partners_sender"}
    for table, [role], qual, check, command, permissive in ask(POLICIES):
        assert (qual, command, permissive) == (check, "ALL", "PERMISSIVE"), (table, role)
        if role == "parley_partner" or (role == "parley_person" and table not in open_to_people):
            assert setting[role] in qual or "consents_grant" in qual, (table, role, qual)


def test_nobody_has_rights_that_no_list_gives() -> None:
    """PUBLIC has none; the login role has those of the shared tables; the acting roles those plus their own."""
    rights = ask(RIGHTS)
    assert {role for _, role, _ in rights} == {"parley_owner", "parley_app", *ACTING_ROLES}
    of_app = {(table, right) for table, role, right in rights if role == "parley_app"}
    every = {"SELECT", "INSERT", "UPDATE", "DELETE"}
    expected = {(table, right) for table in shared_tables() for right in every}
    assert of_app == expected | {("django_migrations", "SELECT")}
    assert {right for _, role, right in rights if role in ACTING_ROLES} <= every
    of_columns = {(table, role, right, name) for table, name, role, right in ask(COLUMN_RIGHTS)}
    assert of_columns == {(*whose, name) for whose, names in BY_COLUMN.items() for name in names}
    assert not {tuple(row) for row in rights} & BY_COLUMN.keys()


def test_no_role_stands_above_the_policies() -> None:
    for role in ("parley_app", *ACTING_ROLES):
        [[inherits, *powers]] = ask(
            "SELECT rolinherit, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles"
            f" WHERE rolname = '{role}'"
        )
        assert (role, inherits, any(powers)) == (role, False, False)
    assert {owner for _, _, owner, _ in ask(TABLES)} == {"parley_owner"}
    members = "SELECT 1 FROM pg_auth_members m WHERE pg_get_userbyid(m.member) = 'parley_app'"
    assert len(ask(members)) == len(ACTING_ROLES)
    if connection.pg_version >= 160_000:  # from here on inheriting is a property of each membership
        assert ask(f"{members} AND m.inherit_option") == []
    assert ask("SELECT has_schema_privilege('parley_app', 'public', 'CREATE')") == [(False,)]


def test_outside_a_scope_each_table_of_a_tenant_is_refused() -> None:
    for table in sorted(tenant_tables()):
        for statement in (f"SELECT 1 FROM {table}", f"DELETE FROM {table}"):
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                ask(statement)


def test_references_between_tables_of_tenants_stay_inside_the_tenant() -> None:
    """Foreign-key checks do not obey row-level security: each has to hold the tenant itself."""
    both = {name for name, found in columns().items() if "partner_id" in found}
    foreign = [one for one in ask(REFERENCES) if one[0] in both and one[1] in both]
    loose = [
        f"{table}.{names[0]} -> {target}"
        for table, target, names, keys in foreign
        if "partner_id" not in names or "partner_id" not in keys
        if not any(one[:2] == (table, target) and {names[0], "partner_id"} == set(one[2]) for one in foreign)
    ]
    assert not loose, "Use reference_within_tenant for " + ", ".join(sorted(loose))


def test_each_reference_of_a_model_is_kept_by_the_database() -> None:
    """`db_constraint=False` needs a composite key instead, or a reason."""
    both = {name for name, found in columns().items() if "partner_id" in found}
    kept = {(table, name) for table, _, names, _ in ask(REFERENCES) for name in names}
    fields = [
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        for field in model._meta.local_concrete_fields
        if field.is_relation and {model._meta.db_table, field.related_model._meta.db_table} <= both
    ]
    assert {one for one in fields if one not in kept} == set(LOOSE)


def test_no_view_and_no_function_opens_what_a_policy_closes() -> None:
    views = (
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm')"
    )
    assert ask(views) == []
    definer = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    assert ask(definer) == []


@pytest.mark.parametrize(("column", "may"), [("name", True), ("secrets", False), ("*", False)])
def test_a_person_sees_no_sealed_secret_of_a_bank(world: Any, column: str, may: bool) -> None:
    person = Principal(Kind.PERSON, id=world.ana.person.user.pk, person_id=world.ana.person_id)
    refusal = nullcontext() if may else pytest.raises(ProgrammingError, match="permission denied")
    with scope(person), refusal, transaction.atomic():
        assert len(ask(f"SELECT {column} FROM partners_sender")) >= 2
