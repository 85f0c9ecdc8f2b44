"""What a bank can hear of: every type with a sentence and an example. A type is stored and never renamed."""

from enum import StrEnum
from typing import Any, NamedTuple

CHALLENGE = "webhook.challenge"  # goes to a new address, whatever its filter


class EventType(StrEnum):
    """Noun and past tense."""

    GRANT_ACTIVATED = "grant.activated"
    GRANT_AMENDED = "grant.amended"
    GRANT_PAUSED = "grant.paused"
    GRANT_RESUMED = "grant.resumed"
    GRANT_RECONFIRMED = "grant.reconfirmed"
    GRANT_REVOKED = "grant.revoked"
    GRANT_EXPIRED = "grant.expired"
    GRANT_INVALIDATED = "grant.invalidated"
    NOTIFICATION_SENT = "notification.sent"
    NOTIFICATION_DELIVERED = "notification.delivered"
    NOTIFICATION_READ = "notification.read"
    NOTIFICATION_FAILED = "notification.failed"
    NOTIFICATION_EXPIRED = "notification.expired"
    NOTIFICATION_WITHDRAWN = "notification.withdrawn"
    CONVERSATION_MESSAGE = "conversation.message"
    BALANCE_REQUESTED = "balance.requested"
    TEMPLATE_APPROVED = "template.approved"
    TEMPLATE_REJECTED = "template.rejected"
    AGREEMENT_FINALIZED = "agreement.finalized"
    AGREEMENT_TERMINATED = "agreement.terminated"
    PARTNER_SUSPENDED = "partner.suspended"
    PARTNER_REINSTATED = "partner.reinstated"


class About(NamedTuple):
    """When it comes, and its `data` as an example."""

    sentence: str
    data: dict[str, Any]


_GRANT = {
    "grant_id": "grt_019a1c0e6f127d3a8e5b40c9d17f26ab",
    "customer_ref": "CUST-1001",
    "status": "ACTIVE",
    "clusters": ["BALANCES", "FRAUD_ALERTS"],
    "expires_at": "2027-11-23T08:00:00.000Z",
    "reason": None,
}
_NOTIFICATION = {
    "notification_id": "ntf_019ab0d1f04b7d21b6f3a8c95e1042d7",
    "grant_id": "grt_019a1c0e6f127d3a8e5b40c9d17f26ab",
    "cluster": "BALANCES",
    "status": "DELIVERED",
    "reason": None,
}
_CONVERSATION = {
    "conversation_id": "cnv_019ab0d2a1c47b5e9d30f6812c7e45b9",
    "grant_id": "grt_019a1c0e6f127d3a8e5b40c9d17f26ab",
    "customer_ref": "CUST-1001",
}
_TEMPLATE = {
    "template_id": "tpl_019a1c0e5c0d76b98f2e7a1c4d93b065",
    "name": "balance_update",
    "locale": "en",
    "version": 2,
    "status": "APPROVED",
    "reason": None,
}
_AGREEMENT = {
    "agreement_id": "agr_019a1c0e5a4f7b0c8f6d7e2b91c3a508",
    "number": "AGR-NORDEN",
    "version": 2,
    "status": "FINALIZED",
    "reason": None,
}
_PARTNER = {"partner_id": "ptn_019a1c0e59d17f5a8a0be13c2f94e6d1", "status": "ACTIVE", "reason": None}

ABOUT: dict[EventType, About] = {
    EventType.GRANT_ACTIVATED: About("A person allowed you to send.", _GRANT),
    EventType.GRANT_AMENDED: About("A person changed what you may send, or for which accounts.", _GRANT),
    EventType.GRANT_PAUSED: About("A person paused the messages.", {**_GRANT, "status": "PAUSED"}),
    EventType.GRANT_RESUMED: About("A person resumed the messages.", _GRANT),
    EventType.GRANT_RECONFIRMED: About("A person confirmed that they still want them.", _GRANT),
    EventType.GRANT_REVOKED: About(
        "A grant was ended, by the person, by you or by us.",
        {**_GRANT, "status": "REVOKED", "reason": "disconnected"},
    ),
    EventType.GRANT_EXPIRED: About("A grant came to its end.", {**_GRANT, "status": "EXPIRED"}),
    EventType.GRANT_INVALIDATED: About(
        "A grant became void, because what it rests on has changed.",
        {**_GRANT, "status": "INVALIDATED", "reason": "account_gone"},
    ),
    EventType.NOTIFICATION_SENT: About(
        "The messaging platform took a message.", {**_NOTIFICATION, "status": "SENT"}
    ),
    EventType.NOTIFICATION_DELIVERED: About("It arrived on the phone.", _NOTIFICATION),
    EventType.NOTIFICATION_READ: About("The person opened it.", {**_NOTIFICATION, "status": "READ"}),
    EventType.NOTIFICATION_FAILED: About(
        "It could not be sent.", {**_NOTIFICATION, "status": "FAILED", "reason": "permanent:100"}
    ),
    EventType.NOTIFICATION_EXPIRED: About(
        "It could not be sent in time, so it was not sent at all.", {**_NOTIFICATION, "status": "EXPIRED"}
    ),
    EventType.NOTIFICATION_WITHDRAWN: About(
        "The grant ended or was paused before it was sent.",
        {**_NOTIFICATION, "status": "WITHDRAWN", "reason": "grant_paused"},
    ),
    EventType.CONVERSATION_MESSAGE: About(
        "A person wrote to you.", {**_CONVERSATION, "text": "When will my new card arrive?"}
    ),
    EventType.BALANCE_REQUESTED: About(
        "A person asked for their balance. Answer with a notification.",
        {"grant_id": _GRANT["grant_id"], "customer_ref": _GRANT["customer_ref"], "clusters": ["BALANCES"]},
    ),
    EventType.TEMPLATE_APPROVED: About("Wording was approved, and is sent from now on.", _TEMPLATE),
    EventType.TEMPLATE_REJECTED: About(
        "Wording was rejected; the reason says why.",
        {**_TEMPLATE, "status": "REJECTED", "reason": "It names a product."},
    ),
    EventType.AGREEMENT_FINALIZED: About("A version of the agreement came into force.", _AGREEMENT),
    EventType.AGREEMENT_TERMINATED: About(
        "The agreement ended.", {**_AGREEMENT, "status": "TERMINATED", "reason": "notice"}
    ),
    EventType.PARTNER_SUSPENDED: About(
        "The platform stopped your sending.", {**_PARTNER, "status": "SUSPENDED", "reason": "incident"}
    ),
    EventType.PARTNER_REINSTATED: About("You may send again.", _PARTNER),
}


def example_of(event_type: EventType) -> dict[str, Any]:
    """The `data` of a test event: nobody's, and marked."""
    return {**ABOUT[event_type].data, "test": True}


def by_noun() -> dict[str, list[EventType]]:
    """The types in groups: grant, notification, …"""
    groups: dict[str, list[EventType]] = {}
    for event_type in EventType:
        groups.setdefault(event_type.partition(".")[0], []).append(event_type)
    return groups
