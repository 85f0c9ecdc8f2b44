"""A bank is stopped for a while, or leaves, or is sent away; and then its data is destroyed as it was agreed."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from partners.actions.agreement_endings import end_with_bank
from partners.actions.partners import change_partner_status
from partners.agreement_text import CLAUSES
from partners.models import Agreement, AgreementVersion, Partner, Stop
from partners.notices import tell_owners
from partners.refusals import Refused
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission, StaffPermission
from portal.tenancy.principal import Principal
from portal.vault.keys import destroy_keys_of

_S = Partner.Status


@transaction.atomic
def suspend_partner(*, partner_id: UUID, reason: str, actor: Principal) -> Stop:
    """Nothing of the bank's is sent, and its clients are refused, until it is reinstated."""
    _require_staff(actor)
    partner = change_partner_status(partner_id=partner_id, to=_S.SUSPENDED, actor=actor, reason=reason)
    with scope(Principal.system()):
        stop = _stop(partner, Stop.Kind.SUSPENDED, reason, actor)
        words = [
            "Nothing is sent for now, and your clients are refused. Grants stay as they are.",
            f"Why: {reason}",
        ]
        _tell(partner, "your bank is suspended", words)
    return stop


@transaction.atomic
def reinstate_partner(*, partner_id: UUID, reason: str, actor: Principal) -> Partner:
    """The bank works as before; what waited and has not expired goes out."""
    _require_staff(actor)
    partner = change_partner_status(partner_id=partner_id, to=_S.ACTIVE, actor=actor, reason=reason)
    with scope(Principal.system()):
        Stop.objects.filter(partner=partner, lifted_at=None).update(lifted_at=timezone.now())
        _tell(partner, "your bank works again", ["Messages are sent again, and your clients are let in."])
    return partner


@transaction.atomic
def revoke_partner(*, partner_id: UUID, reason: str, actor: Principal) -> Stop:
    """The platform ends its work with the bank, for good."""
    _require_staff(actor)
    partner = change_partner_status(partner_id=partner_id, to=_S.REVOKED, actor=actor, reason=reason)
    return _end(partner, Stop.Kind.REVOKED, reason, actor)


@transaction.atomic
def surrender_partner(*, partner_id: UUID, name: str, reason: str, actor: Principal) -> Stop:
    """The bank leaves, for good. `name` is the bank's, typed; what is queued is withdrawn, not sent."""
    if actor.partner_id != partner_id or Permission.PARTNER_SURRENDER.value not in actor.permissions:
        raise Refused("Only an owner of the bank can leave Parley for it.")
    with scope(actor):
        known = Partner.objects.get(pk=partner_id).name
    if name.strip().casefold() != known.casefold():
        raise Refused(f"Type the bank's name, {known}, to confirm.")
    partner = change_partner_status(partner_id=partner_id, to=_S.SURRENDERED, actor=actor, reason=reason)
    return _end(partner, Stop.Kind.SURRENDERED, reason, actor)


def destroy_departed() -> int:
    """Destroys the data keys of the banks whose time has come; returns how many banks."""
    done = 0
    while _destroy_next():
        done += 1
    return done


@transaction.atomic
def _destroy_next() -> bool:
    actor = Principal.system()
    with scope(actor):
        due = Stop.objects.select_for_update(skip_locked=True).filter(
            destroyed_at=None, destroy_after__lte=timezone.now()
        )
        stop = due.order_by("destroy_after").first()
        if stop is None:
            return False
        stop.keys_destroyed, stop.destroyed_at = destroy_keys_of(partner_id=stop.partner_id), timezone.now()
        stop.save(update_fields=["keys_destroyed", "destroyed_at"])
        data = {"keys": stop.keys_destroyed, "clause": stop.clause}
        record(Code.PARTNER_DATA_DESTROYED, actor=actor, target=stop, partner_id=stop.partner_id, data=data)
        words = [f"{stop.keys_destroyed} data keys are destroyed. The certificate can be downloaded."]
        _tell(Partner.objects.get(pk=stop.partner_id), "your bank’s data is destroyed", words)
    return True


def _end(partner: Partner, kind: Stop.Kind, reason: str, actor: Principal) -> Stop:
    with scope(Principal.system()):
        Stop.objects.filter(partner=partner, lifted_at=None).update(lifted_at=timezone.now())
        stop = _stop(partner, kind, reason, actor)
        stop.destroy_after = stop.at
        if (version := _kept_as_in(partner)) is not None:
            number = Agreement.objects.values_list("number", flat=True).get(pk=version.agreement_id)
            stop.clause = f"{CLAUSES['retention_days']} of {number}, version {version.number}"
            stop.destroy_after = stop.at + timedelta(days=version.retention_days)
        stop.save(update_fields=["clause", "destroy_after"])
        is_own = kind == Stop.Kind.SURRENDERED
        ending = AgreementVersion.Ending.WITHDRAWN if is_own else AgreementVersion.Ending.CAUSE
        end_with_bank(partner_id=partner.id, ending=ending, reason=reason, actor=actor)
        left = (
            "your bank has left Parley"
            if kind == Stop.Kind.SURRENDERED
            else "Parley ends its work with your bank"
        )
        day = f"{stop.destroy_after:%-d %B %Y}"
        _tell(
            partner, left, [f"Why: {reason}", f"All data is destroyed on {day}; then you get a certificate."]
        )
    return stop


def _kept_as_in(partner: Partner) -> AgreementVersion | None:
    """What says how long the data is kept: the shortest time that an agreement in force has promised, because
    people who agreed to that may not have been asked about a longer one.
    """
    status = AgreementVersion.Status
    versions = AgreementVersion.objects.filter(partner=partner)
    if not versions.filter(status=status.FINALIZED).exists():
        return None
    promised = versions.filter(status__in=[status.FINALIZED, status.SUPERSEDED])
    return promised.order_by("retention_days", "-number").first()


def _stop(partner: Partner, kind: Stop.Kind, reason: str, actor: Principal) -> Stop:
    return Stop.objects.create(partner=partner, kind=kind, reason=reason, by_id=actor.id)


def _tell(partner: Partner, headline: str, sentences: list[str]) -> None:
    page = reverse("member-leaving", args=[partner.slug])
    tell_owners(partner, headline=headline, sentences=sentences, page=page)


def _require_staff(actor: Principal) -> None:
    if StaffPermission.PARTNERS_SUSPEND.value not in actor.permissions:
        raise Refused("Your role at the platform does not include stopping a bank.")
