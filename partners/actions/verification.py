"""A bank states who it is, hands it in, and does so again every year. What was handed in is frozen."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from partners import questions
from partners.actions.partners import GONE, change_partner_status
from partners.lei import lei_problem
from partners.models import Partner, Submission, Verification, VerificationDocument
from partners.models.review import OPEN
from partners.questions import Answer
from partners.refusals import Refused
from partners.review_mail import tell_bank, tell_reviewers
from partners.verification_items import (
    PROFILE,
    TITLES,
    VERIFIED,
    Contacts,
    content_of,
    digest_of,
    missing_items,
    open_contacts,
    seal_contacts,
)
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import uuid7
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Kind, Principal

SYSTEM = Principal.system()
STALE = "This has changed since you opened it. Look at it again; what you typed is kept here."
TAKEN = "Another bank has registered this {} already. Check it, and write to us below if it is yours."
HOLDS = timedelta(days=365)  # of an approval
ASKED_BEFORE = (
    timedelta(days=60),
    timedelta(days=14),
    timedelta(0),
)  # its end; the last one says that it is over
_P = Partner.Status
_S = Submission.Status


@transaction.atomic
def edit_verification(
    *,
    partner_id: UUID,
    actor: Principal,
    seen: int | None = None,
    profile: Mapping[str, str] | None = None,
    contacts: Contacts | None = None,
    answers: Mapping[str, Answer] | None = None,
) -> Verification:
    """Changes the parts that are given. `seen` is the version that the page was made from."""
    check_member(actor, partner_id)
    with scope(SYSTEM):
        partner, verification = lock_case(partner_id, seen)
        refuse_frozen(partner, verification)
        if profile is not None:
            _set_profile(verification, profile)
        if contacts is not None:
            verification.contacts = seal_contacts(contacts, partner_id, partner_id)
        if answers is not None:
            verification.answers = dict(answers)
            verification.questions_version = 0 if questions.unanswered(answers) else questions.VERSION
        _save(verification)
        given = {"profile": profile, "contacts": contacts, "questions": answers}
        data = {"items": [name for name, value in given.items() if value is not None]}
        record(Code.VERIFICATION_EDITED, actor=actor, target=verification, partner_id=partner_id, data=data)
    return verification


@transaction.atomic
def submit_verification(*, partner_id: UUID, actor: Principal, seen: int | None = None) -> Submission:
    """Hands it in as it stands; from here on it cannot be changed until the review has ended or asks for more."""
    check_member(actor, partner_id)
    with scope(SYSTEM):
        partner, verification = lock_case(partner_id, seen, is_effective=True)
        refuse_frozen(partner, verification)
        documents = VerificationDocument.objects.filter(partner=partner).current()
        found, contacts = list(documents), open_contacts(verification)
        if missing := missing_items(verification, contacts, found):
            raise Refused(f"Not yet: {', '.join(TITLES[item] for item in missing)}.")
        verification.is_claimed = True
        _refuse_taken(verification)
        _save(verification)
        documents.filter(frozen_at=None).update(frozen_at=timezone.now())
        submission = _hand_in(partner, verification, found, contacts, actor)
        if partner.status not in VERIFIED:
            change_partner_status(partner_id=partner_id, to=_P.PENDING_REVIEW, actor=actor)
        data = {"number": submission.number, "digest": submission.digest}
        record(Code.VERIFICATION_SUBMITTED, actor=actor, target=submission, partner_id=partner_id, data=data)
        what = "renewed verification" if submission.is_renewal else "verification"
        tell_reviewers(partner, f"a {what} waits for review", "It is in the queue.")
    return submission


@transaction.atomic
def reopen_verification(*, partner_id: UUID, actor: Principal) -> Verification:
    """A bank that is verified changes its statement, or renews it. It goes on working meanwhile."""
    if actor.kind is not Kind.SYSTEM:
        check_member(actor, partner_id)
    with scope(SYSTEM):
        partner, verification = lock_case(partner_id)
        if partner.status not in VERIFIED:
            raise Refused("Only the statement of a verified bank can be opened again.")
        if verification.reopened_at is not None:
            raise Refused("It is open already: change what has changed, and submit it.")
        _reopen(verification, actor)
        verification.save()
    return verification


def remind_verifications() -> int:
    """Asks the banks whose year ends soon to be verified again, and again; returns how many it asked."""
    with scope(SYSTEM), transaction.atomic():
        due = list(_due().values_list("pk", flat=True))
    return sum(_remind(partner_id) for partner_id in due)


def check_member(actor: Principal, partner_id: UUID) -> None:
    """Raises Refused unless the actor looks after this bank's verification."""
    if actor.partner_id != partner_id or Permission.PARTNER_EDIT.value not in actor.permissions:
        raise Refused("Your role does not include your bank’s verification.")


