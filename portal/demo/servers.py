"""The database and the broker a launcher works with: the ones it was given, or its own."""

from collections.abc import Mapping

import psycopg

from portal.demo.child import Child
from portal.demo.postgres import VOLATILE, Postgres
from portal.demo.refusal import Refusal
from portal.demo.state import State
from portal.demo.valkey import Valkey

APP_ROLE = "parley_app"


class Servers:
    """`DATABASE_URL` and `REDIS_URL` in `given` name servers to use; what they leave out is started from a
    wheel. What is `is_volatile` may be lost in a power failure.
    """

    def __init__(self, state: State, given: Mapping[str, str], *, is_volatile: bool = False) -> None:
        self.given = given
        settings = VOLATILE if is_volatile else {}
        self.postgres = None if given.get("DATABASE_URL") else Postgres(state, **settings)
        self.valkey = None if given.get("REDIS_URL") else Valkey(state)

    @property
    def children(self) -> list[Child]:
        """The servers to start, none when both are given."""
        return [server.child for server in (self.postgres, self.valkey) if server is not None]

    def prepare(self) -> None:
        """Makes the roles and the database, once the servers are ready."""
        if self.postgres is not None:
            self.postgres.make_roles()
        elif not self.given.get("DATABASE_OWNER_URL"):
            _make_app_role(self.given["DATABASE_URL"])

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which the settings find the servers."""
        return {**self._database(), **self._broker()}

    def _database(self) -> dict[str, str]:
        if self.postgres is not None:
            return {
                "DATABASE_URL": self.postgres.url(APP_ROLE),
                "DATABASE_OWNER_URL": self.postgres.url("parley_owner"),
            }
        url = self.given["DATABASE_URL"]
        if owner := self.given.get("DATABASE_OWNER_URL"):
            return {"DATABASE_URL": url, "DATABASE_OWNER_URL": owner}
        return {"DATABASE_URL": url, "DATABASE_OWNER_URL": url, "DATABASE_ASSUME_ROLE": APP_ROLE}

    def _broker(self) -> dict[str, str]:
        url = self.valkey.url if self.valkey is not None else self.given["REDIS_URL"]
        return {"REDIS_URL": url, "BROKER_URL": self.given.get("BROKER_URL") or url}


def _make_app_role(url: str) -> None:
    """A database given by its owner's address alone lacks the role that the processes assume: make it.

    The owner may then take that role, and does not have its rights meanwhile.
    """
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone()
            if known is None:
                connection.execute(f"CREATE ROLE {APP_ROLE} NOINHERIT")
            connection.execute(f"GRANT {APP_ROLE} TO CURRENT_USER")
    except psycopg.Error as error:
        raise Refusal(
            f"The database at DATABASE_URL cannot be prepared ({str(error).strip()}). Its user must be able"
            " to create roles; or run deploy/roles.sql there and set DATABASE_OWNER_URL too.",
            exit_code=2,
        ) from error
