"""Statements of the hot paths, prepared: PostgreSQL parses and plans each once a connection, not once a call.

Django binds values on the client, so that every call is a new statement; for a join of eight tables under
row-level security, planning costs several times what running does. A plan that was made under another role, or
for a table that has changed since, is made again by PostgreSQL itself.
"""

from collections.abc import Mapping
from typing import Any

import psycopg
from django.db import connection


def run(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Runs it in the current transaction, with `%(name)s` for values; returns its rows, if it has any."""
    with connection.wrap_database_errors:
        cursor = psycopg.Cursor(connection.connection)
        cursor.execute(statement, values, prepare=True, binary=True)
        has_rows = cursor.pgresult is not None and cursor.pgresult.nfields > 0
        return cursor.fetchall() if has_rows else []
