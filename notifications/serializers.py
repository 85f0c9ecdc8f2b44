"""What the API says of notifications and templates, and takes."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, NotRequired, TypedDict
from uuid import UUID

from consents.serializers import CustomerRef
from notifications.channels.base import Outcome
from notifications.models import Delivery, Recovery, TemplateVersion
from notifications.typed_data import DATA
from notifications.usage import Counted
from notifications.wording import LONGEST
from partners.clusters import SENDABLE, Cluster
from partners.serializers import EnvironmentName
from partners.webhooks.serializers import Integer
from portal.api.idempotency import KEY_PATTERN
from portal.api.json_schema import Schemas
from portal.api.pagination import DEFAULT_LIMIT, LARGEST_LIMIT, Page, PageQuery
from portal.api.shapes import (
    CLOCK,
    DAY,
    LOCALE,
    TIME,
    Invalid,
    OneOf,
    Pattern,
    Schema,
    Shape,
    Text,
    Whole,
    exactly_one,
    public_id,
)
from portal.audit.codes import Code
from portal.tenancy.principal import Kind

STATUSES = ("SCHEDULED", "ACCEPTED", *(name for name in Delivery.Status.values if name != "QUEUED"))
SCOPES = tuple(cluster.scope for cluster in SENDABLE)

NotificationId = Annotated[UUID, public_id("ntf"), "The notification's id."]
ClusterName = Annotated[str, OneOf(tuple(Cluster.values)), "The kind of data."]
Status = Annotated[str, OneOf(STATUSES)]


class ClusterData(Shape):
    """An object; that it is what the template's cluster asks for, accepting finds out."""

    def read(self, value: Any) -> dict[str, Any]:
        """The object, whatever is in it."""
        if not isinstance(value, dict):
            raise Invalid("This must be an object.")
        return value

    def schema(self, schemas: Schemas) -> Schema:
        """One of the clusters' own schemas."""
        return {"oneOf": [schemas.of(DATA[cluster]) for cluster in SENDABLE]}


@exactly_one("customer_ref", "grant_id")
class NewNotification(TypedDict):
    """What to send, to whom. Either `customer_ref` or `grant_id` says to whom."""

    customer_ref: NotRequired[
        Annotated[str | None, Text(128), "To whom, by your own name for them; or `grant_id`."]
    ]
    grant_id: NotRequired[Annotated[UUID | None, public_id("grt"), "To whom, by their grant."]]
    template: Annotated[str, Text(60), "The name of a template with an approved version."]
    data: Annotated[dict[str, Any], ClusterData(), "Exactly what the template's cluster asks for."]
    locale: NotRequired[Annotated[str | None, LOCALE, "The language of the wording; `en` unless given."]]
    send_at: NotRequired[Annotated[datetime | None, TIME, "Not before then; 30 days ahead at most."]]
    expires_at: NotRequired[
        Annotated[datetime | None, TIME, "Not after then; else as long as its cluster is news."]
    ]
    collapse_key: NotRequired[
        Annotated[str | None, Text(64), "Cancels what is still queued for the grant under the same key."]
    ]


@exactly_one("customer_ref", "grant_id")
class BatchItem(NewNotification):
    """One of a batch."""

    idempotency_key: NotRequired[
        Annotated[
            str | None,
            Pattern(KEY_PATTERN, "This must be 1 to 255 visible ASCII characters.", 255),
            "What `Idempotency-Key` is to a call, for this item alone.",
        ]
    ]


@dataclass(frozen=True)
class Each(Shape):
    """A list of `least` to `most` items, in which each is read later and by itself."""

    kind: Any
    least: int
    most: int

    def read(self, value: Any) -> list[Any]:
        """The items as they came."""
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            raise Invalid(f"This must be a list of {self.least} to {self.most} items.")
        return value

    def schema(self, schemas: Schemas) -> Schema:
        """An array of them; anything else is taken too, and refused in its place."""
        items = {"anyOf": [schemas.of(self.kind), {}]}
        return {"type": "array", "items": items, "minItems": self.least, "maxItems": self.most}


