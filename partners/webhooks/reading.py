"""What was sent to an endpoint and what it answered, opened for those who may see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from partners.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage
from partners.webhooks.post import AGENT
from partners.webhooks.signing import (
    headers,
    open_data,
    open_response,
    open_secret,
    write_body,
)
from portal.ids import first_uuid7, public_id
from portal.vault.crypto import CannotOpen, DataKeyMaterial, unwrap
from portal.vault.models import DataKey

HEALTH_OVER = timedelta(hours=24)
REASONS = {
    "endpoint_disabled": "The endpoint was disabled.",
    "endpoint_deleted": "The endpoint was deleted.",
    "partner_ended": "The bank is no longer connected to the platform.",
    "exhausted": "Every try failed.",
    "erased": "The personal data in it were erased before it could be sent.",
    "superseded": "A later challenge took its place.",
}


@dataclass(frozen=True, slots=True)
class Try:
    """One request and its answer. `response` is empty once it cannot be read any more."""

    at: datetime
    duration_ms: int
    url: str
    headers: dict[str, str]
    status: int | None
    response: str
    error: str
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True)
class Health:
    """How the last day went; `share` of what has ended was delivered, in percent."""

    delivered: int
    failed: int
    waiting: int

    @property
    def share(self) -> float | None:
        ended = self.delivered + self.failed
        return round(100 * self.delivered / ended, 1) if ended else None


def state_of(endpoint: WebhookEndpoint) -> str:
    """ACTIVE, FAILING, UNVERIFIED or DISABLED."""
    if endpoint.status == WebhookEndpoint.Status.DISABLED:
        return "DISABLED"
    if endpoint.verified_at is None:
        return "UNVERIFIED"
    return "FAILING" if endpoint.failing_since else "ACTIVE"


def health_of(endpoint: WebhookEndpoint) -> Health:
    """Over HEALTH_OVER."""
    since = first_uuid7(timezone.now() - HEALTH_OVER)
    rows = WebhookDelivery.objects.filter(endpoint=endpoint, id__gte=since)
    found = dict(rows.values_list("status").annotate(Count("id")))
    return Health(found.get("DELIVERED", 0), found.get("FAILED", 0), found.get("PENDING", 0))


def with_last_answer(rows: QuerySet[WebhookDelivery]) -> QuerySet[WebhookDelivery]:
    """Adds `last_status` and `last_error`, those of the latest try."""
    tries = WebhookAttempt.objects.filter(delivery=OuterRef("pk")).order_by("-id")
    return rows.select_related("message").annotate(
        last_status=Subquery(tries.values("response_status")[:1]),
        last_error=Subquery(tries.values("error")[:1]),
    )


def bodies_of(messages: Sequence[WebhookMessage]) -> dict[UUID, bytes]:
    """By message, the very bytes that are sent; none where they were erased. All are one bank's."""
    found, keys = {}, _keys(messages)
    for message in messages:
        try:
            data = open_data(keys[message.person_id], message.id, message.data)
        except (CannotOpen, KeyError):
            continue
        found[message.id] = write_body(
            event_type=message.type,
            at=message.created_at,
            data=data,
            sequence=message.sequence,
            environment=message.environment,
        )
    return found


def tries_of(delivery: WebhookDelivery) -> list[Try]:
    """Oldest first."""
    key = _keys([delivery.message]).get(delivery.message.person_id)
    rows = WebhookAttempt.objects.filter(delivery=delivery).order_by("id")
    return [_try(row, delivery, key) for row in rows]


def challenge_of(endpoint: WebhookEndpoint) -> WebhookDelivery | None:
    """The latest, with what came back last."""
    rows = WebhookDelivery.objects.filter(endpoint=endpoint, pk__in=[endpoint.challenge_id])
    return with_last_answer(rows).first()


def signed_headers(endpoint: WebhookEndpoint, message: WebhookMessage, body: bytes) -> dict[str, str]:
    """What would stand above the body if it were sent now; nothing once the bank's key is gone."""
    try:
        secret = open_secret(_keys([message])[None], endpoint.id, endpoint.secret)
    except (CannotOpen, KeyError):
        return {}
    return headers([secret], message_id=message.id, at=timezone.now(), body=body)


def _try(row: WebhookAttempt, delivery: WebhookDelivery, key: DataKeyMaterial | None) -> Try:
    return Try(
        at=row.at,
        duration_ms=row.duration_ms,
        url=row.url,
        headers={
            "Content-Type": "application/json",
            "User-Agent": AGENT,
            "webhook-id": public_id("evt", delivery.message_id),
            "webhook-timestamp": str(int(row.at.timestamp())),
            "webhook-signature": row.signature,
        },
        status=row.response_status,
        response=_response(row, delivery, key),
        error=row.error,
        next_attempt_at=row.next_attempt_at,
    )


def _response(row: WebhookAttempt, delivery: WebhookDelivery, key: DataKeyMaterial | None) -> str:
    try:
        return open_response(key, delivery.id, row.response).decode(errors="replace") if key else ""
    except CannotOpen:
        return ""


def _keys(messages: Sequence[WebhookMessage]) -> dict[UUID | None, DataKeyMaterial]:
    """By person, and the bank's own under None."""
    if not messages:
        return {}
    people = {message.person_id for message in messages if message.person_id}
    rows = DataKey.objects.filter(
        Q(person_id__in=people) | Q(person_id=None), partner_id=messages[0].partner_id
    )
    return {row.person_id: unwrap(row.wrapped, key_id=row.id, kek_id=row.kek_id) for row in rows}
