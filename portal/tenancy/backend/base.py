"""Django's PostgreSQL backend, with the principal in every transaction.

BEGIN and the principal's role travel in one round trip (psycopg alone would send BEGIN by itself). Role and
tenant are set for the transaction only: a session's setting would survive into the next user of a connection.
"""

from typing import Any

from django.db import OperationalError
from django.db.backends.postgresql import base

from portal.tenancy.context import context_sql, current


class DatabaseWrapper(base.DatabaseWrapper):
    """`OPTIONS["assume_role"]` and everything else work as in Django's own."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.autocommit = True  # transactions are begun below, never by psycopg
        return connection

    def _set_autocommit(self, autocommit: bool) -> None:
        if autocommit:
            return
        try:
            self._begin()
        except OperationalError:
            # The server was restarted since this connection was last used; nothing has been sent on it yet.
            self.close_if_unusable_or_obsolete()
            if self.connection is not None:
                self.connection.close()
                self.connection = None
            self.connect()
            self._begin()

    def _begin(self) -> None:
        principal = current()
        statement = "BEGIN" if principal is None else f"BEGIN; {context_sql(principal)}"
        with self.wrap_database_errors:
            self.connection.execute(statement, prepare=False)
