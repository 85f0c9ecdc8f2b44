"""What attempts came to: deliveries, attempts, senders and accounts, in one transaction."""

import random
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from consents.actions.link import unlink_account
from consents.models import LinkedAccount
from notifications.actions.claim import Claimed
from notifications.channels import Answer, Outcome
from partners.models import Sender
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

RETRY_SECONDS = (5, 30, 120, 900, 3600)
JITTER = 0.2
BREAKER_AFTER = 10
BREAKER_SECONDS = 10

_UPDATE = """
UPDATE notifications_delivery d SET
    status = CASE WHEN d.status = 'SENDING' THEN x.status ELSE d.status END,
    reason = CASE WHEN d.status = 'SENDING' THEN x.reason ELSE d.reason END,
    provider_id = CASE WHEN x.provider_id = '' THEN d.provider_id ELSE x.provider_id END,
    attempts = d.attempts - x.uncounted,
    sent_at = COALESCE(d.sent_at, x.sent_at),
    next_attempt_at = COALESCE(x.next_attempt_at, d.next_attempt_at),
    lease_until = COALESCE(x.lease_until, d.lease_until),
    ended_at = COALESCE(d.ended_at, x.ended_at)
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::int[], %s::timestamptz[], %s::timestamptz[],
            %s::timestamptz[], %s::timestamptz[])
    AS x(id, status, reason, provider_id, uncounted, sent_at, next_attempt_at, lease_until, ended_at)
WHERE d.id = x.id
"""
_ATTEMPTS = """
INSERT INTO notifications_attempt
    (delivery_id, partner_id, person_id, number, duration_ms, outcome, code, next_attempt_at)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::smallint[], %s::int[], %s::text[], %s::text[],
                     %s::timestamptz[])
"""


@dataclass(slots=True)
class Result:
    """One claimed delivery and the provider's answer; no answer means that it was not tried, and waits."""

    row: Claimed
    answer: Answer | None
    duration_ms: int
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
    """Writes all of a batch. Receipts that came in meanwhile win: a state's rank only rises."""
    if not results:
        return
    now = timezone.now()
    changes = [_change(result, now) for result in results]
    with scope(Principal.system()), transaction.atomic():
        _write_rows(results, changes)
        _write_senders(results, now)
    _write_accounts(results)


def _change(result: Result, now: datetime) -> _Change:
    row, answer = result.row, result.answer
    if answer is None:
        return _Change("QUEUED", uncounted=1, next_attempt_at=now + timedelta(seconds=result.wait))
    if answer.outcome is Outcome.SENT:
        began = now - timedelta(milliseconds=result.duration_ms)
        return _Change("SENT", provider_id=answer.provider_id, sent_at=began)
    if answer.outcome is Outcome.UNKNOWN:
        return _Change(
            "SENDING",
            "awaiting_echo",
            lease_until=now + timedelta(seconds=2 * settings.DELIVERY_LEASE_SECONDS),
        )
    if answer.outcome is Outcome.SENDER_PAUSED:
        return _Change("QUEUED", "sender_paused", uncounted=1, next_attempt_at=now)
    if answer.outcome in (Outcome.TRANSIENT, Outcome.THROTTLED):
        return _retry(row, answer, now)
    return _Change("FAILED", f"{answer.outcome}:{answer.code}"[:60], ended_at=now)


def _retry(row: Claimed, answer: Answer, now: datetime) -> _Change:
    if row.attempts > len(RETRY_SECONDS):
        return _Change("FAILED", f"{answer.outcome}:{answer.code}"[:60], ended_at=now)
    seconds = max(RETRY_SECONDS[row.attempts - 1], answer.wait)
    at = now + timedelta(seconds=seconds * random.uniform(1, 1 + JITTER))  # noqa: S311 (spreads load, no secret)
    if at >= row.expires_at:
        return _Change("EXPIRED", f"{answer.outcome}:{answer.code}"[:60], ended_at=now)
    return _Change("QUEUED", f"{answer.outcome}:{answer.code}"[:60], next_attempt_at=at)


def _write_rows(results: list[Result], changes: list[_Change]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _UPDATE,
            [
                [result.row.id for result in results],
                *(
                    [getattr(change, name) for change in changes]
                    for name in (
                        "status", "reason", "provider_id", "uncounted", "sent_at", "next_attempt_at",
                        "lease_until", "ended_at",
                    )
                ),
            ],
        )  # fmt: skip
        tried = [
            (result, change, result.answer)
            for result, change in zip(results, changes, strict=True)
            if result.answer is not None
        ]
        if tried:
            cursor.execute(
                _ATTEMPTS,
                [
                    [result.row.id for result, _, _ in tried],
                    [result.row.partner_id for result, _, _ in tried],
                    [result.row.person_id for result, _, _ in tried],
                    [result.row.attempts for result, _, _ in tried],
                    [result.duration_ms for result, _, _ in tried],
                    [answer.outcome.value for _, _, answer in tried],
                    [answer.code for _, _, answer in tried],
                    [change.next_attempt_at for _, change, _ in tried],
                ],
            )


def _write_senders(results: list[Result], now: datetime) -> None:
    failed: Counter[UUID] = Counter()
    worked, paused = set(), {}
    known = {result.row.sender_id: result.row.breaker_failures for result in results}
    for result in results:
        if result.answer is None:
            continue
        if result.answer.outcome in (Outcome.TRANSIENT, Outcome.UNKNOWN):
            failed[result.row.sender_id] += 1
        elif result.answer.outcome is Outcome.SENDER_PAUSED:
            paused[result.row.sender_id] = result.answer.code
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


def _count_failures(sender_id: UUID, count: int, now: datetime) -> None:
    """Ten failures in a row open the breaker for 10 s; each later failed probe doubles that, up to 5 min."""
    sender = Sender.objects.select_for_update(no_key=True).get(pk=sender_id)
    sender.breaker_failures = min(sender.breaker_failures + count, 10_000)
    if sender.breaker_failures >= BREAKER_AFTER:
        doublings = min(max(sender.breaker_failures - BREAKER_AFTER - count, 0), 5)
        sender.breaker_open_until = now + timedelta(seconds=min(BREAKER_SECONDS * 2**doublings, 300))
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
        if result.answer is None:
            continue
        if result.answer.outcome is Outcome.GONE:
            unlink_account(account_id=result.row.account_id, reason="account_gone")
        elif result.answer.outcome is Outcome.UNREACHABLE:
            with scope(Principal.system()), transaction.atomic():
                LinkedAccount.objects.filter(pk=result.row.account_id, status="ACTIVE").update(
                    status=LinkedAccount.Status.SUSPENDED
                )
