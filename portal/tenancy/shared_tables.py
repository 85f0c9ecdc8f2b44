"""Grants on the tables that belong to no tenant. Every other table is closed until its migration opens it."""

from typing import Any

from django.apps import apps
from django.db import connections

from portal.tenancy.operations import ACTING_ROLES

SHARED_APPS = (
    "accounts",
    "auth",
    "contenttypes",
    "sessions",
    "account",
    "mfa",
    "socialaccount",
    "usersessions",
    "guardian",
    "oauth2_provider",
)
# Shared rows that hang on a partner, in apps whose other tables are tenants'
SHARED_MODELS = ("partners.PartnerGroupPermission", "partners.PartnerUserPermission")


def grant_shared_tables(*, using: str, **_: Any) -> None:
    """Lets the login role and the acting roles use the shared tables (sign-in, sessions, tokens)."""
    models = [model for label in SHARED_APPS for model in apps.get_app_config(label).get_models(True)]
    models += [apps.get_model(name) for name in SHARED_MODELS]
    tables = sorted({model._meta.db_table for model in models if model._meta.managed})
    roles = ", ".join(["parley_app", *ACTING_ROLES])
    connection = connections[using]
    existing = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT SELECT ON django_migrations TO {roles}")
        for table in tables:
            if table in existing:
                cursor.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO {roles}')
        cursor.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {roles}")