class NewBatch(TypedDict):
    """What to send, to whom: many at once."""

    notifications: Annotated[list[Any], Each(BatchItem, 1, 1_000), "Each stands alone."]


class ProblemBody(Shape):
    """The body of a refusal (RFC 9457)."""

    def schema(self, schemas: Schemas) -> Schema:
        """The document's own component."""
        return {"$ref": "#/components/schemas/Problem"}


class BatchAccepted(TypedDict):
    """An item that was taken in."""

    index: Annotated[int, "Its place in the batch, from 0."]
    id: Annotated[str, public_id("ntf")]
    status: Annotated[str, OneOf(("ACCEPTED", "SCHEDULED")), "SCHEDULED when `send_at` lies ahead."]


class BatchRefused(TypedDict):
    """An item that was refused."""

    index: Annotated[int, "Its place in the batch, from 0."]
    problem: Annotated[dict[str, Any], ProblemBody(), "Why, as a call of its own would have said."]


class BatchAnswer(TypedDict):
    """What became of each item, in the order they came."""

    data: list[BatchAccepted | BatchRefused]


class NotificationsQuery(PageQuery, total=False):
    """Which notifications."""

    status: Annotated[str, OneOf(STATUSES), "Only those in this state."]
    cluster: ClusterName
    customer_ref: CustomerRef
    created_after: Annotated[datetime, TIME, "Only those accepted later than this."]


class AcceptedNotification(TypedDict):
    """What was taken in, and will be sent as long as the grant holds."""

    id: Annotated[str, public_id("ntf")]
    status: Annotated[str, OneOf(("ACCEPTED", "SCHEDULED")), "SCHEDULED when `send_at` lies ahead."]
    grant_id: Annotated[str, public_id("grt")]
    cluster: ClusterName
    created_at: Annotated[str, CLOCK]


class NotificationShown(TypedDict):
    """A notification and what became of it."""

    id: Annotated[str, public_id("ntf")]
    status: Annotated[Status, "How far it is."]
    reason: Annotated[str | None, "Why it is there, if there is more to say."]
    grant_id: Annotated[str, public_id("grt")]
    cluster: ClusterName
    environment: EnvironmentName
    created_at: Annotated[str, CLOCK]
    expires_at: Annotated[str, CLOCK, "It is not sent after this."]


class Moment(TypedDict):
    """One step on its way."""

    at: Annotated[str, CLOCK]
    event: str
    detail: str


class AttemptShown(TypedDict):
    """One try to hand it to the messaging platform."""

    number: int
    at: Annotated[str, CLOCK]
    duration_ms: int
    outcome: Annotated[str, OneOf(tuple(Outcome))]
    code: Annotated[str | None, "The platform's own."]
    next_attempt_at: Annotated[str | None, CLOCK, "When it is tried again; null if it is not."]


class NotificationTold(NotificationShown):
    """A notification, its timeline and its attempts."""

    timeline: Annotated[list[Moment], "Oldest first."]
    attempts: Annotated[list[AttemptShown], "Oldest first."]


class NotificationRecovery(TypedDict):
    """From when on to send again what was lost."""

    since: Annotated[datetime, TIME, "What failed or expired from then on."]


TaskId = Annotated[UUID, public_id("tsk"), "The task's id."]


class TaskShown(TypedDict):
    """Work that goes on after the answer."""

    id: Annotated[str, public_id("tsk")]
    status: Annotated[str, OneOf(tuple(Recovery.Status.values)), "It is over when DONE."]
    done: Annotated[int, "So many are dealt with."]
    total: Annotated[int, "So many there are."]


class TemplateVersionShown(TypedDict):
    """Wording in one language."""

    number: int
    locale: str
    status: Annotated[str, OneOf(tuple(TemplateVersion.Status.values)), "Only an APPROVED version is sent."]
    body: Annotated[str, "The text; `{{ name }}` stands for a field of the data."]
    reason: Annotated[str | None, "Why it was rejected."]


TemplateName = Annotated[
    str,
    Pattern("[A-Za-z0-9_-]{1,60}", "This must be 1 to 60 letters, digits, hyphens or underscores.", 60),
    "What a notification's `template` says.",
]
Body = Annotated[str, Text(LONGEST), "The text; `{{ name }}` stands for a field of the cluster's data."]