def lock_case(
    partner_id: UUID, seen: int | None = None, *, is_effective: bool = False
) -> tuple[Partner, Verification]:
    """The bank and its verification, locked, one version on; raises Refused where the page that asks is stale.
    Call it as the system. With `is_effective` the bank's own status may change.
    """
    no_key = not is_effective
    rows = Verification.objects.select_for_update(of=("partner", "self"), no_key=no_key)
    verification = rows.select_related("partner").filter(pk=partner_id).first()
    if verification is None:
        partner = Partner.objects.select_for_update(no_key=no_key).get(pk=partner_id)
        verification, _ = Verification.objects.get_or_create(partner=partner)
    partner = verification.partner
    if seen is not None and seen != verification.version:
        raise Refused(STALE)
    if partner.status in GONE:
        raise Refused("This bank has left Parley, so nothing of its verification changes any more.")
    verification.version += 1
    return partner, verification


def refuse_frozen(partner: Partner, verification: Verification) -> None:
    """Raises Refused while what was handed in is judged, and after it was approved."""
    if Submission.objects.open().filter(partner=partner).exists():
        raise Refused("What you submitted is frozen while it is reviewed. Write to the reviewers instead.")
    if partner.status in VERIFIED and verification.reopened_at is None:
        raise Refused("Your bank is verified. Open the verification again to change something.")


def _set_profile(verification: Verification, profile: Mapping[str, str]) -> None:
    for name in PROFILE:
        setattr(verification, name, " ".join(profile[name].split()))
    verification.lei = verification.lei.upper()
    if problem := lei_problem(verification.lei):
        raise Refused(problem)
    _refuse_taken(verification)


def _refuse_taken(verification: Verification) -> None:
    same_licence = Q(regulator__iexact=verification.regulator, licence__iexact=verification.licence)
    others = Verification.objects.filter(is_claimed=True).exclude(pk=verification.pk)
    other = others.filter(same_licence | Q(lei=verification.lei)).first()
    if other is not None:
        raise Refused(TAKEN.format("LEI" if other.lei == verification.lei else "licence"))


def _save(verification: Verification) -> None:
    """Another bank may have handed in the same a moment ago."""
    try:
        with transaction.atomic():
            verification.save()
    except IntegrityError as error:
        raise Refused(TAKEN.format("licence or LEI")) from error


def _hand_in(
    partner: Partner,
    verification: Verification,
    documents: list[VerificationDocument],
    contacts: Contacts,
    actor: Principal,
) -> Submission:
    last = Submission.objects.latest_of(partner.id)
    content, submission_id = content_of(partner, verification, documents), uuid7()
    return Submission.objects.create(
        id=submission_id,
        partner=partner,
        number=last.number + 1 if last else 1,
        is_renewal=partner.status in VERIFIED,
        content=content,
        contacts=seal_contacts(contacts, partner.id, submission_id),
        digest=digest_of(content, contacts),
        submitted_by=actor.id,
    )


def _reopen(verification: Verification, actor: Principal) -> None:
    now = timezone.now()
    verification.reopened_at = now
    verification.recertify_on = verification.recertify_on or now.date() + ASKED_BEFORE[0]
    partner_id = verification.partner_id
    record(Code.VERIFICATION_REOPENED, actor=actor, target=verification, partner_id=partner_id)


def _due() -> QuerySet[Verification]:
    """Those with a mail to send: the year ends within the days that its number of mails leaves."""
    today, is_due = timezone.now().date(), Q(pk__in=[])
    for sent, before in enumerate(ASKED_BEFORE):
        is_due |= Q(reminders=sent, recertify_on__lte=today + before)
    rows = Verification.objects.filter(is_due, partner__status__in=VERIFIED)
    return rows.exclude(partner__submission__status__in=OPEN)


@transaction.atomic
def _remind(partner_id: UUID) -> bool:
    with scope(SYSTEM):
        partner, verification = lock_case(partner_id)
        if not _due().filter(pk=partner_id).exists() or verification.recertify_on is None:
            return False  # somebody was faster
        day, left = (
            f"{verification.recertify_on:%-d %B %Y}",
            verification.recertify_on - timezone.now().date(),
        )
        verification.reminders = sum(left <= before for before in ASKED_BEFORE)
        if verification.reopened_at is None:
            _reopen(verification, SYSTEM)
        verification.save()
        if left > ASKED_BEFORE[-1]:
            tell_bank(
                partner,
                f"verify your bank again by {day}",
                "It is asked for every year. Your bank goes on working meanwhile.",
            )
        else:
            tell_bank(partner, "the yearly verification is overdue", f"It was due by {day}. Submit it now.")
            tell_reviewers(partner, "the yearly verification is overdue", f"It was due by {day}.")
    return True
