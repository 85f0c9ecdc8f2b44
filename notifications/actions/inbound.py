"""What a platform tells us: kept once as it came, then worked on in order."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from notifications.actions.chat import hear
from notifications.actions.receipts import apply_delivery, apply_echo, apply_read
from notifications.channels.messenger.events import split
from notifications.models import InboundEvent
from partners.models import Sender
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import open_sealed, seal
from portal.vault.keys import data_key_for

BATCH = 200
# A receipt may overtake the answer to the send it is about; after this long it never will fit. Seconds.
PATIENCE = 300
_PLACE = b"inbound.raw"


@transaction.atomic
def store_inbound(*, sender: Sender, raw: bytes) -> int:
    """Stores each event of a verified body once; returns how many were new."""
    with scope(Principal.system()):
        key = data_key_for(sender.partner_id)
        rows = [
            InboundEvent(
                partner_id=sender.partner_id,
                sender=sender,
                dedupe_key=dedupe_key,
                kind=kind,
                raw=seal(key, json.dumps(event).encode(), aad=_PLACE + sender.id.bytes),
            )
            for kind, dedupe_key, event in split(json.loads(raw))
        ]
        before = InboundEvent.objects.filter(
            dedupe_key__in=[row.dedupe_key for row in rows], sender=sender
        ).count()
        InboundEvent.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows) - before


def process_inbound() -> int:
    """Works on what waits; returns how many events are done. Each has a transaction of its own, so one that
    fails holds up no other.
    """
    with scope(Principal.system()), transaction.atomic():
        waiting = InboundEvent.objects.filter(processed_at__isnull=True).order_by("id")
        ids = list(waiting.values_list("id", flat=True)[:BATCH])
    return sum(_process(event_id) for event_id in ids)


def _process(event_id: int) -> bool:
    with scope(Principal.system()), transaction.atomic():
        row = (
            InboundEvent.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("sender")
            .filter(pk=event_id, processed_at__isnull=True)
            .first()
        )
        if row is None:
            return False
        event = json.loads(
            open_sealed(data_key_for(row.partner_id), row.raw, aad=_PLACE + row.sender_id.bytes)
        )
        is_old = row.received_at < timezone.now() - timedelta(seconds=PATIENCE)
        if not _apply(row.kind, row.sender, event) and not is_old:
            return False
        row.processed_at = timezone.now()
        row.save(update_fields=["processed_at"])
    return True


def _apply(kind: str, sender: Sender, event: dict[str, Any]) -> bool:
    """False asks to try again later."""
    if kind == "delivery":
        return apply_delivery(sender, _address(event), event["delivery"])
    if kind == "read":
        return apply_read(sender, _address(event), event["read"])
    if kind == "echo":
        return apply_echo(sender, event["message"])
    hear(sender=sender, kind=kind, address=_address(event), event=event)
    return True


def _address(event: dict[str, Any]) -> str:
    return str(event.get("sender", {}).get("id", ""))


def find_sender(sender_id: UUID) -> Sender | None:
    """The sender a hook address names."""
    with scope(Principal.system()), transaction.atomic():
        return Sender.objects.filter(pk=sender_id).first()
