"""Events are kept for thirty days: so long they can be read and sent again."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from portal.ids import first_uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

KEPT = timedelta(days=30)
_AT_ONCE = 5_000  # rows in a transaction
# In this order: each refers to what follows it
_OLD = (
    "partners_webhookattempt WHERE id IN (SELECT id FROM partners_webhookattempt WHERE delivery_id < %(first)s LIMIT %(most)s)",
    "partners_webhookdelivery WHERE id IN (SELECT id FROM partners_webhookdelivery WHERE id < %(first)s LIMIT %(most)s)",
    "partners_webhookmessage WHERE id IN (SELECT id FROM partners_webhookmessage WHERE id < %(earlier)s LIMIT %(most)s)",
    "partners_webhookendpoint e WHERE deleted_at < %(before)s"
    " AND NOT EXISTS (SELECT FROM partners_webhookdelivery d WHERE d.endpoint_id = e.id)",
)


def forget_old() -> int:
    """Deletes what is older, a part at a time; returns how many rows went."""
    before = datetime.now(UTC) - KEPT
    # A message is a little older than its deliveries, and an endpoint older than all that it was sent
    values: dict[str, Any] = {
        "first": first_uuid7(before),
        "earlier": first_uuid7(before - timedelta(hours=1)),
        "before": before - timedelta(days=1),
        "most": _AT_ONCE,
    }
    return sum(_delete(f"DELETE FROM {old}", values) for old in _OLD)  # noqa: S608 (our own constants)


def _delete(statement: str, values: dict[str, Any]) -> int:
    total, is_done = 0, False
    while not is_done:
        with scope(Principal.system()), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)
            total, is_done = total + cursor.rowcount, cursor.rowcount < _AT_ONCE
    return total
