"""What a platform tells us: kept once as it came, then worked on, each conversation in order.

What people do has a lane of its own, so that a STOP never waits behind what platforms report of our messages. The two
do not depend on each other: reports move deliveries on, and what a person does decides what is sent from now on.
"""

import json
import secrets
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from consents.actions.link import address_index
from consents.models import LinkedAccount
from notifications.actions.chat import hear, lock_for_hearing
from notifications.actions.receipts import apply_delivery, apply_echo, apply_read, lock_recent
from notifications.channels.messenger.events import split
from notifications.models import InboundEvent
from notifications.nudge import EVENTS, PEOPLE, nudge
from partners.models import Sender
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import open_sealed, seal
from portal.vault.keys import data_key_for

log = structlog.get_logger(__name__)
CONVERSATIONS = 25  # worked on before it is looked again who has written
# A receipt may overtake the answer to the send it is about; after this long it never will fit.
PATIENCE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=1)
RECEIPTS = ("delivery", "read")
_PLACE = b"inbound.raw"
_REPORTED = f"kind IN {InboundEvent.REPORTS}"
_DONE_BY_PEOPLE = f"NOT {_REPORTED}"
_WAITING = """
SELECT conversation FROM notifications_inboundevent
WHERE processed_at IS NULL AND next_attempt_at <= now() - make_interval(secs => %s) AND {kinds}
GROUP BY conversation ORDER BY min(id) LIMIT %s
"""


@transaction.atomic
def store_inbound(*, sender: Sender, raw: bytes) -> int:
    """Stores each event of a verified body once, and wakes whom it is for; returns how many were new."""
    with scope(Principal.system()):
        key = data_key_for(sender.partner_id)
        rows = [
            InboundEvent(
                partner_id=sender.partner_id,
                sender=sender,
                dedupe_key=dedupe_key,
                kind=kind,
                conversation=address_index(sender.id, sender.partner_id, _address(kind, event)),
                raw=seal(key, json.dumps(event).encode(), aad=_PLACE + sender.id.bytes),
            )
            for kind, dedupe_key, event in split(json.loads(raw))
        ]
        before = InboundEvent.objects.filter(
            dedupe_key__in=[row.dedupe_key for row in rows], sender=sender
        ).count()
        InboundEvent.objects.bulk_create(rows, ignore_conflicts=True)
        new = len(rows) - before
        for lane in {EVENTS if row.is_report else PEOPLE for row in rows} if new else ():
            transaction.on_commit(partial(nudge, lane), robust=True)
    return new


def hear_people(*, waited: timedelta = timedelta()) -> int:
    """Works on what people did, or on that of it which has waited so long; returns how many events are done."""
    conversations = _waiting(_DONE_BY_PEOPLE, waited)
    if len(conversations) > 1:
        nudge(PEOPLE)  # each may have to wait for a send that has begun: there is work for another thread
    found = [(one, _process(one, are_reports=False)) for one in conversations]
    # What came while another worker was on the same conversation follows at once
    left = [_process(one, are_reports=False, is_waiting=True) for one, done in found if done is None]
    return sum(done or 0 for done in (*(done for _, done in found), *left))


def take_reports() -> int:
    """Works on receipts and echoes; returns how many are done."""
    return sum(_process(one, are_reports=True) or 0 for one in _waiting(_REPORTED))


def _waiting(kinds: str, waited: timedelta = timedelta()) -> list[bytes]:
    with scope(Principal.system()), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_WAITING.format(kinds=kinds), [waited.total_seconds(), CONVERSATIONS])
        return [bytes(row[0]) for row in cursor.fetchall()]


def _process(conversation: bytes, *, are_reports: bool, is_waiting: bool = False) -> int | None:
    """All that waits of one conversation and lane, in one transaction. None where another worker has it, unless
    `is_waiting` for that worker to be done.
    """
    with scope(Principal.system()), transaction.atomic():
        if not _take(conversation, are_reports, is_waiting):
            return None
        waiting = InboundEvent.objects.select_related("sender").filter(
            InboundEvent.IS_REPORT if are_reports else ~InboundEvent.IS_REPORT,
            conversation=conversation, processed_at__isnull=True, next_attempt_at__lte=timezone.now(),
        )  # fmt: skip
        events = [(row, _open(row)) for row in waiting.order_by("id")]
        events.sort(key=lambda pair: (_said_at(pair[1]), pair[0].id))
        if events:
            lock = lock_recent if are_reports else lock_for_hearing
            lock(events[0][0].sender, conversation)
        return sum(_work_on(row, event) for row, event in events)


def _take(conversation: bytes, are_reports: bool, is_waiting: bool) -> bool:
    half = conversation[8:16] if are_reports else conversation[:8]
    wait = "true FROM pg_advisory_xact_lock(%s)" if is_waiting else "pg_try_advisory_xact_lock(%s)"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {wait}", [int.from_bytes(half, signed=True)])
        return cursor.fetchone()[0]


def _open(row: InboundEvent) -> dict[str, Any]:
    key = data_key_for(row.partner_id)
    return json.loads(open_sealed(key, row.raw, aad=_PLACE + row.sender_id.bytes))


def _said_at(event: dict[str, Any]) -> int:
    """In the platform's milliseconds; 0 where it says nothing of use."""
    at = event.get("timestamp")
    return at if isinstance(at, int) else 0


def _work_on(row: InboundEvent, event: dict[str, Any]) -> bool:
    """One event that fails, or comes too early, holds up no other."""
    now, row.attempts = timezone.now(), row.attempts + 1
    try:
        with transaction.atomic():
            is_done = _apply(row.kind, row.sender, event)
        until = row.received_at + PATIENCE
    except (OperationalError, InterfaceError):
        raise  # the database, not the event
    except Exception:
        log.exception("inbound_failed", event_id=row.id, kind=row.kind, attempts=row.attempts)
        is_done, until = False, row.received_at + GIVE_UP_AFTER
    _put_back_or_finish(row, now, is_finished=is_done or now > until)
    return is_done


def _put_back_or_finish(row: InboundEvent, now: datetime, *, is_finished: bool) -> None:
    """What a person wrote is forgotten once it was acted on; and whose it was, where nobody is linked there (any more)."""
    if is_finished:
        row.processed_at = now
        is_known = LinkedAccount.objects.filter(sender=row.sender, address_index=row.conversation).exists()
        row.raw = row.raw if is_known and row.kind in RECEIPTS else b""
        row.conversation = row.conversation if is_known else secrets.token_bytes(32)
    row.next_attempt_at = now + min(timedelta(seconds=2**row.attempts), LONGEST_PAUSE)
    row.save(update_fields=["attempts", "next_attempt_at", "processed_at", "raw", "conversation"])


def _apply(kind: str, sender: Sender, event: dict[str, Any]) -> bool:
    """False asks to try again later."""
    if kind == "delivery":
        return apply_delivery(sender, _address(kind, event), event["delivery"])
    if kind == "read":
        return apply_read(sender, _address(kind, event), event["read"])
    if kind == "echo":
        return apply_echo(sender, event["message"])
    hear(sender=sender, kind=kind, address=_address(kind, event), event=event)
    return True


def _address(kind: str, event: dict[str, Any]) -> str:
    """The person's; an echo is a message of ours to them."""
    whose = event.get("recipient" if kind == "echo" else "sender")
    return str(whose.get("id", "")) if isinstance(whose, dict) else ""


def find_sender(sender_id: UUID) -> Sender | None:
    """The sender a hook address names."""
    with scope(Principal.system()), transaction.atomic():
        return Sender.objects.filter(pk=sender_id).first()
