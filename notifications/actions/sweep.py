"""What time alone decides: expiry, sends that never were confirmed, grants that ran out; and who is asked again."""

from django.db import connection, transaction

from consents.actions.ask_again import ask_people
from consents.actions.expire import expire_grants
from notifications.telling import CHANGED, Changed, tell
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

_EXPIRE = f"""
UPDATE notifications_delivery d SET status = 'EXPIRED', reason = 'expired', ended_at = now()
FROM notifications_notification n WHERE n.id = d.notification_id AND d.id IN (
    SELECT id FROM notifications_delivery WHERE status = 'QUEUED' AND expires_at <= now()
    LIMIT 1000 FOR UPDATE SKIP LOCKED)
RETURNING {CHANGED}
"""  # noqa: S608 (made of our own constants)
# Messenger has no idempotency key: a send whose answer was lost is never tried again.
_UNCONFIRMED = """
UPDATE notifications_delivery SET status = 'UNCONFIRMED', reason = 'no_answer', ended_at = now()
WHERE id IN (SELECT id FROM notifications_delivery WHERE status = 'SENDING' AND lease_until <= now()
             LIMIT 1000 FOR UPDATE SKIP LOCKED)
"""


def sweep() -> dict[str, int]:
    """Returns how many deliveries expired, how many stay unconfirmed, how many grants ran out, and how many
    people were asked again.
    """
    with scope(Principal.system()), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_UNCONFIRMED)
        unconfirmed = cursor.rowcount
        cursor.execute(_EXPIRE)
        expired = [Changed(*row) for row in cursor.fetchall()]
        tell(expired)
    return {
        "expired": len(expired),
        "unconfirmed": unconfirmed,
        "grants": expire_grants(),
        "asked": ask_people(),
    }
