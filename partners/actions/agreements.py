"""An agreement's version: offered, accepted by the bank, countersigned by a second person, in force."""

import hashlib
from dataclasses import asdict, dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from partners.actions.partners import change_partner_status
from partners.agreement_text import render_agreement
from partners.models import Agreement, AgreementVersion, Partner
from partners.outgoing import outgoing
from partners.refusals import Refused
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Kind, Principal

_S = AgreementVersion.Status


@dataclass(frozen=True)
class Terms:
    """What is agreed. Days are calendar days; the cap counts notifications in a calendar month (UTC)."""

    clusters: list[str]
    channels: list[str]
    countries: list[str]
    retention_days: int = 90
    longest_grant_days: int = 365
    monthly_volume_cap: int = 1_000_000
    notice_days: int = 30


@transaction.atomic
def offer_agreement(*, partner_id: UUID, number: str, terms: Terms, actor: Principal) -> AgreementVersion:
    """Staff offer terms; the first offer opens the agreement."""
    _staff_only(actor)
    with scope(actor):
        partner = Partner.objects.get(pk=partner_id)
        agreement, _ = Agreement.objects.get_or_create(number=number, defaults={"partner": partner})
        version = AgreementVersion(
            agreement=agreement,
            partner=partner,
            number=agreement.versions.count() + 1,
            status=_S.OFFERED,
            offered_by=actor.id,
            **asdict(terms),
        )
        version.text = render_agreement(partner, number, version)
        version.text_sha256 = hashlib.sha256(version.text.encode()).hexdigest()
        version.save(force_insert=True)
        _record(Code.AGREEMENT_OFFERED, version, actor)
    return version


@transaction.atomic
def accept_agreement(*, version_id: UUID, actor: Principal) -> AgreementVersion:
    """The bank's authorised signatory signs the text as it is offered."""
    if Permission.AGREEMENTS_SIGN.value not in actor.permissions:
        raise Refused("Only an authorised signatory of the bank can sign.")
    with scope(actor):
        version = _locked(version_id, _S.OFFERED)
        version.status, version.accepted_by, version.accepted_at = _S.ACCEPTED, actor.id, timezone.now()
        version.save(update_fields=["status", "accepted_by", "accepted_at"])
        _record(Code.AGREEMENT_ACCEPTED, version, actor)
    return version


@transaction.atomic
def countersign_agreement(*, version_id: UUID, actor: Principal) -> AgreementVersion:
    """The platform signs; its signer is not the one who offered."""
    _staff_only(actor)
    with scope(actor):
        version = _locked(version_id, _S.ACCEPTED)
        if actor.id == version.offered_by:
            raise Refused("Whoever offered the agreement cannot countersign it.")
        version.status, version.countersigned_by = _S.AGREED, actor.id
        version.countersigned_at = timezone.now()
        version.save(update_fields=["status", "countersigned_by", "countersigned_at"])
        _record(Code.AGREEMENT_COUNTERSIGNED, version, actor)
    return version


@transaction.atomic
def put_agreement_in_force(*, version_id: UUID) -> AgreementVersion:
    """What both signed takes effect, replaces its predecessor, and makes an approved bank active.

    Once it has committed, no send begins that only the predecessor allowed.
    """
    actor = Principal.system()
    with scope(actor):
        version = _locked(version_id, _S.AGREED)
        partner = Partner.objects.select_for_update().get(pk=version.partner_id)
        now = timezone.now()
        AgreementVersion.objects.filter(partner_id=version.partner_id, status=_S.FINALIZED).update(
            status=_S.SUPERSEDED, ended_at=now
        )
        version.status, version.in_force_from = _S.FINALIZED, now
        version.save(update_fields=["status", "in_force_from"])
        _record(Code.AGREEMENT_FINALIZED, version, actor)
        if partner.status == Partner.Status.APPROVED:
            change_partner_status(partner_id=partner.id, to=Partner.Status.ACTIVE, actor=actor)
        outgoing().settle_partner(partner_id=partner.id)
    return version


def _locked(version_id: UUID, status: str) -> AgreementVersion:
    version = AgreementVersion.objects.select_for_update(no_key=True).get(pk=version_id)
    if version.status != status:
        raise Refused(f"This version is {version.status}; it would have to be {status}.")
    return version


def _staff_only(actor: Principal) -> None:
    if actor.kind is not Kind.STAFF:
        raise Refused("Only platform staff can do that.")


def _record(code: Code, version: AgreementVersion, actor: Principal) -> None:
    data = {"version": version.number, "text_sha256": version.text_sha256}
    record(code, actor=actor, target=version, partner_id=version.partner_id, data=data)
