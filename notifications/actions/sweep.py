"""What time alone decides: expiry, sends that never were confirmed, grants that ran out."""

from django.db import connection, transaction

from consents.actions.expire import expire_grants
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

_EXPIRE = """
UPDATE notifications_delivery SET status = 'EXPIRED', reason = 'expired', ended_at = now()
WHERE id IN (SELECT id FROM notifications_delivery WHERE status = 'QUEUED' AND expires_at <= now()
             LIMIT 1000 FOR UPDATE SKIP LOCKED)
"""
# Messenger has no idempotency key: a send whose answer was lost is never tried again.
_UNCONFIRMED = """
UPDATE notifications_delivery SET status = 'UNCONFIRMED', reason = 'no_answer', ended_at = now()
WHERE id IN (SELECT id FROM notifications_delivery WHERE status = 'SENDING' AND lease_until <= now()
             LIMIT 1000 FOR UPDATE SKIP LOCKED)
"""


def sweep() -> dict[str, int]:
    """Returns how many deliveries expired, how many stay unconfirmed, and how many grants ran out."""
    with scope(Principal.system()), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_EXPIRE)
        expired = cursor.rowcount
        cursor.execute(_UNCONFIRMED)
        unconfirmed = cursor.rowcount
    return {"expired": expired, "unconfirmed": unconfirmed, "grants": expire_grants()}
