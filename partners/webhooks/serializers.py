"""What the API says of webhook endpoints and their deliveries, and takes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, NotRequired, TypedDict
from uuid import UUID

from partners.actions.webhooks import LONGEST_OVERLAP
from partners.models import WebhookDelivery, WebhookEndpoint
from partners.serializers import EnvironmentName
from partners.webhooks.events import ABOUT, CHALLENGE, EventType
from portal.api.json_schema import Schemas
from portal.api.pagination import Page, PageQuery
from portal.api.shapes import CLOCK, TIME, Invalid, OneOf, Schema, Shape, Text, public_id

TYPES = tuple(event_type.value for event_type in EventType)
FASTEST = 1_000  # requests a second that an endpoint may ask for


@dataclass(frozen=True)
class Words(Shape):
    """A list of known words, `least` of them or more."""

    words: tuple[str, ...]
    least: int = 0

    def read(self, value: Any) -> list[str]:
        """Each once, sorted."""
        if not isinstance(value, list) or any(not isinstance(one, str) for one in value):
            raise Invalid("This must be a list of texts.")
        if unknown := sorted(set(value) - set(self.words)):
            raise Invalid(f"There is no {', '.join(unknown)}.")
        if len(value) < self.least:
            raise Invalid(f"Name at least {self.least}.")
        return sorted(set(value))

    def schema(self, schemas: Schemas) -> Schema:
        """An array of them."""
        least = {"minItems": self.least} if self.least else {}
        return {"type": "array", "items": {"type": "string", "enum": list(self.words)}} | least


@dataclass(frozen=True)
class Integer(Shape):
    """A whole number in a body."""

    least: int
    most: int

    def read(self, value: Any) -> int:
        """The number."""
        is_whole = (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, float) and value.is_integer()  # JSON has no integers: 2.0 is one
        )
        if not (is_whole and self.least <= value <= self.most):
            raise Invalid(f"This must be a whole number from {self.least} to {self.most}.")
        return int(value)

    def schema(self, schemas: Schemas) -> Schema:
        """Its limits."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


EndpointId = Annotated[UUID, public_id("whk"), "The endpoint's id."]
DeliveryId = Annotated[UUID, public_id("dlv"), "The delivery's id."]
Url = Annotated[str, Text(2_000), "https, on the public internet; redirects are not followed."]
Description = Annotated[str | None, Text(200), "For your team."]
EventTypes = Annotated[list[str] | None, Words(TYPES), "Only these; all while the list is empty."]
Rate = Annotated[int | None, Integer(1, FASTEST), "Requests a second at most; 50 unless given."]


class NewWebhookEndpoint(TypedDict):
    """Where to send events."""

    url: Url
    description: NotRequired[Description]
    event_types: NotRequired[EventTypes]
    rate_per_second: NotRequired[Rate]


class WebhookEndpointChange(TypedDict, total=False):
    """What to change; what is not given stays as it is."""

    url: Annotated[str | None, Text(2_000), "Another address gets a challenge first."]
    description: Description
    event_types: EventTypes
    rate_per_second: Rate
    status: Annotated[str | None, OneOf(tuple(WebhookEndpoint.Status.values)), "To enable or disable it."]


class SecretRotation(TypedDict, total=False):
    """How long the old secret lives on."""

    expire_old_in: Annotated[
        int | None,
        Integer(0, LONGEST_OVERLAP),
        "Seconds in which both secrets sign; a day unless given, 0 ends the old one now.",
    ]


class WebhookTest(TypedDict, total=False):
    """Which example to send."""

    event_type: Annotated[str | None, OneOf(TYPES), "`notification.delivered` unless given."]


class WebhookRecovery(TypedDict):
    """From when on to send again what failed."""

    since: Annotated[datetime, TIME, "Events are kept for 30 days."]


class WebhookDeliveriesQuery(PageQuery, total=False):
    """Which deliveries."""

    status: Annotated[str, OneOf(tuple(WebhookDelivery.Status.values)), "Only those in this state."]
    event_type: Annotated[str, OneOf((*TYPES, CHALLENGE)), "Only those of this type."]


class WebhookChallenge(TypedDict):
    """How the endpoint answered its challenge."""

    status: Annotated[str, OneOf(tuple(WebhookDelivery.Status.values)), "DELIVERED when it was right."]
    delivery_id: Annotated[str, public_id("dlv"), "Its tries, with the answers; resend it to try again."]
    response_status: Annotated[int | None, "The HTTP status that came back last."]
    error: Annotated[str | None, "What was wrong with the last answer."]


class WebhookEndpointShown(TypedDict):
    """Where events are sent."""

    id: Annotated[str, public_id("whk")]
    kind: Annotated[
        str, OneOf(tuple(WebhookEndpoint.Kind.values)), "An `inbox` is a page of ours, made there."
    ]
    url: Annotated[str | None, "Null for an inbox."]
    description: str
    event_types: Annotated[list[Annotated[str, OneOf(TYPES)]], "Only these; all when empty."]
    environment: EnvironmentName
    status: Annotated[str, OneOf(tuple(WebhookEndpoint.Status.values)), "Nothing is sent while DISABLED."]
    status_reason: Annotated[
        str | None, OneOf(tuple(WebhookEndpoint.Reason.values)), "Why it is disabled, else null."
    ]
    verified_at: Annotated[str | None, CLOCK, "When it answered its challenge; until then events wait."]
    challenge: WebhookChallenge | None
    failing_since: Annotated[str | None, CLOCK, "Since when all tries fail; five days disable it."]
    rate_per_second: int
    old_secret_expires_at: Annotated[str | None, CLOCK, "Until then two secrets sign."]
    created_at: Annotated[str, CLOCK]


