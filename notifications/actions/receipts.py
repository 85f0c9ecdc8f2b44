"""Echoes and receipts. A delivery's state only rises: SENDING, SENT, DELIVERED, READ."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from consents.actions.link import address_index
from notifications.models import Delivery
from notifications.telling import CHANGED, Changed, tell
from partners.models import Sender

# Platform clocks and ours differ a little; a receipt's watermark is theirs, sent_at is ours.
CLOCK_SKEW = timedelta(seconds=2)
_ADVANCE = f"""
UPDATE notifications_delivery d SET status = %(to)s, reason = '', ended_at = NULL, {{times}}
FROM notifications_notification n
WHERE n.id = d.notification_id AND d.sender_id = %(sender)s AND d.status = ANY (%(from)s) AND {{which}}
RETURNING {CHANGED}
"""  # noqa: S608 (made of our own constants)
_OF_ACCOUNT = """
d.account_id IN (SELECT id FROM consents_linkedaccount WHERE sender_id = %(sender)s AND address_index = %(address)s)
AND d.sent_at <= %(until)s
"""
# Deliveries whose outcome a worker may be about to write (see notifications.actions.outcome)
_LOCK_RECENT = """
SELECT id FROM notifications_delivery WHERE account_id IN
    (SELECT id FROM consents_linkedaccount WHERE sender_id = %(sender)s AND address_index = %(address)s)
AND status IN ('SENDING', 'SENT', 'DELIVERED') AND lease_until > now() - interval '1 minute'
ORDER BY id FOR NO KEY UPDATE
"""
_ECHOED = _ADVANCE.format(times="sent_at = COALESCE(d.sent_at, d.start_by)", which="d.id = %(id)s")
_DELIVERED_IDS = _ADVANCE.format(times="delivered_at = %(at)s", which="d.provider_id = ANY (%(mids)s)")
_DELIVERED = _ADVANCE.format(times="delivered_at = %(at)s", which=_OF_ACCOUNT)
_READ = _ADVANCE.format(
    times="read_at = %(at)s, delivered_at = COALESCE(d.delivered_at, %(at)s)", which=_OF_ACCOUNT
)


def lock_recent(sender: Sender, address_index: bytes) -> None:
    """Takes the locks that a conversation's receipts may need, in the order in which everybody takes them."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_RECENT, {"sender": sender.id, "address": address_index})


def apply_echo(sender: Sender, message: dict[str, Any]) -> bool:
    """The platform shows us our own message: it was sent, whatever the answer to our request was."""
    try:
        delivery_id = UUID(hex=message.get("metadata") or "")
    except ValueError:
        return True  # somebody else's message on this page
    _advance(_ECHOED, sender, "SENT", ["QUEUED", "SENDING", "UNCONFIRMED"], id=delivery_id)
    unknown = Delivery.objects.filter(pk=delivery_id, sender=sender, provider_id="")
    unknown.update(provider_id=message.get("mid", ""))
    return True


def apply_delivery(sender: Sender, address: str, receipt: dict[str, Any]) -> bool:
    """By message id where the platform names any, else everything up to the watermark."""
    at = _moment(receipt)
    if mids := receipt.get("mids"):
        _advance(
            _DELIVERED_IDS, sender, "DELIVERED", ["SENDING", "SENT", "UNCONFIRMED"], at=at, mids=list(mids)
        )
        known = Delivery.objects.filter(sender=sender, provider_id__in=mids)
        return known.count() == len(mids) or not _being_sent(sender, address).exists()
    index = address_index(sender.id, sender.partner_id, address)
    _advance(_DELIVERED, sender, "DELIVERED", ["SENT"], at=at, until=at + CLOCK_SKEW, address=index)
    return True


def apply_read(sender: Sender, address: str, receipt: dict[str, Any]) -> bool:
    """Only a watermark: everything up to that time was read."""
    seen = _moment(receipt)
    index = address_index(sender.id, sender.partner_id, address)
    _advance(_READ, sender, "READ", ["SENT", "DELIVERED"], at=seen, until=seen + CLOCK_SKEW, address=index)
    return not _being_sent(sender, address).filter(start_by__lte=seen).exists()


def _advance(statement: str, sender: Sender, to: str, before: list[str], **values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, {**values, "sender": sender.id, "to": to, "from": before})
        changed = [Changed(*row) for row in cursor.fetchall()]
    tell(changed)


def _being_sent(sender: Sender, address: str) -> QuerySet[Delivery]:
    index = address_index(sender.id, sender.partner_id, address)
    sending = Delivery.objects.filter(sender=sender, account__sender=sender, account__address_index=index)
    return sending.filter(status=Delivery.Status.SENDING)


def _moment(receipt: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(receipt.get("watermark", 0)) / 1000, UTC)
