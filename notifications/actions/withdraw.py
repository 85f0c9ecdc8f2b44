"""Takes queued deliveries back: their grant or their bank was stopped, or the bank cancelled."""

import time
from uuid import UUID

from django.db import connection

from notifications.models import Delivery, Notification
from notifications.telling import CHANGED, Changed, tell
from partners.refusals import Refused
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

_LONGEST_WAIT = 5.0
_LAST_START = """
SELECT extract(epoch FROM max(start_by) - clock_timestamp()) FROM notifications_delivery
WHERE {column} = %s AND status = 'SENDING'
"""
_WITHDRAW = f"""
UPDATE notifications_delivery d SET status = 'WITHDRAWN', reason = %s, ended_at = now()
FROM notifications_notification n WHERE n.id = d.notification_id AND d.grant_id = %s AND d.status = 'QUEUED'
RETURNING {CHANGED}
"""  # noqa: S608 (made of our own constants)
_CANCEL = """
UPDATE notifications_delivery SET status = 'CANCELLED', reason = 'cancelled_by_bank', ended_at = now()
WHERE id = %s
"""


class Queue:
    """The engine, as `partners.outgoing` asks for it. Runs as the system."""

    def stop_grant(self, *, grant_id: UUID, reason: str) -> int:
        """See `partners.outgoing`. Waits at most as long as a send may begin after its claim."""
        _wait_for_starts("grant_id", grant_id)
        with connection.cursor() as cursor:
            cursor.execute(_WITHDRAW, [reason, grant_id])
            withdrawn = [Changed(*row) for row in cursor.fetchall()]
        tell(withdrawn)
        return len(withdrawn)

    def settle_partner(self, *, partner_id: UUID) -> None:
        """See `partners.outgoing`."""
        _wait_for_starts("partner_id", partner_id)


def _wait_for_starts(column: str, value: UUID) -> None:
    """The caller's lock keeps new claims away; a claim that came first has committed, so its rows are seen."""
    end = time.monotonic() + _LONGEST_WAIT
    while time.monotonic() < end:
        with connection.cursor() as cursor:
            cursor.execute(_LAST_START.format(column=column), [value])
            left = cursor.fetchone()[0]
        if left is None or left <= 0:
            return
        time.sleep(min(float(left), 0.05))


def cancel_notification(*, delivery: Delivery, actor: Principal) -> Delivery:
    """The bank takes it back; raises Refused once sending has begun. Runs in the caller's transaction."""
    with scope(actor):
        locked = Delivery.objects.select_for_update(no_key=True).get(pk=delivery.pk)
        if locked.status != Delivery.Status.QUEUED:
            raise Refused("It is too late to cancel: sending has begun or it has ended.")
        with connection.cursor() as cursor:
            cursor.execute(_CANCEL, [locked.pk])
        record(
            Code.NOTIFICATION_CANCELLED,
            actor=actor,
            target=Notification(pk=locked.notification_id),
            partner_id=locked.partner_id,
            person_id=locked.person_id,
        )
    return Delivery.objects.select_related("notification").get(pk=delivery.pk)
