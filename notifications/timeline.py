"""A delivery's story, for the API and for pages."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from notifications.models import Attempt, Delivery

_S = Delivery.Status


def public_status(delivery: Delivery) -> str:
    """The API's status of a notification: its delivery's, with a queue told apart by time."""
    if delivery.status != _S.QUEUED:
        return delivery.status
    is_scheduled = delivery.attempts == 0 and delivery.next_attempt_at > timezone.now()
    return "SCHEDULED" if is_scheduled and not delivery.reason else "ACCEPTED"


def timeline(delivery: Delivery, attempts: list[Attempt]) -> list[dict[str, Any]]:
    """[{at, event, detail}], oldest first."""
    moments: list[tuple[datetime | None, str, str]] = [
        (delivery.notification.created_at, "accepted", delivery.notification.cluster)
    ]
    moments += [
        (attempt.at, "attempted", f"{attempt.outcome} {attempt.code}".strip())
        for attempt in attempts
        if attempt.outcome != "sent"
    ]
    moments += [
        (delivery.resent_at, "resent", ""),
        (delivery.sent_at, "sent", "fallback" if delivery.place else ""),
        (delivery.delivered_at, "delivered", ""),
        (delivery.read_at, "read", ""),
        (delivery.ended_at, delivery.status.lower(), delivery.reason),
    ]
    known = [(rfc3339(at), event, detail) for at, event, detail in moments if at is not None]
    # Platforms tell times in milliseconds: what is equal in those stays in the order above
    return [
        {"at": at, "event": event, "detail": detail}
        for at, event, detail in sorted(known, key=lambda one: one[0])
    ]


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
