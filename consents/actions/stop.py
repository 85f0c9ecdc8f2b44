"""Pausing, resuming and ending a grant. Once these have committed, nothing of it begins to be sent."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from consents.access import get_grant_for
from consents.actions.refuse import refuse_requests
from consents.models import Grant
from consents.stops import note_stop
from consents.telling import tell_grant
from consents.trail import record_grant
from partners.outgoing import Stopped, outgoing
from partners.refusals import Refused
from partners.webhooks import EventType
from portal.audit.codes import Code
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

_S = Grant.Status
SYSTEM = Principal.system()
TRANSITIONS: dict[tuple[str, str], set[Kind]] = {
    (_S.PENDING, _S.ACTIVE): {Kind.PERSON},
    (_S.PENDING, _S.REJECTED): {Kind.PERSON},
    (_S.ACTIVE, _S.PAUSED): {Kind.PERSON},
    (_S.PAUSED, _S.ACTIVE): {Kind.PERSON},
    **{(was, _S.REVOKED): {Kind.PERSON, Kind.CLIENT, Kind.STAFF} for was in (_S.ACTIVE, _S.PAUSED)},
    **{(was, _S.EXPIRED): {Kind.SYSTEM} for was in (_S.PENDING, _S.ACTIVE, _S.PAUSED)},
    **{(was, _S.INVALIDATED): {Kind.SYSTEM} for was in (_S.ACTIVE, _S.PAUSED)},
}


@transaction.atomic
def pause_grant(*, grant_id: UUID, actor: Principal) -> Grant:
    """Stops messages until the person resumes. What is queued is withdrawn: nothing comes late."""
    with scope(actor):
        grant = _step(grant_id, _S.PAUSED, actor)
        grant.paused_at = timezone.now()
        grant.save(update_fields=["status", "paused_at"])
        stopped = _stop_sending(grant, "grant_paused")
        record_grant(Code.CONSENT_PAUSED, grant, actor, **stopped._asdict())
        _tell(EventType.GRANT_PAUSED, grant, actor, stopped)
    return grant


@transaction.atomic
def resume_grant(*, grant_id: UUID, actor: Principal) -> Grant:
    """Lets messages come again, on the same terms and until the same day."""
    with scope(actor):
        grant = _step(grant_id, _S.ACTIVE, actor)
        grant.paused_at, grant.resumed_at = None, timezone.now()
        grant.tend_at = min(grant.tend_at, grant.resumed_at)
        grant.save(update_fields=["status", "paused_at", "resumed_at", "tend_at"])
        record_grant(Code.CONSENT_RESUMED, grant, actor)
        tell_grant(EventType.GRANT_RESUMED, grant)
    return grant


@transaction.atomic
def end_grant(*, grant_id: UUID, actor: Principal, reason: str, to: str = _S.REVOKED) -> Grant:
    """Ends the grant for good (REVOKED, EXPIRED or INVALIDATED); one whose day has come has EXPIRED then, whoever ends it.
    A bank's own words stay out of the trail. Where the person ends it, what the bank asks them at that moment is refused
    as well.
    """
    with scope(actor):
        if actor.kind is Kind.PERSON:
            grant = get_grant_for(actor, grant_id)
            refuse_requests(actor=actor, partner_id=grant.partner_id, environment=grant.environment)
        grant, now = get_grant_for(actor, grant_id, lock=True), timezone.now()
        if grant.is_past_its_end:
            actor, to, reason, now = SYSTEM, _S.EXPIRED, "expired", grant.expires_at
        _check_step(grant, to, actor)
        grant.ended_at, grant.end_reason, grant.ended_by = now, reason, actor.kind.value
        grant.save(update_fields=["status", "ended_at", "end_reason", "ended_by"])
        stopped = _stop_sending(grant, "grant_ended")
        told = "" if actor.kind is Kind.CLIENT else reason
        record_grant(Code.CONSENT_REVOKED, grant, actor, to=to, reason=told, **stopped._asdict())
        _tell(EventType(f"grant.{to.lower()}"), grant, actor, stopped)
    return grant


def _step(grant_id: UUID, to: str, actor: Principal) -> Grant:
    grant = get_grant_for(actor, grant_id, lock=True)
    _check_step(grant, to, actor)
    return grant


def _check_step(grant: Grant, to: str, actor: Principal) -> None:
    was = grant.status if to == _S.EXPIRED else grant.status_now
    if actor.kind not in TRANSITIONS.get((was, to), set()):
        raise Refused(_("The connection is not as it was any more, so that cannot be done any more."))
    grant.status = to


def _stop_sending(grant: Grant, reason: str) -> Stopped:
    with scope(Principal.system()):
        return outgoing().stop_grant(grant_id=grant.id, reason=reason)


def _tell(event_type: EventType, grant: Grant, actor: Principal, stopped: Stopped) -> None:
    message_id = tell_grant(event_type, grant)
    note_stop(grant, event_type, stopped, by=actor.kind, message_id=message_id)