class NewTemplate(TypedDict):
    """A name, and the first wording under it."""

    name: TemplateName
    cluster: Annotated[str, OneOf(tuple(SENDABLE)), "The kind of data, for good."]
    locale: NotRequired[Annotated[str | None, LOCALE, "The language of the wording; `en` unless given."]]
    body: Body


class NewTemplateVersion(TypedDict):
    """The next wording in a language."""

    locale: NotRequired[Annotated[str | None, LOCALE, "The language of the wording; `en` unless given."]]
    body: Body


class TemplateSubmission(TypedDict):
    """Which version staff should review."""

    locale: NotRequired[Annotated[str | None, LOCALE, "Its language; `en` unless given."]]
    number: NotRequired[
        Annotated[int | None, Integer(1, 1_000_000), "Its number; the latest draft unless given."]
    ]


class TemplatePreview(TypedDict):
    """Which version to show, with which data."""

    locale: NotRequired[Annotated[str | None, LOCALE, "Its language; `en` unless given."]]
    number: NotRequired[Annotated[int | None, Integer(1, 1_000_000), "Its number; the latest unless given."]]
    data: NotRequired[
        Annotated[dict[str, Any] | None, ClusterData(), "As a notification has it; an example unless given."]
    ]


class TemplatePreviewed(TypedDict):
    """What the phone shows."""

    number: int
    locale: str
    status: Annotated[str, OneOf(tuple(TemplateVersion.Status.values)), "Of the version shown."]
    text: Annotated[str, "The message; an account shows as an example's mask."]


class TemplateShown(TypedDict):
    """Named wording for one cluster."""

    id: Annotated[str, public_id("tpl")]
    name: Annotated[str, "What a notification's `template` says."]
    cluster: ClusterName
    versions: Annotated[list[TemplateVersionShown], "By language and number."]


_EPOCH = date(1970, 1, 1).toordinal()


def _read_usage_cursor(text: str) -> Counted:
    day, cluster, status = text.split(".")
    return Counted(date.fromordinal(_EPOCH + int(day)), cluster, status, 0)


def usage_cursor(last: Counted) -> str:
    """Where the next page begins: behind this row."""
    return f"{last.day.toordinal() - _EPOCH}.{last.cluster}.{last.status}"


USAGE_CURSOR = Pattern(
    f"[0-9]{{1,5}}[.]({'|'.join(Cluster.values)})[.]({'|'.join(STATUSES)})",
    "This must be a cursor that this list gave.",
    longest=50,
    parse=_read_usage_cursor,
)


class UsageQuery(TypedDict, total=False):
    """Which days."""

    since: Annotated[date, DAY, "The first day, in UTC; 30 days in all unless given."]
    until: Annotated[date, DAY, "The last day, in UTC; today unless given."]
    limit: Annotated[int, Whole(1, LARGEST_LIMIT, DEFAULT_LIMIT), "How many to a page."]
    cursor: Annotated[Counted, USAGE_CURSOR, "The `next_cursor` of the page before."]


class UsageCount(TypedDict):
    """So many notifications of a day are in one state."""

    date: Annotated[str, DAY, "The day they were accepted, in UTC."]
    cluster: ClusterName
    status: Annotated[Status, "The state they are in now."]
    count: int


class UsagePage(TypedDict):
    """Counts, those of the newest day first."""

    data: list[UsageCount]
    next_cursor: Annotated[str | None, USAGE_CURSOR, "Ask for the next page with it; null on the last."]


class AuditEventsQuery(PageQuery, total=False):
    """Which events."""

    code: Annotated[str, OneOf(tuple(Code)), "Only those that say this."]
    created_after: Annotated[datetime, TIME, "Only those that happened later than this."]


class AuditActor(TypedDict):
    """Who did it."""

    kind: Annotated[str, OneOf(tuple(Kind)), "A `system` event was brought about by time or a platform."]
    id: Annotated[str | None, "Of an API client (`cli_…`) or a member of your bank (`usr_…`), else null."]


