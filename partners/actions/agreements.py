"""An agreement's version: offered, countered, accepted by the bank, countersigned by a second person, in force.

Whoever changes one holds the bank's row, so that a bank's agreements change one after the other.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from partners.actions.clients import forget_tokens_of
from partners.actions.partners import change_partner_status
from partners.agreement_mail import tell_bank, tell_staff
from partners.agreement_text import WORDING, clauses_of, render_agreement
from partners.models import Agreement, AgreementSignature, AgreementTemplate, AgreementVersion, Partner
from partners.outgoing import outgoing
from partners.refusals import Refused
from partners.webhooks import EventType, emit
from portal.accounts.models import User
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission, StaffPermission
from portal.tenancy.principal import Kind, Principal

_S = AgreementVersion.Status
_P = Partner.Status
SYSTEM = Principal.system()
GONE = {_P.REJECTED, _P.REVOKED, _P.SURRENDERED}
# Those of a bank that an agreement can be in force with.
APPROVED = [_P.APPROVED, _P.ACTIVE, _P.SUSPENDED]
WORDS = {
    _S.OFFERED: "offered and waits for the bank",
    _S.COUNTERED: "countered and waits for the platform",
    _S.ACCEPTED: "signed by the bank and waits for the platform’s signature",
    _S.AGREED: "signed by both and waits for its day",
    _S.FINALIZED: "in force",
    _S.SUPERSEDED: "replaced by a later version",
    _S.TERMINATED: "ended",
    _S.DECLINED: "declined",
}


@dataclass(frozen=True)
class Terms:
    """What is agreed. Days are calendar days; the cap counts notifications in a calendar month (UTC). Without
    `starts_on` it begins once both have signed; `ends_on` is the last day.
    """

    clusters: list[str]
    channels: list[str]
    countries: list[str]
    retention_days: int = 90
    longest_grant_days: int = 365
    monthly_volume_cap: int = 1_000_000
    notice_days: int = 30
    starts_on: date | None = None
    ends_on: date | None = None


@dataclass(frozen=True)
class Signing:
    """What somebody signs, by the hash of the text they saw, and from where."""

    text_sha256: str
    ip: str | None = None
    browser: str = ""


@dataclass(frozen=True)
class Proposal:
    """Terms, the template they are worded by, and comments by clause."""

    terms: Terms
    template_id: UUID | None = None
    comments: Mapping[str, str] = field(default_factory=dict)


@transaction.atomic
def offer_agreement(
    *,
    partner_id: UUID,
    terms: Terms,
    actor: Principal,
    number: str = "",
    template_id: UUID | None = None,
    comments: Mapping[str, str] | None = None,
) -> AgreementVersion:
    """Staff offer terms, the first time or in answer to the bank's own. Only one negotiation is open at a time.

    The first offer opens the agreement; without `number` the bank's last one goes on, until it has ended.
    """
    staff_only(actor)
    with scope(SYSTEM):
        partner = _lock_bank(partner_id)
        if partner.status in GONE:
            raise Refused("This bank has left Parley, so nothing can be offered to it.")
        answered = AgreementVersion.objects.filter(partner_id=partner_id, status=_S.COUNTERED).first()
        _check_nothing_else_is_open(partner_id, answered)
        if answered:
            _replace(answered)
            number = answered.agreement.number
        agreement = _agreement(partner, number)
        proposal = Proposal(terms, template_id, comments or {})
        version = _propose(partner, agreement, proposal, _S.OFFERED, actor)
        _record(Code.AGREEMENT_OFFERED, version, actor)
        tell_bank(version, "offered")
    return version


@transaction.atomic
def counter_agreement(
    *, version_id: UUID, terms: Terms, comments: Mapping[str, str], actor: Principal
) -> AgreementVersion:
    """The bank answers an offer with terms of its own, or asks for an amendment of what is in force; worded as
    that was.
    """
    if Permission.AGREEMENTS_NEGOTIATE.value not in actor.permissions:
        raise Refused("Your role does not include negotiating the agreement.")
    offered = locked(version_id, actor, _S.OFFERED, _S.FINALIZED)
    with scope(SYSTEM):
        _check_nothing_else_is_open(offered.partner_id, offered)
        if terms_of(offered) == terms and not comments:
            raise Refused("You have changed nothing: accept the offer, or change a term or add a comment.")
        if offered.status == _S.OFFERED:
            _replace(offered)
        proposal = Proposal(terms, offered.template_id, comments)
        version = _propose(offered.partner, offered.agreement, proposal, _S.COUNTERED, actor)
        _record(Code.AGREEMENT_COUNTERED, version, actor)
        tell_staff(version, "countered", StaffPermission.AGREEMENTS_OFFER)
    return version


@transaction.atomic
def accept_agreement(*, version_id: UUID, signing: Signing, actor: Principal) -> AgreementVersion:
    """The bank's authorised signatory signs the text as it is offered."""
    if Permission.AGREEMENTS_SIGN.value not in actor.permissions:
        raise Refused("Only an authorised signatory of the bank can sign.")
    version = locked(version_id, actor, _S.OFFERED)
    with scope(SYSTEM):
        signature = _sign(version, AgreementSignature.Side.BANK, signing, actor)
        version.status, version.accepted_by, version.accepted_at = _S.ACCEPTED, actor.id, signature.at
        version.save(update_fields=["status", "accepted_by", "accepted_at"])
        _record(Code.AGREEMENT_ACCEPTED, version, actor)
        tell_staff(version, "accepted", StaffPermission.AGREEMENTS_COUNTERSIGN)
    return version


