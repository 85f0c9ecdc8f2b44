"""What was decided about a grant, when: as its bank may see it, from the trail."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from consents.models import Grant
from portal.audit.codes import Code
from portal.audit.models import AuditEvent
from portal.tenancy.principal import Kind

_GIVEN = {
    Code.CONSENT_GIVEN: "ConsentGiven",
    Code.CONSENT_AMENDED: "Amended",
    Code.CONSENT_NARROWED: "Amended",
    Code.CONSENT_REROUTED: "Amended",
    Code.CONSENT_LAPSED: "Amended",
    Code.CONSENT_SHORTENED: "Amended",
    Code.CONSENT_RECONFIRMED: "Reconfirmed",
    Code.CONSENT_PAUSED: "Paused",
    Code.CONSENT_RESUMED: "Resumed",
}
EVENTS = (*dict.fromkeys(_GIVEN.values()), "ConsentWithdrawn", "ConsentTerminated", "ConsentExpired")


class Moment(NamedTuple):
    """`clusters` are those that the grant holds, or held, from then on."""

    at: datetime
    event: str
    clusters: list[str]


def histories_of(grants: Iterable[Grant]) -> dict[UUID, list[Moment]]:
    """By grant, oldest first; one query. Only their bank's or their person's, as whoever asks may see them."""
    ids = [grant.id for grant in grants]
    codes = [*_GIVEN, Code.CONSENT_REVOKED]
    events = AuditEvent.objects.filter(target_type="Grant", target_id__in=ids, code__in=codes)
    found: dict[UUID, list[Moment]] = {one: [] for one in ids}
    for event in events.order_by("id"):
        moments = found[event.target_id]  # type: ignore[index]
        before = moments[-1].clusters if moments else []
        moments.append(Moment(event.at, _name(event), event.data.get("clusters", before)))
    return found


def _name(event: AuditEvent) -> str:
    if event.code != Code.CONSENT_REVOKED:
        return _GIVEN[Code(event.code)]
    if event.data.get("to") == Grant.Status.EXPIRED:
        return "ConsentExpired"
    return "ConsentWithdrawn" if event.actor_kind == Kind.PERSON else "ConsentTerminated"
