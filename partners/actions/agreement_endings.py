"""How an agreement, or the negotiation of one, ends: declined, withdrawn, terminated, or over on its last day."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from partners.actions.agreements import SYSTEM, locked, staff_only, tell_webhooks
from partners.actions.clients import forget_tokens_of
from partners.agreement_mail import tell_bank, tell_staff
from partners.agreement_text import CLAUSES
from partners.models import AgreementTermination, AgreementVersion
from partners.outgoing import outgoing
from partners.refusals import Refused
from partners.webhooks import EventType
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission, StaffPermission
from portal.tenancy.principal import Kind, Principal

_S = AgreementVersion.Status
_E = AgreementVersion.Ending
UNSIGNED = (_S.OFFERED, _S.COUNTERED, _S.ACCEPTED)  # by at least one side
SIGNED = (_S.AGREED, _S.FINALIZED)
REMIND = (7, 30, 60)  # days before the end, the nearest first


@transaction.atomic
def decline_agreement(*, version_id: UUID, reason: str, actor: Principal) -> AgreementVersion:
    """Either side ends a negotiation that not both have signed, its own proposal or the other's."""
    if actor.kind is not Kind.STAFF and Permission.AGREEMENTS_NEGOTIATE.value not in actor.permissions:
        raise Refused("Your role does not include negotiating the agreement.")
    version = locked(version_id, actor, *UNSIGNED)
    with scope(SYSTEM):
        _end(version, _S.DECLINED, _E.DECLINED, reason, actor.id)
        _record(Code.AGREEMENT_DECLINED, version, actor)
        if actor.kind is Kind.STAFF:
            tell_bank(version, "declined", reason=reason)
        else:
            tell_staff(version, "declined", StaffPermission.AGREEMENTS_OFFER, reason=reason)
    return version


@transaction.atomic
def withdraw_agreement(
    *, version_id: UUID, actor: Principal, ends_at: datetime | None = None, reason: str = ""
) -> AgreementVersion:
    """The bank ends what both have signed, at once or later. Once that has committed, no send begins under it."""
    if Permission.AGREEMENTS_SIGN.value not in actor.permissions:
        raise Refused("Only an authorised signatory of the bank can withdraw from the agreement.")
    version = locked(version_id, actor, *SIGNED, is_effective=True)
    with scope(SYSTEM):
        _stop(version, ends_at, _E.WITHDRAWN, reason, actor)
    return version


@transaction.atomic
def ask_termination(
    *, version_id: UUID, ends_at: datetime | None, reason: str, actor: Principal
) -> AgreementTermination:
    """One member of staff asks for the end: at once for cause, or at `ends_at` with the notice agreed."""
    staff_only(actor)
    version = locked(version_id, actor, *SIGNED)
    with scope(SYSTEM):
        if version.terminations.filter(decided_at=None).exists():
            raise Refused("A termination has been asked for already: a colleague has to decide it first.")
        _check_notice(version, ends_at)
        asked = AgreementTermination.objects.create(
            version=version, partner_id=version.partner_id, ends_at=ends_at, reason=reason, asked_by=actor.id
        )
        _record(Code.AGREEMENT_TERMINATION_ASKED, version, actor)
    return asked


@transaction.atomic
def decide_termination(*, version_id: UUID, is_confirmed: bool, actor: Principal) -> AgreementVersion:
    """A second member of staff confirms, and it ends as was asked; or anybody of them refuses."""
    staff_only(actor)
    version = locked(version_id, actor, *SIGNED, is_effective=is_confirmed)
    with scope(SYSTEM):
        asked = version.terminations.select_for_update(no_key=True).filter(decided_at=None).first()
        if asked is None:
            raise Refused("A colleague has decided this already.")
        if is_confirmed and asked.asked_by == actor.id:
            raise Refused("Whoever asked for the termination cannot confirm it: a colleague has to.")
        asked.decided_by, asked.decided_at, asked.is_confirmed = actor.id, timezone.now(), is_confirmed
        asked.save(update_fields=["decided_by", "decided_at", "is_confirmed"])
        if is_confirmed:
            _check_notice(version, asked.ends_at)
            _stop(version, asked.ends_at, _E.NOTICE if asked.ends_at else _E.CAUSE, asked.reason, actor)
        else:
            _record(Code.AGREEMENT_TERMINATION_REFUSED, version, actor)
    return version


@transaction.atomic
def end_agreement(*, version_id: UUID) -> AgreementVersion:
    """What has come to its end, by its term or by notice, is over. Nothing was sent under it since."""
    version = locked(version_id, SYSTEM, *SIGNED, is_effective=True)
    with scope(SYSTEM):
        if version.ends_at is None or version.ends_at > timezone.now():
            raise Refused("It has not come to its end.")
        _finish(version, version.ending or _E.TERM, version.ending_reason, version.ending_by, SYSTEM)
    return version