@transaction.atomic
def countersign_agreement(*, version_id: UUID, signing: Signing, actor: Principal) -> AgreementVersion:
    """The platform signs; its signer neither offered the agreement nor signed it for the bank."""
    staff_only(actor)
    version = locked(version_id, actor, _S.ACCEPTED)
    with scope(SYSTEM):
        if actor.id == version.offered_by:
            raise Refused("Whoever offered the agreement cannot countersign it: a colleague has to.")
        if actor.id == version.accepted_by:
            raise Refused("Whoever signed for the bank cannot sign for the platform too.")
        signature = _sign(version, AgreementSignature.Side.PLATFORM, signing, actor)
        version.status, version.countersigned_by = _S.AGREED, actor.id
        version.countersigned_at = signature.at
        version.save(update_fields=["status", "countersigned_by", "countersigned_at"])
        _record(Code.AGREEMENT_COUNTERSIGNED, version, actor)
    return version


@transaction.atomic
def put_agreement_in_force(*, version_id: UUID) -> AgreementVersion:
    """What both signed takes effect on its day, replaces its predecessor, and makes an approved bank active.

    Once it has committed, no send begins that only the predecessor allowed.
    """
    version = locked(version_id, SYSTEM, _S.AGREED, is_effective=True)
    with scope(SYSTEM):
        now = timezone.now()
        if version.starts_on and version.starts_on > now.date():
            raise Refused(f"It comes into force on {version.starts_on}, not earlier.")
        if version.partner.status not in APPROVED:
            raise Refused("It comes into force once the bank is approved.")
        AgreementVersion.objects.filter(partner_id=version.partner_id, status=_S.FINALIZED).update(
            status=_S.SUPERSEDED, ended_at=now
        )
        version.status, version.in_force_from = _S.FINALIZED, now
        version.ends_at = end_of(version.ends_on) if version.ends_on else None
        version.save(update_fields=["status", "in_force_from", "ends_at"])
        _record(Code.AGREEMENT_FINALIZED, version, SYSTEM)
        if version.partner.status == _P.APPROVED:
            change_partner_status(partner_id=version.partner_id, to=_P.ACTIVE, actor=SYSTEM)
        outgoing().settle_partner(partner_id=version.partner_id)
        forget_tokens_of(version.partner_id)
        tell_bank(version, "in_force")
        tell_webhooks(EventType.AGREEMENT_FINALIZED, version)
    return version


def due_to_begin(partner_id: UUID | None = None) -> list[UUID]:
    """Versions that both have signed and whose day has come, of one bank or of all."""
    with scope(SYSTEM), transaction.atomic():
        found = AgreementVersion.objects.filter(status=_S.AGREED, partner__status__in=APPROVED)
        found = found.exclude(starts_on__gt=timezone.now().date())
        if partner_id:
            found = found.filter(partner_id=partner_id)
        return list(found.values_list("id", flat=True))


def draft_version(
    *,
    partner: Partner,
    number: str,
    terms: Terms,
    wording: Mapping[str, str] | None = None,
    position: int = 1,
) -> AgreementVersion:
    """A version that is not saved, with its text: what an offer of these terms would be."""
    version = AgreementVersion(partner=partner, number=position, **asdict(terms))
    version.text = render_agreement(partner, number, version, wording or WORDING)
    version.text_sha256 = hashlib.sha256(version.text.encode()).hexdigest()
    return version


def terms_of(version: AgreementVersion) -> Terms:
    """A version's terms."""
    return Terms(**{name: getattr(version, name) for name in Terms.__dataclass_fields__})


