"""What becomes of deliveries, told to their banks in the transaction that decides it."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from notifications.models import Delivery
from partners.webhooks import Event, EventType, emit_many
from portal.ids import public_id

_S = Delivery.Status
_TYPES: dict[str, EventType] = {
    _S.SENT: EventType.NOTIFICATION_SENT,
    _S.DELIVERED: EventType.NOTIFICATION_DELIVERED,
    _S.READ: EventType.NOTIFICATION_READ,
    _S.FAILED: EventType.NOTIFICATION_FAILED,
    _S.EXPIRED: EventType.NOTIFICATION_EXPIRED,
    _S.WITHDRAWN: EventType.NOTIFICATION_WITHDRAWN,
}
# For the statements that change deliveries (d, and n for their notifications): what they return.
CHANGED = (
    "d.notification_id, d.grant_id, d.partner_id, d.person_id, d.environment, n.cluster, d.status, d.reason"
)


class Changed(NamedTuple):
    """A delivery and the state it has come to."""

    notification_id: UUID
    grant_id: UUID
    partner_id: UUID
    person_id: UUID
    environment: str
    cluster: str
    status: str
    reason: str


def tell(changed: Iterable[Changed]) -> None:
    """Tells the banks that listen; states that have no event are passed over."""
    emit_many([_event(one) for one in changed if one.status in _TYPES])


def _event(one: Changed) -> Event:
    data = {
        "notification_id": public_id("ntf", one.notification_id),
        "grant_id": public_id("grt", one.grant_id),
        "cluster": one.cluster,
        "status": one.status,
        "reason": one.reason or None,
    }
    return Event(_TYPES[one.status], one.partner_id, one.environment, data, one.grant_id, one.person_id)
