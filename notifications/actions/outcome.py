"""What attempts came to: deliveries, attempts, senders and accounts, in one transaction."""

import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from consents.actions.link import unlink_account
from consents.models import LinkedAccount
from notifications.actions.claim import Claimed
from notifications.channels import Answer, Outcome
from notifications.telling import tell
from partners.models import Sender
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy import prepared
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

log = structlog.get_logger(__name__)
RETRY_SECONDS = (5, 30, 120, 900, 3600)
JITTER = 0.2
ACCOUNT_CHANGES: dict[Outcome, dict[str, Any]] = {
    Outcome.UNREACHABLE: {"status": LinkedAccount.Status.SUSPENDED},
    Outcome.GONE: {"status": LinkedAccount.Status.SUSPENDED},  # and unlinked, once the outcome is written
    Outcome.WINDOW_CLOSED: {"last_inbound_at": None},  # from here on as outside the window, until they write
}
WRITE_AGAIN_AFTER = (0.05, 0.2, 1, 2, 4, 8, 15)  # seconds
BREAKER_AFTER = 10
BREAKER_SECONDS = 10

# A state's rank only rises: what a receipt has told, or the sweep decided, stays, but for an answer that says SENT.
_APPLIES = "(d.status = 'SENDING' OR (d.status = 'UNCONFIRMED' AND x.status = 'SENT'))"
# Rows are locked in the order of their ids by whoever locks several, so that no two wait for each other
_UPDATE = f"""
WITH x AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS x(id uuid, status text, reason text, provider_id text,
        uncounted int, sent_at timestamptz, next_attempt_at timestamptz, lease_until timestamptz, ended_at timestamptz)
), locked AS MATERIALIZED (
    SELECT id FROM notifications_delivery WHERE id IN (SELECT id FROM x) ORDER BY id FOR NO KEY UPDATE
)
UPDATE notifications_delivery d SET
    status = CASE WHEN {_APPLIES} THEN x.status ELSE d.status END,
    reason = CASE WHEN {_APPLIES} THEN x.reason ELSE d.reason END,
    provider_id = CASE WHEN x.provider_id = '' THEN d.provider_id ELSE x.provider_id END,
    attempts = d.attempts - x.uncounted,
    sent_at = COALESCE(d.sent_at, x.sent_at),
    next_attempt_at = COALESCE(x.next_attempt_at, d.next_attempt_at),
    lease_until = COALESCE(x.lease_until, d.lease_until),
    ended_at = CASE WHEN {_APPLIES} THEN x.ended_at ELSE d.ended_at END
FROM x JOIN locked USING (id)
WHERE d.id = x.id RETURNING d.id, d.status = x.status
"""  # noqa: S608 (made of our own constants)
_ATTEMPTS = """
INSERT INTO notifications_attempt
    (delivery_id, partner_id, person_id, at, duration_ms, place, outcome, code, next_attempt_at)
SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS x(delivery_id uuid, partner_id uuid, person_id uuid,
    at timestamptz, duration_ms int, place int, outcome text, code text, next_attempt_at timestamptz)
"""


@dataclass(slots=True)
class Result:
    """One claimed delivery and the provider's answer; no answer means that it was not tried, and waits."""

    row: Claimed
    answer: Answer | None
    at: datetime = field(default_factory=timezone.now)
    duration_ms: int = 0
    wait: float = 0.0


@dataclass(slots=True)
class _Change:
    status: str
    reason: str = ""
    provider_id: str = ""
    uncounted: int = 0
    sent_at: datetime | None = None
    next_attempt_at: datetime | None = None
    lease_until: datetime | None = None
    ended_at: datetime | None = None


def write_results(results: list[Result]) -> None:
    """Writes all of a batch. Receipts that came in meanwhile win: a state's rank only rises.

    What a deadlock or a lost database undid is written again, for half a minute; after that the deliveries'
    echoes and receipts have to tell.
    """
    for pause in WRITE_AGAIN_AFTER if results else ():
        try:
            return _write(results)
        except (OperationalError, InterfaceError) as error:
            log.warning("outcomes_not_written", count=len(results), error=type(error.__cause__).__name__)
            connection.close_if_unusable_or_obsolete()
            time.sleep(pause)
    return _write(results) if results else None


