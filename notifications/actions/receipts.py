"""Echoes and receipts. A delivery's state only rises: SENDING, SENT, DELIVERED, READ."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from consents.actions.link import address_index
from notifications.models import Delivery
from partners.models import Sender

_S = Delivery.Status
# Platform clocks and ours differ a little; a receipt's watermark is theirs, sent_at is ours.
CLOCK_SKEW = timedelta(seconds=2)


def apply_echo(sender: Sender, message: dict[str, Any]) -> bool:
    """The platform shows us our own message: it was sent, whatever the answer to our request was."""
    try:
        delivery_id = UUID(hex=message.get("metadata") or "")
    except ValueError:
        return True  # somebody else's message on this page
    rows = Delivery.objects.filter(pk=delivery_id, sender=sender)
    rows.filter(status__in=[_S.SENDING, _S.UNCONFIRMED]).update(
        status=_S.SENT, reason="", sent_at=Coalesce("sent_at", "start_by"), ended_at=None
    )
    rows.filter(provider_id="").update(provider_id=message.get("mid", ""))
    return True


def apply_delivery(sender: Sender, address: str, receipt: dict[str, Any]) -> bool:
    """By message id where the platform names any, else everything up to the watermark."""
    now_delivered = {"status": _S.DELIVERED, "reason": "", "delivered_at": _moment(receipt)}
    if mids := receipt.get("mids"):
        known = Delivery.objects.filter(sender=sender, provider_id__in=mids)
        known.filter(status__in=[_S.SENDING, _S.SENT, _S.UNCONFIRMED]).update(**now_delivered)
        return known.count() == len(mids) or not _open(sender, address).filter(status=_S.SENDING).exists()
    _open(sender, address).filter(status=_S.SENT, sent_at__lte=_moment(receipt) + CLOCK_SKEW).update(
        **now_delivered
    )
    return True


def apply_read(sender: Sender, address: str, receipt: dict[str, Any]) -> bool:
    """Only a watermark: everything up to that time was read."""
    seen = _moment(receipt)
    _open(sender, address).filter(status__in=[_S.SENT, _S.DELIVERED], sent_at__lte=seen + CLOCK_SKEW).update(
        status=_S.READ, reason="", read_at=seen, delivered_at=Coalesce(F("delivered_at"), Value(seen))
    )
    return not _open(sender, address).filter(Q(status=_S.SENDING, start_by__lte=seen)).exists()


def _open(sender: Sender, address: str) -> Any:
    index = address_index(sender.id, sender.partner_id, address)
    return Delivery.objects.filter(sender=sender, account__address_index=index)


def _moment(receipt: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(receipt.get("watermark", 0)) / 1000, UTC)
