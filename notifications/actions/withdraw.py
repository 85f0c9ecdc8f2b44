"""Takes queued deliveries back: their grant or their bank was stopped, or the bank cancelled."""

import json
import time
from collections.abc import Iterable
from uuid import UUID

from django.db import connection

from consents.actions.give import account_index
from consents.models import Grant
from notifications.actions.accept import data_place
from notifications.models import Delivery, Notification, QuietHours
from notifications.telling import CHANGED, Changed, tell
from partners.outgoing import Stopped
from partners.refusals import Refused
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import DataKeyMaterial, open_sealed
from portal.vault.keys import data_key_for

_LONGEST_WAIT = 5.0
_LAST_START = """
SELECT extract(epoch FROM max(start_by) - clock_timestamp()) FROM notifications_delivery
WHERE {column} = %s AND status = 'SENDING'
"""
_WITHDRAW = f"""
UPDATE notifications_delivery d SET status = 'WITHDRAWN', reason = %s, ended_at = now()
FROM notifications_notification n WHERE n.id = d.notification_id AND d.grant_id = %s AND d.status = 'QUEUED'
  AND (%s::uuid[] IS NULL OR d.id = ANY (%s::uuid[]))
RETURNING {CHANGED}
"""  # noqa: S608 (made of our own constants)
# A phone that is off gets later what the messenger has; most of it comes within seconds
_OUTLOOK = """
SELECT grant_id, count(*) FILTER (WHERE status = 'QUEUED'),
       count(*) FILTER (WHERE status <> 'QUEUED' AND coalesce(sent_at, start_by) > now() - interval '1 hour')
FROM notifications_delivery
WHERE grant_id = ANY (%s) AND status IN ('QUEUED', 'SENDING', 'SENT', 'UNCONFIRMED') GROUP BY grant_id
"""
_REDIRECT = """
UPDATE notifications_delivery SET account_id = %s, sender_id = %s WHERE grant_id = %s AND status = 'QUEUED'
"""
_FORGET = """
UPDATE notifications_inboundevent SET raw = '', conversation = sha256(gen_random_uuid()::text::bytea)
WHERE conversation = ANY (%s) AND processed_at IS NOT NULL
"""
_CANCEL = """
UPDATE notifications_delivery SET status = 'CANCELLED', reason = 'cancelled_by_bank', ended_at = now()
WHERE id = %s
"""


class Queue:
    """The engine, as `partners.outgoing` asks for it. Runs as the system."""

    def stop_grant(self, *, grant_id: UUID, reason: str) -> Stopped:
        """See `partners.outgoing`. Waits at most as long as a send may begin after its claim."""
        _wait_for_starts("grant_id", grant_id)
        withdrawn = _withdraw(grant_id, reason)
        left = self.outlook([grant_id]).get(grant_id)
        return Stopped(withdrawn, left.handed_over if left else 0)

    def outlook(self, grant_ids: Iterable[UUID]) -> dict[UUID, Stopped]:
        """See `partners.outgoing`."""
        with connection.cursor() as cursor:
            cursor.execute(_OUTLOOK, [list(grant_ids)])
            return {grant_id: Stopped(waiting, handed) for grant_id, waiting, handed in cursor.fetchall()}

    def keep_within(self, *, grant: Grant) -> int:
        """See `partners.outgoing`. What is accepted or tried meanwhile by what the grant held before is
        judged by what it holds then, and goes where it says then, once it is claimed or sent again.
        """
        _wait_for_starts("grant_id", grant.id)
        withdrawn = _withdraw(grant.id, "grant_narrowed", _outside(grant))
        with connection.cursor() as cursor:
            cursor.execute(_REDIRECT, [grant.account_id, grant.account.sender_id, grant.id])
        return withdrawn

    def forget_person(self, *, person_id: UUID, conversations: list[bytes]) -> None:
        """See `partners.outgoing`. What is not worked on yet stays until it is."""
        QuietHours.objects.filter(person_id=person_id).delete()
        with connection.cursor() as cursor:
            cursor.execute(_FORGET, [conversations])

    def settle_partner(self, *, partner_id: UUID) -> None:
        """See `partners.outgoing`."""
        _wait_for_starts("partner_id", partner_id)


def _withdraw(grant_id: UUID, reason: str, only: list[UUID] | None = None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_WITHDRAW, [reason, grant_id, only, only])
        withdrawn = [Changed(*row) for row in cursor.fetchall()]
    tell(withdrawn)
    return len(withdrawn)


def _outside(grant: Grant) -> list[UUID]:
    queued = Delivery.objects.filter(grant_id=grant.id, status=Delivery.Status.QUEUED)
    key = data_key_for(grant.partner_id, grant.person_id)
    return [
        one.id for one in queued.select_related("notification") if not _holds(grant, one.notification, key)
    ]


def _holds(grant: Grant, notification: Notification, key: DataKeyMaterial) -> bool:
    if notification.cluster not in grant.clusters or not notification.data:  # emptied: nobody can tell
        return False
    data = json.loads(open_sealed(key, notification.data, aad=data_place(notification.id)))
    account = data.get("account")
    return account is None or account_index(grant.partner_id, account) in map(bytes, grant.account_indexes)


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