def _write(results: list[Result]) -> None:
    now = timezone.now()
    changes = [_change(result, now) for result in results]
    _write_accounts(results)  # before what is queued again: it is claimed by what the account is by then
    with scope(Principal.system()), transaction.atomic():
        applied = _write_rows(results, changes)
        _write_senders(results, now)
        tell(
            result.row.as_changed(change.status, change.reason)
            for result, change in zip(results, changes, strict=True)
            if result.row.id in applied
        )
    for result in results:
        if result.answer is not None and result.answer.outcome is Outcome.GONE:
            unlink_account(account_id=result.row.account_id, reason="account_gone")


def _change(result: Result, now: datetime) -> _Change:
    row, answer = result.row, result.answer
    if answer is None:
        return _Change("QUEUED", uncounted=1, next_attempt_at=now + timedelta(seconds=result.wait))
    if answer.outcome is Outcome.SENT:
        return _Change("SENT", provider_id=answer.provider_id, sent_at=result.at)
    if answer.outcome is Outcome.UNKNOWN:
        return _Change(
            "SENDING",
            "awaiting_echo",
            lease_until=now + timedelta(seconds=2 * settings.DELIVERY_LEASE_SECONDS),
        )
    if answer.outcome is Outcome.SENDER_PAUSED:
        return _Change("QUEUED", "sender_paused", uncounted=1, next_attempt_at=now)
    if answer.outcome is Outcome.WINDOW_CLOSED and row.in_window:
        return _Change("QUEUED", answer.outcome.value, next_attempt_at=now)  # see _write
    if _goes_elsewhere(row, answer):
        return _Change("QUEUED", f"{answer.outcome}:{answer.code}"[:60], uncounted=1, next_attempt_at=now)
    if answer.outcome in (Outcome.TRANSIENT, Outcome.THROTTLED):
        return _retry(row, answer, now)
    return _Change("FAILED", f"{answer.outcome}:{answer.code}"[:60], ended_at=now)


def _goes_elsewhere(row: Claimed, answer: Answer) -> bool:
    """The messenger has said that it cannot reach the person there, and their grant names other accounts: the next
    claim judges which of them can be reached. An unknown outcome never comes here: it might arrive twice.
    """
    if answer.outcome is Outcome.GONE:
        return row.place > 0  # with its first account the grant ends
    return answer.outcome is Outcome.UNREACHABLE and row.fallbacks > 0


def _retry(row: Claimed, answer: Answer, now: datetime) -> _Change:
    if row.attempts > len(RETRY_SECONDS):
        return _Change("FAILED", f"{answer.outcome}:{answer.code}"[:60], ended_at=now)
    seconds = max(RETRY_SECONDS[row.attempts - 1], answer.wait)
    at = now + timedelta(seconds=seconds * random.uniform(1, 1 + JITTER))  # noqa: S311 (spreads load, no secret)
    if at >= row.expires_at:
        return _Change("EXPIRED", f"{answer.outcome}:{answer.code}"[:60], ended_at=now)
    return _Change("QUEUED", f"{answer.outcome}:{answer.code}"[:60], next_attempt_at=at)


def _write_rows(results: list[Result], changes: list[_Change]) -> set[UUID]:
    """Returns the deliveries that took the new state: not those whose receipt was faster."""
    rows = [
        {"id": result.row.id, **{name: getattr(change, name) for name in _Change.__slots__}}
        for result, change in zip(results, changes, strict=True)
    ]
    applied = {delivery_id for delivery_id, is_applied in prepared.run(_UPDATE, _as_json(rows)) if is_applied}
    tried = [
        {
            "delivery_id": result.row.id,
            "partner_id": result.row.partner_id,
            "person_id": result.row.person_id,
            "at": result.at,
            "duration_ms": result.duration_ms,
            "place": result.row.place,
            "outcome": result.answer.outcome.value,
            "code": result.answer.code,
            "next_attempt_at": change.next_attempt_at,
        }
        for result, change in zip(results, changes, strict=True)
        if result.answer is not None
    ]
    if tried:
        prepared.run(_ATTEMPTS, _as_json(tried))
    return applied