@transaction.atomic
def remind_of_end(*, version_id: UUID) -> int:
    """Writes to the bank that its agreement ends soon, once for 60, 30 and 7 days; returns the days said, or 0."""
    version = locked(version_id, SYSTEM, _S.FINALIZED)
    with scope(SYSTEM):
        days = _days_to_say(version)
        if days:
            version.reminded_days = days
            version.save(update_fields=["reminded_days"])
            left = (version.ends_at - timezone.now()).days if version.ends_at else 0
            tell_bank(version, "reminder", days=left, ends_on=f"{version.ends_at:%-d %B %Y, %H:%M} UTC")
    return days


def end_with_bank(*, partner_id: UUID, ending: str, reason: str, actor: Principal) -> None:
    """The bank's time at Parley is over, in the caller's transaction: what is in force or signed ends, what is being
    negotiated is declined. The bank hears of it with its leaving.
    """
    with scope(SYSTEM):
        rows = AgreementVersion.objects.select_for_update(of=("self",), no_key=True).select_related(
            "agreement"
        )
        for version in rows.filter(partner_id=partner_id, status__in=[_S.DRAFT, *UNSIGNED, *SIGNED]):
            is_signed = version.status in SIGNED
            _end(version, _S.TERMINATED if is_signed else _S.DECLINED, ending, reason, actor.id)
            _record(Code.AGREEMENT_TERMINATED if is_signed else Code.AGREEMENT_DECLINED, version, actor)
            if is_signed:
                tell_webhooks(EventType.AGREEMENT_TERMINATED, version)
        forget_tokens_of(partner_id)


def due_to_end() -> list[UUID]:
    """Versions whose end has come."""
    with scope(SYSTEM), transaction.atomic():
        found = AgreementVersion.objects.filter(status__in=SIGNED, ends_at__lte=timezone.now())
        return list(found.values_list("id", flat=True))


def due_to_remind() -> list[UUID]:
    """Versions in force whose bank has to hear that they end soon."""
    with scope(SYSTEM), transaction.atomic():
        horizon = timezone.now() + timedelta(days=max(REMIND))
        found = AgreementVersion.objects.in_force().filter(ends_at__lte=horizon)
        return [version.id for version in found if _days_to_say(version)]


def _days_to_say(version: AgreementVersion) -> int:
    """Of 60, 30 and 7 the nearest that has come and was not said; 0 for none."""
    if version.ends_at is None:
        return 0
    left = (version.ends_at - timezone.now()).total_seconds() / 86_400
    days = next((days for days in REMIND if left <= days), 0)
    return days if version.reminded_days is None or days < version.reminded_days else 0


def _check_notice(version: AgreementVersion, ends_at: datetime | None) -> None:
    if ends_at is not None and ends_at < version.earliest_end():
        raise Refused(
            f"Clause {CLAUSES['notice_days']} asks for {version.notice_days} days’ notice: choose a later day."
        )


def _stop(
    version: AgreementVersion, ends_at: datetime | None, ending: str, reason: str, actor: Principal
) -> None:
    if ends_at is None:
        _finish(version, ending, reason, actor.id, actor)
        return
    if ends_at <= timezone.now():
        raise Refused("Choose a day that is not over yet.")
    if version.ends_at is not None and version.ends_at <= ends_at:
        raise Refused(f"It ends earlier already, on {version.ends_at:%-d %B %Y}.")
    version.ends_at, version.ending, version.ending_reason = ends_at, ending, reason
    version.ending_by, version.reminded_days = actor.id, None
    version.save(update_fields=["ends_at", "ending", "ending_reason", "ending_by", "reminded_days"])
    _record(Code.AGREEMENT_NOTICE_GIVEN, version, actor)
    tell_bank(version, "notice", reason=reason, ends_on=f"{ends_at:%-d %B %Y, %H:%M} UTC")


def _finish(version: AgreementVersion, ending: str, reason: str, by: UUID | None, actor: Principal) -> None:
    _end(version, _S.TERMINATED, ending, reason, by)
    _record(Code.AGREEMENT_TERMINATED, version, actor)
    outgoing().settle_partner(partner_id=version.partner_id)
    forget_tokens_of(version.partner_id)
    tell_bank(version, "ended", reason=reason)
    tell_webhooks(EventType.AGREEMENT_TERMINATED, version)


def _end(version: AgreementVersion, status: str, ending: str, reason: str, by: UUID | None) -> None:
    version.status, version.ended_at = status, timezone.now()
    version.ending, version.ending_reason, version.ending_by = ending, reason, by
    version.save(update_fields=["status", "ended_at", "ending", "ending_reason", "ending_by"])


def _record(code: Code, version: AgreementVersion, actor: Principal) -> None:
    data = {"version": version.number, "ending": version.ending}
    record(code, actor=actor, target=version, partner_id=version.partner_id, data=data)
