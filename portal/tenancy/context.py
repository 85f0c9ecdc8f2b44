"""The principal whose statements the database sees, for the length of a `with` block."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import connection
from psycopg.pq import TransactionStatus

from portal.tenancy.principal import Principal

_current: ContextVar[Principal | None] = ContextVar("principal", default=None)


def current() -> Principal | None:
    """The principal in force, or None."""
    return _current.get()


def context_sql(principal: Principal | None) -> str:
    """The statement that takes on the principal's role and tenant until the transaction ends.

    Every part is a fixed word or a UUID, so nothing needs quoting.
    """
    if principal is None:
        role, partner, person, environment = "parley_app", "", "", ""
    else:
        role, environment = principal.db_role, principal.environment
        partner, person = str(principal.partner_id or ""), str(principal.person_id or "")
    return (
        f"SELECT set_config('role', '{role}', true), set_config('app.partner', '{partner}', true),"
        f" set_config('app.person', '{person}', true), set_config('app.environment', '{environment}', true)"
    )


@contextmanager
def scope(principal: Principal) -> Iterator[None]:
    """Acts as `principal`. Transactions begun inside carry its role; one already open takes it on, and gives
    it back at the end. Outside any scope no tenant's table can be read.
    """
    before = _current.get()
    token = _current.set(principal)
    try:
        _apply(principal)
        yield
    finally:
        _current.reset(token)
        _apply(before)


def _apply(principal: Principal | None) -> None:
    """A transaction that has failed takes no statement; rolling it back gives the role back as well."""
    if not connection.in_atomic_block or connection.needs_rollback or connection.connection is None:
        return
    if connection.connection.info.transaction_status is TransactionStatus.INTRANS:
        with connection.cursor() as cursor:
            cursor.execute(context_sql(principal))