def _as_json(rows: list[dict[str, Any]]) -> dict[str, str]:
    """As one value: to write out arrays of columns takes several times as long."""
    return {"rows": json.dumps(rows, default=str)}


def _write_senders(results: list[Result], now: datetime) -> None:
    failed: Counter[UUID] = Counter()
    worked, paused, throttled = set(), {}, dict[UUID, float]()
    known = {result.row.sender_id: result.row.breaker_failures for result in results}
    for result in results:
        if result.answer is None:
            continue
        if result.answer.outcome in (Outcome.TRANSIENT, Outcome.UNKNOWN):
            failed[result.row.sender_id] += 1
        elif result.answer.outcome is Outcome.SENDER_PAUSED:
            paused[result.row.sender_id] = result.answer.code
        elif result.answer.outcome is Outcome.THROTTLED:
            wait = max(result.answer.wait, RETRY_SECONDS[0])
            throttled[result.row.sender_id] = max(throttled.get(result.row.sender_id, 0), wait)
        else:
            worked.add(result.row.sender_id)
    for sender_id in sorted(worked, key=str):
        if known[sender_id]:
            Sender.objects.filter(pk=sender_id).update(breaker_failures=0, breaker_open_until=None)
    for sender_id, count in failed.items():
        if sender_id not in worked:
            _count_failures(sender_id, count, now)
    for sender_id, code in paused.items():
        _pause_sender(sender_id, code)
    for sender_id, wait in throttled.items():  # calling while limited would lengthen the block
        Sender.objects.filter(pk=sender_id).update(breaker_open_until=now + timedelta(seconds=wait))


def _count_failures(sender_id: UUID, count: int, now: datetime) -> None:
    """Ten failures in a row open the breaker for 10 s; each later failed probe doubles that, up to 5 min. What
    was under way when it opened says nothing new.
    """
    sender = Sender.objects.select_for_update(no_key=True).get(pk=sender_id)
    if sender.breaker_open_until and sender.breaker_open_until > now:
        return
    if sender.breaker_failures >= BREAKER_AFTER:
        sender.breaker_failures = min(sender.breaker_failures + 1, BREAKER_AFTER + 5)
    else:
        sender.breaker_failures = min(sender.breaker_failures + count, BREAKER_AFTER)
    if sender.breaker_failures >= BREAKER_AFTER:
        seconds = min(BREAKER_SECONDS * 2 ** (sender.breaker_failures - BREAKER_AFTER), 300)
        sender.breaker_open_until = now + timedelta(seconds=seconds)
    sender.save(update_fields=["breaker_failures", "breaker_open_until"])


def _pause_sender(sender_id: UUID, code: str) -> None:
    sender = Sender.objects.select_for_update(no_key=True).get(pk=sender_id)
    if sender.status == Sender.Status.PAUSED:
        return
    sender.status, sender.pause_reason = Sender.Status.PAUSED, f"The platform refused this sender ({code})."
    sender.save(update_fields=["status", "pause_reason"])
    actor = Principal.system()
    record(Code.SENDER_PAUSED, actor=actor, target=sender, partner_id=sender.partner_id, data={"code": code})


def _write_accounts(results: list[Result]) -> None:
    for result in results:
        if result.answer is not None and result.answer.outcome in ACCOUNT_CHANGES:
            with scope(Principal.system()), transaction.atomic():
                LinkedAccount.objects.filter(pk=result.row.account_id, status="ACTIVE").update(
                    **ACCOUNT_CHANGES[result.answer.outcome]
                )
