"""Takes queued deliveries back: their grant ended, the bank cancelled, or their time ran out."""

import time
from uuid import UUID

from django.db import connection

from notifications.models import Delivery
from partners.refusals import Refused
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

_LONGEST_WAIT = 5.0


class Queue:
    """What `consents` asks of the engine (see `consents.outgoing`)."""

    def stop(self, *, grant_id: UUID, reason: str) -> int:
        """Withdraws what is queued, and waits (at most half a second) until what was claimed has begun: after
        the caller's commit no send of this grant begins.
        """
        self._wait_for_starts(grant_id)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE notifications_delivery SET status = 'WITHDRAWN', reason = %s, ended_at = now()"
                " WHERE grant_id = %s AND status = 'QUEUED'",
                [reason, grant_id],
            )
            return cursor.rowcount

    def _wait_for_starts(self, grant_id: UUID) -> None:
        """The grant is locked, so nothing of it is claimed meanwhile; a claim that came first has committed."""
        end = time.monotonic() + _LONGEST_WAIT
        while time.monotonic() < end:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT extract(epoch FROM max(start_by) - clock_timestamp()) FROM notifications_delivery"
                    " WHERE grant_id = %s AND status = 'SENDING'",
                    [grant_id],
                )
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
        locked.status = Delivery.Status.CANCELLED
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE notifications_delivery SET status = 'CANCELLED', reason = 'cancelled_by_bank',"
                " ended_at = now() WHERE id = %s",
                [locked.pk],
            )
        record(
            Code.NOTIFICATION_CANCELLED,
            actor=actor,
            target=locked,
            partner_id=locked.partner_id,
            person_id=locked.person_id,
        )
    return Delivery.objects.get(pk=delivery.pk)