class WebhookEndpointAdded(WebhookEndpointShown):
    """The new endpoint and its secret."""

    secret: Annotated[str, "Shown this once. Verify signatures with it."]


class WebhookEndpointDeleted(TypedDict):
    """It is gone."""

    id: Annotated[str, public_id("whk")]
    deleted: bool


class WebhookSecret(TypedDict):
    """The new secret."""

    secret: Annotated[str, "Shown this once."]
    old_secret_expires_at: Annotated[str | None, CLOCK, "Until then the old one signs too; null if ended."]


class WebhookDeliveryShown(TypedDict):
    """An event on its way to an endpoint."""

    id: Annotated[str, public_id("dlv")]
    event_id: Annotated[str, public_id("evt"), "The `webhook-id`: the same in every try."]
    event_type: Annotated[str, OneOf((*TYPES, CHALLENGE))]
    status: Annotated[str, OneOf(tuple(WebhookDelivery.Status.values)), "FAILED can be sent again."]
    reason: Annotated[str | None, "Why it failed."]
    attempt_count: Annotated[int, "Tries since it was last sent."]
    response_status: Annotated[int | None, "The HTTP status that came back last."]
    error: Annotated[str | None, "What was wrong with the last try."]
    created_at: Annotated[str, CLOCK]
    next_attempt_at: Annotated[str | None, CLOCK, "Null once it has ended."]
    ended_at: Annotated[str | None, CLOCK]


class WebhookAttemptShown(TypedDict):
    """One request and its answer."""

    at: Annotated[str, CLOCK]
    duration_ms: int
    url: str
    request_headers: Annotated[dict[str, Any], "Signatures are shortened."]
    response_status: int | None
    response_body: Annotated[str, "Its first 4 KB."]
    error: str | None
    next_attempt_at: Annotated[str | None, CLOCK]


class WebhookDeliveryTold(WebhookDeliveryShown):
    """A delivery, what was sent, and every try."""

    payload: Annotated[dict[str, Any] | None, "The body; null once personal data in it were erased."]
    attempts: Annotated[list[WebhookAttemptShown], "Oldest first."]


class WebhookRecovered(TypedDict):
    """What is being sent again."""

    status: Annotated[str, OneOf(("DONE",)), "All of them are queued."]
    done: int
    total: int


_CHALLENGE: WebhookChallenge = {
    "status": "DELIVERED",
    "delivery_id": "dlv_019ab0c3d5e3711c8d40a9f26b7ec513",
    "response_status": 200,
    "error": None,
}
ENDPOINT: WebhookEndpointShown = {
    "id": "whk_019ab0c3d5e17f6a9b2c84d07e15f3a6",
    "kind": "url",
    "url": "https://hooks.norden.example/parley",
    "description": "Production, Frankfurt",
    "event_types": ["grant.activated", "grant.revoked"],
    "environment": "live",
    "status": "ENABLED",
    "status_reason": None,
    "verified_at": "2026-11-23T08:00:02.114Z",
    "challenge": _CHALLENGE,
    "failing_since": None,
    "rate_per_second": 50,
    "old_secret_expires_at": None,
    "created_at": "2026-11-23T08:00:01.377Z",
}
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105 (made up)
ADDED: WebhookEndpointAdded = {
    **ENDPOINT,
    "verified_at": None,
    "challenge": {**_CHALLENGE, "status": "PENDING", "response_status": None},
    "secret": SECRET,
}
ENDPOINTS: Page[WebhookEndpointShown] = {"data": [ENDPOINT], "next_cursor": None}
DELETED: WebhookEndpointDeleted = {"id": ENDPOINT["id"], "deleted": True}
ROTATED: WebhookSecret = {"secret": SECRET, "old_secret_expires_at": "2026-11-24T08:00:00.000Z"}
DELIVERY: WebhookDeliveryShown = {
    "id": "dlv_019ab0d5521a7c40b7e61f93d8ca2054",
    "event_id": "evt_019ab0d552197e0f9c3a5b68d21f7e40",
    "event_type": "grant.revoked",
    "status": "DELIVERED",
    "reason": None,
    "attempt_count": 1,
    "response_status": 204,
    "error": None,
    "created_at": "2026-11-23T09:30:01.204Z",
    "next_attempt_at": None,
    "ended_at": "2026-11-23T09:30:01.380Z",
}
DELIVERIES: Page[WebhookDeliveryShown] = {"data": [DELIVERY], "next_cursor": None}
TOLD: WebhookDeliveryTold = {
    **DELIVERY,
    "payload": {
        "type": "grant.revoked",
        "timestamp": "2026-11-23T09:30:01.204Z",
        "data": {**ABOUT[EventType.GRANT_REVOKED].data, "sequence": 7},
        "environment": "live",
    },
    "attempts": [
        {
            "at": "2026-11-23T09:30:01.291Z",
            "duration_ms": 84,
            "url": "https://hooks.norden.example/parley",
            "request_headers": {
                "webhook-id": "evt_019ab0d552197e0f9c3a5b68d21f7e40",
                "webhook-timestamp": "1795426201",
                "webhook-signature": "v1,K5oZfzN9…",
            },
            "response_status": 204,
            "response_body": "",
            "error": None,
            "next_attempt_at": None,
        }
    ],
}
QUEUED: WebhookDeliveryShown = {
    **DELIVERY,
    "status": "PENDING",
    "attempt_count": 0,
    "response_status": None,
    "next_attempt_at": "2026-11-23T09:45:00.000Z",
    "ended_at": None,
}
RECOVERED: WebhookRecovered = {"status": "DONE", "done": 42, "total": 42}