def end_of(day: date) -> datetime:
    """The moment after a day's last, UTC."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def locked(
    version_id: UUID, actor: Principal, *statuses: str, is_effective: bool = False
) -> AgreementVersion:
    """The version with its bank, both locked, in one of these states; raises DoesNotExist for what the actor
    cannot see. An effective change keeps new sends of the bank waiting until it commits.
    """
    with scope(actor):
        partner_id = AgreementVersion.objects.values_list("partner_id", flat=True).get(pk=version_id)
    with scope(SYSTEM):
        partner = _lock_bank(partner_id, is_effective=is_effective)
        rows = AgreementVersion.objects.select_for_update(of=("self",), no_key=True)
        version = rows.select_related("agreement").get(pk=version_id)
        version.partner = partner
    if version.status not in statuses:
        raise Refused(
            f"This has changed since you opened it: version {version.number} is {WORDS[_S(version.status)]}."
        )
    return version


def staff_only(actor: Principal) -> None:
    """Raises Refused for everybody else."""
    if actor.kind is not Kind.STAFF:
        raise Refused("Only platform staff can do that.")


def tell_webhooks(event_type: EventType, version: AgreementVersion) -> None:
    """Tells the bank's endpoints; last in the transaction."""
    data = {
        "agreement_id": public_id("agr", version.agreement_id),
        "number": version.agreement.number,
        "version": version.number,
        "status": version.status,
        "reason": version.ending or None,
    }
    emit(event_type, partner_id=version.partner_id, environment="", data=data)


def _lock_bank(partner_id: UUID, *, is_effective: bool = False) -> Partner:
    return Partner.objects.select_for_update(no_key=not is_effective).get(pk=partner_id)


def _check_nothing_else_is_open(partner_id: UUID, but: AgreementVersion | None) -> None:
    others = AgreementVersion.objects.open().filter(partner_id=partner_id)
    other = others.exclude(pk=but.pk).first() if but else others.first()
    if other:
        raise Refused(
            f"Another negotiation is open: version {other.number} is {WORDS[_S(other.status)]}. End that one first."
        )


def _agreement(partner: Partner, number: str) -> Agreement:
    """The bank's current one, or a new one once that has ended."""
    known = Agreement.objects.filter(partner=partner)
    if not number:
        last = known.order_by("-id").first()
        if last and not last.versions.filter(status=_S.TERMINATED).exists():
            return last
        number = f"AGR-{partner.slug.upper()[:12]}" + (f"-{known.count() + 1}" if last else "")
    found = Agreement.objects.filter(number=number).first()
    if found and found.partner_id != partner.id:
        raise Refused(f"The number {number} is another bank’s.")
    return found or Agreement.objects.create(partner=partner, number=number)


def _propose(
    partner: Partner, agreement: Agreement, proposal: Proposal, status: str, actor: Principal
) -> AgreementVersion:
    last = agreement.versions.aggregate(last=Max("number"))["last"] or 0
    template = (
        AgreementTemplate.objects.get(pk=proposal.template_id) if proposal.template_id is not None else None
    )
    version = draft_version(
        partner=partner,
        number=agreement.number,
        terms=proposal.terms,
        wording=template.clauses if template else None,
        position=last + 1,
    )
    if unknown := proposal.comments.keys() - clauses_of(version.text).keys():
        raise Refused(f"There is no clause {', '.join(sorted(unknown))}.")
    version.agreement, version.template, version.status = agreement, template, status
    version.comments, version.offered_by = dict(proposal.comments), actor.id
    version.is_by_bank = status == _S.COUNTERED
    version.save(force_insert=True)
    return version


def _replace(version: AgreementVersion) -> None:
    version.status, version.ended_at = _S.SUPERSEDED, timezone.now()
    version.save(update_fields=["status", "ended_at"])


def _sign(version: AgreementVersion, side: str, signing: Signing, actor: Principal) -> AgreementSignature:
    if signing.text_sha256 != version.text_sha256:
        raise Refused("The text has changed since you opened it. Read it again before you sign.")
    user = User.objects.get(pk=actor.id)
    return AgreementSignature.objects.create(
        version=version,
        partner_id=version.partner_id,
        side=side,
        user_id=user.pk,
        name=user.name or user.email,
        email=user.email,
        at=timezone.now(),
        ip=signing.ip,
        browser=signing.browser[:300],
        text_sha256=signing.text_sha256,
    )


def _record(code: Code, version: AgreementVersion, actor: Principal) -> None:
    data = {"version": version.number, "text_sha256": version.text_sha256}
    record(code, actor=actor, target=version, partner_id=version.partner_id, data=data)
