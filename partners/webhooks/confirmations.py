"""Whether a bank knows: what became of an event at the bank's own addresses. An inbox is a page of ours: nobody at the
bank has confirmed what lies there.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from partners.models import WebhookEndpoint
from partners.webhooks.reading import REASONS

_TOLD = """
SELECT d.message_id, min(a.at + a.duration_ms * interval '1 ms') FILTER (WHERE a.response_status BETWEEN 200 AND 299),
       count(a.id), (array_agg(a.response_status ORDER BY a.id DESC))[1], (array_agg(a.error ORDER BY a.id DESC))[1],
       min(d.reason)
FROM partners_webhookdelivery d
JOIN partners_webhookendpoint e ON e.id = d.endpoint_id AND e.kind = 'url'
LEFT JOIN partners_webhookattempt a ON a.delivery_id = d.id
WHERE d.message_id = ANY (%s) GROUP BY d.message_id
"""


class Told(NamedTuple):
    """`confirmed_at` is when the first of the bank's addresses took the event (any 2xx); None until then. `answer` is
    what came back last, in words.
    """

    confirmed_at: datetime | None
    tries: int
    answer: str


def told_by(message_ids: Iterable[UUID | None]) -> dict[UUID | None, Told]:
    """By message; None and one that went to no address of the bank's own, or is forgotten, are missing. One query."""
    wanted = [one for one in message_ids if one is not None]
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_TOLD, [wanted])
        return {
            message_id: Told(confirmed_at, tries, _words(status, error, reason))
            for message_id, confirmed_at, tries, status, error, reason in cursor.fetchall()
        }


def environments_with_address(partner_id: UUID) -> set[str]:
    """Those in which the bank has an address of its own that events are sent to."""
    own = WebhookEndpoint.objects.filter(
        partner_id=partner_id, kind=WebhookEndpoint.Kind.URL, status=WebhookEndpoint.Status.ENABLED
    )
    return set(own.filter(deleted_at=None).values_list("environment", flat=True))


def _words(status: int | None, error: str | None, reason: str) -> str:
    if reason:
        return REASONS.get(reason, reason)
    return error or (f"HTTP {status}" if status else "Nothing yet")
