"""What tries came to: deliveries, the log, the endpoints' health, in one transaction."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from partners.models import WebhookEndpoint
from partners.webhooks.actions.claim import Claimed
from partners.webhooks.actions.disable import disable
from partners.webhooks.post import Answer
from partners.webhooks.signing import seal_response, shortened
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import DataKeyMaterial

RETRY_SECONDS = (5, 30, 120, 900, 3_600, 21_600, 86_400)
JITTER = 0.2
FAILING_FOR = timedelta(days=5)
RESPONSE_BYTES = 4_096

_UPDATE = """
UPDATE partners_webhookdelivery d SET status = x.status, reason = x.reason, lease_until = NULL, ended_at = x.ended_at,
    next_attempt_at = coalesce(x.next_attempt_at, d.next_attempt_at)
FROM unnest(%s::uuid[], %s::int[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])
    AS x(id, attempts, status, reason, next_attempt_at, ended_at)
WHERE d.id = x.id AND d.attempts = x.attempts AND d.status = 'PENDING'
RETURNING d.id
"""
_LOG = """
INSERT INTO partners_webhookattempt
    (delivery_id, partner_id, at, duration_ms, url, signature, response_status, response, error, next_attempt_at)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::timestamptz[], %s::int[], %s::text[], %s::text[], %s::smallint[],
                     %s::bytea[], %s::text[], %s::timestamptz[])
"""
_NEXT = """
UPDATE partners_webhookdelivery d SET next_attempt_at = now()
FROM (
    SELECT (SELECT o.id FROM partners_webhookdelivery o
            WHERE o.endpoint_id = e.endpoint_id AND o.grant_id = e.grant_id AND o.status = 'PENDING'
            ORDER BY o.sequence LIMIT 1) AS id
    FROM unnest(%s::uuid[], %s::uuid[]) AS e(endpoint_id, grant_id)
) first
WHERE d.id = first.id AND d.attempts = 0 AND d.next_attempt_at > now()
"""


@dataclass(slots=True)
class Sent:
    """A try: its answer, and whether that is what was hoped for (2xx, and a challenge repeated)."""

    answer: Answer
    is_right: bool
    signature: str
    key: DataKeyMaterial


@dataclass(slots=True)
class Result:
    """A claimed delivery and how it went; None where it cannot be read any more, so nothing was sent."""

    row: Claimed
    sent: Sent | None


@dataclass(slots=True)
class _Change:
    status: str
    reason: str = ""
    next_attempt_at: datetime | None = None
    ended_at: datetime | None = None


def write_tries(results: list[Result]) -> None:
    """Writes all of a batch. What a slow worker brings after its lease was given to another is logged only."""
    if not results:
        return
    now = timezone.now()
    with scope(Principal.system()), transaction.atomic():
        # The endpoint first, as whoever takes deliveries does
        locked = WebhookEndpoint.objects.select_for_update(no_key=True).order_by("id")
        endpoints = {
            one.id: one for one in locked.filter(id__in={result.row.endpoint_id for result in results})
        }
        changes = [_change(result, now) for result in results]
        _write_deliveries(results, changes)
        _write_log(results, changes)
        for endpoint_id, endpoint in endpoints.items():
            _write_health(endpoint, [one for one in results if one.row.endpoint_id == endpoint_id], now)


def _change(result: Result, now: datetime) -> _Change:
    attempts, sent = result.row.attempts, result.sent
    if sent is None:
        return _Change("FAILED", "erased", ended_at=now)
    if sent.is_right:
        return _Change("DELIVERED", ended_at=now)
    if sent.answer.is_gone:
        return _Change("FAILED", "endpoint_disabled", ended_at=now)
    if attempts > len(RETRY_SECONDS):
        return _Change("FAILED", "exhausted", ended_at=now)
    seconds = RETRY_SECONDS[attempts - 1] * random.uniform(1, 1 + JITTER)  # noqa: S311 (spreads load, no secret)
    return _Change("PENDING", next_attempt_at=now + timedelta(seconds=max(seconds, sent.answer.wait)))


def _write_deliveries(results: list[Result], changes: list[_Change]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _UPDATE,
            [
                [result.row.id for result in results],
                [result.row.attempts for result in results],
                *(
                    [getattr(change, name) for change in changes]
                    for name in ("status", "reason", "next_attempt_at", "ended_at")
                ),
            ],
        )
        written = {row[0] for row in cursor.fetchall()}
        ended = {
            (result.row.endpoint_id, result.row.grant_id)
            for result, change in zip(results, changes, strict=True)
            if change.ended_at and result.row.grant_id and result.row.id in written
        }
        if ended:
            cursor.execute(_NEXT, [[one for one, _ in ended], [grant for _, grant in ended]])


def _write_log(results: list[Result], changes: list[_Change]) -> None:
    lines = [
        _line(result.row, result.sent, change)
        for result, change in zip(results, changes, strict=True)
        if result.sent is not None
    ]
    if lines:
        with connection.cursor() as cursor:
            cursor.execute(_LOG, [list(column) for column in zip(*lines, strict=True)])


def _line(row: Claimed, sent: Sent, change: _Change) -> tuple[Any, ...]:
    answer = sent.answer
    is_unproven = answer.is_success and not sent.is_right
    return (
        row.id,
        row.partner_id,
        answer.at,
        answer.duration_ms,
        row.url,
        shortened(sent.signature),
        answer.status,
        seal_response(sent.key, row.id, answer.body[:RESPONSE_BYTES]),
        "The answer does not hold the challenge." if is_unproven else answer.error,
        change.next_attempt_at,
    )


def _write_health(endpoint: WebhookEndpoint, results: list[Result], now: datetime) -> None:
    """What was asked at an earlier address says nothing of the one that it has now."""
    tried = [(one.row, one.sent) for one in results if one.sent is not None and one.row.url == endpoint.url]
    if not tried:
        return
    wrong = [sent.answer for _, sent in tried if not sent.is_right]
    endpoint.heard(worked=len(wrong) < len(tried), failed=bool(wrong), now=now)
    if wait := max((answer.wait for answer in wrong), default=0.0):
        endpoint.held_until = now + timedelta(seconds=wait)
    challenge = next(((row, sent) for row, sent in tried if row.id == endpoint.challenge_id), None)
    if challenge is not None and challenge[1].is_right:
        endpoint.verified_at = now
    endpoint.save(update_fields=["delivered_at", "failed_at", "failing_since", "held_until", "verified_at"])
    is_given_up = (
        challenge is not None and not challenge[1].is_right and challenge[0].attempts > len(RETRY_SECONDS)
    )
    if reason := _reason_to_disable(endpoint, wrong, is_given_up, now):
        disable(endpoint, reason=reason, actor=Principal.system())


def _reason_to_disable(
    endpoint: WebhookEndpoint, wrong: list[Answer], is_given_up: bool, now: datetime
) -> WebhookEndpoint.Reason | None:
    if endpoint.status == WebhookEndpoint.Status.DISABLED or endpoint.deleted_at is not None:
        return None
    if any(answer.is_gone for answer in wrong):
        return WebhookEndpoint.Reason.GONE
    if is_given_up:
        return WebhookEndpoint.Reason.CHALLENGE
    if endpoint.failing_since is not None and endpoint.failing_since <= now - FAILING_FOR:
        return WebhookEndpoint.Reason.FAILING
    return None