class AuditTarget(TypedDict):
    """What it was done to."""

    kind: Annotated[str, "Such as `notification`, `grant` or `client`."]
    id: Annotated[str | None, "Null where the API has no id for it."]


class AuditEventShown(TypedDict):
    """One thing that happened."""

    id: Annotated[str, public_id("evt")]
    at: Annotated[str, CLOCK]
    code: Annotated[str, "Stable: a noun, and what was done."]
    actor: AuditActor
    target: AuditTarget
    request_id: Annotated[str | None, "Of the request that did it: `X-Request-Id` of its answer."]
    data: Annotated[dict, "More, by code: states, counts, names of scopes and clusters. Nothing personal."]


# One for each cluster. They work as they stand with the demo's banks and customers.
EXAMPLES: dict[str, dict[str, Any]] = {
    Cluster.BALANCES: {
        "customer_ref": "CUST-1001",
        "template": "balance_update",
        "data": {
            "account": "acc-4821-1",
            "available": {"value": "1234.50", "currency": "USD"},
            "as_of": "2026-11-23T09:30:00Z",
        },
    },
    Cluster.TRANSACTIONS: {
        "customer_ref": "CUST-1002",
        "template": "card_payment",
        "data": {
            "account": "acc-7730-1",
            "amount": {"value": "12.40", "currency": "USD"},
            "merchant": "Corner Bakery",
            "posted_at": "2026-11-23T09:30:00Z",
            "direction": "debit",
        },
    },
    Cluster.RECEIPTS: {
        "customer_ref": "CUST-1001",
        "template": "receipt",
        "data": {
            "merchant": "Corner Bakery",
            "total": {"value": "12.40", "currency": "USD"},
            "purchased_at": "2026-11-23T09:30:00Z",
            "reference": "R-20391",
            "items": [{"name": "Rye loaf", "amount": {"value": "12.40", "currency": "USD"}}],
        },
    },
    Cluster.SHIPMENTS: {
        "customer_ref": "CUST-1001",
        "template": "parcel",
        "data": {
            "merchant": "Corner Bakery",
            "carrier": "Parcel Post",
            "tracking_number": "PP 7731 US",
            "status": "OUT_FOR_DELIVERY",
            "expected_on": "2026-11-24",
        },
    },
    Cluster.FRAUD_ALERTS: {
        "customer_ref": "CUST-1001",
        "template": "fraud_alert",
        "data": {
            "account": "acc-4821-1",
            "amount": {"value": "980.00", "currency": "USD"},
            "merchant": "Night Electronics",
            "occurred_at": "2026-11-23T09:30:00Z",
            "case": "F-1187",
        },
    },
    Cluster.ACCOUNT_SERVICING: {
        "customer_ref": "H-55044",
        "template": "account_notice",
        "data": {
            "account": "acc-6604-1",
            "subject": "PAYMENT_DUE",
            "due_on": "2026-12-01",
            "amount": {"value": "150.00", "currency": "USD"},
        },
    },
}
ACCEPTED: AcceptedNotification = {
    "id": "ntf_019ab0d1f04b7d21b6f3a8c95e1042d7",
    "status": "ACCEPTED",
    "grant_id": "grt_019a1c0e6f127d3a8e5b40c9d17f26ab",
    "cluster": "BALANCES",
    "created_at": "2026-11-23T09:30:01.204Z",
}
SHOWN: NotificationShown = {
    "id": ACCEPTED["id"],
    "status": "DELIVERED",
    "reason": None,
    "grant_id": ACCEPTED["grant_id"],
    "cluster": "BALANCES",
    "environment": "live",
    "created_at": ACCEPTED["created_at"],
    "expires_at": "2026-11-23T21:30:01.204Z",
}
TOLD: NotificationTold = {
    **SHOWN,
    "timeline": [
        {"at": "2026-11-23T09:30:01.204Z", "event": "accepted", "detail": "BALANCES"},
        {"at": "2026-11-23T09:30:01.290Z", "event": "sent", "detail": ""},
        {"at": "2026-11-23T09:30:02.118Z", "event": "delivered", "detail": ""},
    ],
    "attempts": [
        {
            "number": 1,
            "at": "2026-11-23T09:30:01.332Z",
            "duration_ms": 42,
            "outcome": "sent",
            "code": None,
            "next_attempt_at": None,
        }
    ],
}
CANCELLED: NotificationShown = {**SHOWN, "status": "CANCELLED", "reason": "cancelled_by_bank"}
NOTIFICATIONS: Page[NotificationShown] = {"data": [SHOWN], "next_cursor": "AZqw0fBLfSG286jJXhBC1w"}
VERSION: TemplateVersionShown = {
    "number": 1,
    "locale": "en",
    "status": "APPROVED",
    "body": "Your account {{ account }} has {{ available }} available (as of {{ as_of }}).",
    "reason": None,
}
TEMPLATE: TemplateShown = {
    "id": "tpl_019a1c0e5c0d76b98f2e7a1c4d93b065",
    "name": "balance_update",
    "cluster": "BALANCES",
    "versions": [VERSION],
}
TEMPLATES: Page[TemplateShown] = {"data": [TEMPLATE], "next_cursor": None}
CREATED: TemplateShown = {
    **TEMPLATE,
    "name": "balance_morning",
    "versions": [{**VERSION, "status": "DRAFT", "body": "Good morning. You have {{ available }} now."}],
}
DRAFTED: TemplateVersionShown = {**VERSION, "number": 2, "status": "DRAFT"}
SUBMITTED: TemplateVersionShown = {**DRAFTED, "status": "SUBMITTED"}
PREVIEWED: TemplatePreviewed = {
    "number": 2,
    "locale": "en",
    "status": "DRAFT",
    "text": "Your account •• 4821 has $1,234.50 available (as of 23 Nov, 09:30 UTC).",
}
USAGE: UsagePage = {
    "data": [
        {"date": "2026-11-23", "cluster": "BALANCES", "status": "DELIVERED", "count": 1204},
        {"date": "2026-11-23", "cluster": "BALANCES", "status": "FAILED", "count": 3},
    ],
    "next_cursor": None,
}
BATCH: NewBatch = {
    "notifications": [
        {**EXAMPLES[Cluster.BALANCES], "idempotency_key": "night-run-1"},
        {**EXAMPLES[Cluster.TRANSACTIONS], "idempotency_key": "night-run-2"},
        {**EXAMPLES[Cluster.BALANCES], "customer_ref": "CUST-0000", "idempotency_key": "night-run-3"},
    ]
}
BATCHED: BatchAnswer = {
    "data": [
        {"index": 0, "id": ACCEPTED["id"], "status": "ACCEPTED"},
        {"index": 1, "id": "ntf_019ab0d1f04c7a0e9d3f21b7c4486e15", "status": "ACCEPTED"},
        {
            "index": 2,
            "problem": {
                "type": "https://parley.example/docs/errors/no_active_grant",
                "title": "The person has not granted this",
                "status": 403,
                "detail": "This person has no active grant that covers BALANCES.",
                "code": "no_active_grant",
                "request_id": "1f0c8e0a6b7d4a52b1d1f4c9a3e57d10",
            },
        },
    ]
}
RESENT: NotificationShown = {**SHOWN, "status": "ACCEPTED"}
RECOVERING: TaskShown = {
    "id": "tsk_019ab0d1f05177c2a1b0d3c4e5f60718",
    "status": "PENDING",
    "done": 0,
    "total": 1204,
}
RECOVERED: TaskShown = {**RECOVERING, "status": "DONE", "done": 1204}
TRAIL: Page[AuditEventShown] = {
    "data": [
        {
            "id": "evt_8d1f0b6a2c934e57b1d0f2a4c6e81357",
            "at": "2026-11-23T09:30:01.204Z",
            "code": "notification.accepted",
            "actor": {"kind": "client", "id": "cli_019a1c0e5a3f7b6c9d8e2f1a0b4c7d65"},
            "target": {"kind": "notification", "id": ACCEPTED["id"]},
            "request_id": "1f0c8e0a6b7d4a52b1d1f4c9a3e57d10",
            "data": {},
        }
    ],
    "next_cursor": None,
}
