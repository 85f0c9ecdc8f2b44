"""Two people of the platform judge what a bank handed in: one recommends, another one approves.

Every decision is about one frozen submission. The database holds it to two people as well.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from partners.actions.partners import change_partner_status
from partners.actions.verification import HOLDS, SYSTEM, check_member, lock_case
from partners.models import (
    Membership,
    Partner,
    ReviewDecision,
    ReviewMessage,
    ReviewNote,
    Submission,
    Verification,
)
from partners.refusals import Refused
from partners.review_mail import tell_bank, tell_reviewers
from partners.verification_items import TITLES
from portal.accounts.models import User
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

LONGEST_DEFERRAL = timedelta(days=180)
_D = ReviewDecision.Kind
_P = Partner.Status
_S = Submission.Status


class Case:
    """A bank with its open submission, locked for one change by one colleague."""

    def __init__(self, partner_id: UUID, actor: Principal, seen: int | None) -> None:
        """Raises Refused where there is nothing to decide, the page was stale, or this person may not judge."""
        self.partner, self.verification = lock_case(partner_id, seen, is_effective=True)
        found = Submission.objects.open().filter(partner=self.partner).select_related("reviewer").first()
        if found is None:
            raise Refused("Nothing of this bank waits for a review.")
        if barred := barred_from_case(self.partner, found, actor):
            raise Refused(barred)
        self.submission, self.actor = found, actor

    def begin(self) -> None:
        """Raises Refused where a colleague has it. What nobody has looked at yet is in review from here on."""
        holder = self.submission.reviewer
        if holder is not None and holder.pk != self.actor.id:
            raise Refused(f"{holder.name or holder.email} has this case. Take it over first.")
        if self.submission.status == _S.WAITING:
            self.submission.status = _S.IN_REVIEW
            self.move(_P.IN_REVIEW)

    def decide(self, kind: _D, words: str = "", reasons: Mapping[str, str] | None = None) -> None:
        """Writes the decision, and the new state of things."""
        user = User.objects.get(pk=self.actor.id)
        ReviewDecision.objects.create(
            submission=self.submission,
            partner=self.partner,
            digest=self.submission.digest,
            kind=kind,
            by_id=user.pk,
            by_name=user.name or user.email,
            words=words,
            reasons=dict(reasons or {}),
        )
        self.save()

    def save(self) -> None:
        """What may change of a submission, and the version of the case."""
        self.submission.save(update_fields=["status", "reviewer", "deferred_until"])
        self.verification.save()

    def record(self, code: Code, **data: object) -> None:
        """In the trail, on the submission."""
        about = {"digest": self.submission.digest, **data}
        record(code, actor=self.actor, target=self.submission, partner_id=self.partner.id, data=about)

    def move(self, to: _P) -> None:
        """The bank's own status, where it is being reviewed for the first time."""
        if not self.submission.is_renewal:
            self.partner = change_partner_status(partner_id=self.partner.id, to=to, actor=self.actor)


@transaction.atomic
def take_case(
    *, partner_id: UUID, actor: Principal, seen: int | None = None, is_takeover: bool = False
) -> Submission:
    """The colleague has the case from here on, and may open its documents. From another one it is taken over."""
    with scope(SYSTEM):
        case = Case(partner_id, actor, seen)
        before = case.submission.reviewer
        if before is not None and before.pk != actor.id and not is_takeover:
            raise Refused(f"{before.name or before.email} has this case. You can take it over.")
        case.submission.reviewer_id = None
        case.begin()
        case.submission.reviewer_id = actor.id
        case.save()
        case.record(Code.REVIEW_TAKEN, before=str(before.pk) if before else None)
    return case.submission


@transaction.atomic
def recommend_bank(
    *, partner_id: UUID, actor: Principal, seen: int | None = None, words: str = ""
) -> Submission:
    """The first two eyes find what was handed in in order. A colleague looks next."""
    with scope(SYSTEM):
        case = Case(partner_id, actor, seen)
        case.begin()
        if case.submission.decisions.filter(kind=_D.RECOMMENDED).exists():
            raise Refused("It is recommended already, and waits for a second reviewer.")
        case.submission.reviewer = case.submission.deferred_until = None
        case.decide(_D.RECOMMENDED, words)
        case.record(Code.VERIFICATION_RECOMMENDED)
        tell_reviewers(
            case.partner, "a second review is due", "A colleague recommends this bank.", but=actor.id
        )
    return case.submission


@transaction.atomic
def approve_bank(
    *, partner_id: UUID, actor: Principal, seen: int | None = None, words: str = ""
) -> Submission:
    """The second, different two eyes: the bank is verified for a year."""
    with scope(SYSTEM):
        case = Case(partner_id, actor, seen)
        case.begin()
        if barred := barred_from_approving(case.submission, actor):
            raise Refused(barred)
        case.submission.status = _S.APPROVED
        case.verification.recertify_on = timezone.now().date() + HOLDS
        case.verification.reopened_at, case.verification.reminders = None, 0
        case.decide(_D.APPROVED, words)
        case.record(Code.VERIFICATION_APPROVED)
        case.move(_P.APPROVED)
        tell_bank(
            case.partner, "your bank is verified", f"It is asked for again by {_day(case.verification)}."
        )
    return case.submission


@transaction.atomic
def ask_for_more(
    *,
    partner_id: UUID,
    reasons: Mapping[str, str],
    actor: Principal,
    seen: int | None = None,
    words: str = "",
) -> Submission:
    """The bank gets it back, with what is asked for by item, and can change everything."""
    with scope(SYSTEM):
        case = Case(partner_id, actor, seen)
        case.begin()
        _need_reasons(reasons)
        case.submission.status = _S.MORE_ASKED
        case.decide(_D.MORE_ASKED, words, reasons)
        case.record(Code.VERIFICATION_RETURNED, items=sorted(reasons))
        case.move(_P.MORE_INFORMATION_NEEDED)
        tell_bank(
            case.partner,
            "the reviewers ask for more",
            "Sign in to read what and why, change it, and submit again.",
        )
    return case.submission


@transaction.atomic
def decline_bank(
    *,
    partner_id: UUID,
    reasons: Mapping[str, str],
    actor: Principal,
    seen: int | None = None,
    words: str = "",
) -> Submission:
    """The bank is not taken, for good. One that is verified already is suspended or ended on its own page instead."""
    with scope(SYSTEM):
        case = Case(partner_id, actor, seen)
        case.begin()
        _need_reasons(reasons)
        if case.submission.is_renewal:
            raise Refused("This bank is verified already: ask for more, or suspend it on its page.")
        case.submission.status = _S.DECLINED
        case.decide(_D.DECLINED, words, reasons)
        case.record(Code.VERIFICATION_DECLINED, items=sorted(reasons))
        case.move(_P.REJECTED)
        tell_bank(
            case.partner, "your bank is not taken", "Sign in to read why. You can write to the reviewers."
        )
    return case.submission


@transaction.atomic
def defer_case(
    *, partner_id: UUID, until: date, words: str, actor: Principal, seen: int | None = None
) -> Submission:
    """It leaves the queue until that day. The bank reads why."""
    today = timezone.now().date()
    if not today < until <= today + LONGEST_DEFERRAL:
        raise Refused(f"Choose a day after today and within {LONGEST_DEFERRAL.days} days.")
    with scope(SYSTEM):
        case = Case(partner_id, actor, seen)
        case.begin()
        case.submission.deferred_until = until
        case.decide(_D.DEFERRED, words)
        case.record(Code.VERIFICATION_DEFERRED)
        tell_bank(case.partner, f"the review goes on by {until:%-d %B %Y}", "Sign in to read why.")
    return case.submission


@transaction.atomic
def write_message(*, partner_id: UUID, text: str, actor: Principal) -> ReviewMessage:
    """A line for the other side, which is told by e-mail that there is one."""
    is_by_bank = actor.kind is not Kind.STAFF
    if is_by_bank:
        check_member(actor, partner_id)
    with scope(SYSTEM):
        partner = _touch(partner_id)
        message = ReviewMessage.objects.create(
            partner=partner, is_by_bank=is_by_bank, author_id=actor.id, author_name=_name(actor), text=text
        )
        record(Code.REVIEW_MESSAGE_WRITTEN, actor=actor, target=message, partner_id=partner_id)
        if is_by_bank:
            found = Submission.objects.open().filter(partner=partner).first()
            tell_reviewers(
                partner,
                "the bank wrote to you",
                "Sign in to read it.",
                only=found.reviewer_id if found else None,
            )
        else:
            tell_bank(partner, "the reviewers wrote to you", "Sign in to read it and to answer.")
    return message


@transaction.atomic
def write_note(*, partner_id: UUID, text: str, actor: Principal) -> ReviewNote:
    """A line for colleagues only."""
    if actor.kind is not Kind.STAFF:
        raise Refused("Only platform staff can do that.")
    with scope(SYSTEM):
        partner = _touch(partner_id)
        note = ReviewNote.objects.create(
            partner=partner, author_id=actor.id, author_name=_name(actor), text=text
        )
        record(Code.REVIEW_NOTE_WRITTEN, actor=actor, target=note, partner_id=partner_id)
    return note


def barred_from_case(partner: Partner, submission: Submission, actor: Principal) -> str:
    """Why this person may not judge the bank at all; "" when they may. Call it as the system."""
    if actor.kind is not Kind.STAFF:
        return "Only platform staff can do that."
    if actor.id == submission.submitted_by:
        return "You submitted it for the bank, so you cannot judge it."
    if Membership.objects.filter(partner=partner, user_id=actor.id).exists():
        return "You are in this bank’s team, so you cannot judge it."
    return ""


def barred_from_approving(submission: Submission, actor: Principal) -> str:
    """Why this person may not be the second; "" when they may."""
    first = submission.decisions.filter(kind=_D.RECOMMENDED).first()
    if first is None:
        return "A colleague has to recommend it first."
    if first.by_id == actor.id:
        return "You recommended it yourself, so a second, different reviewer has to approve it."
    return ""


def _need_reasons(reasons: Mapping[str, str]) -> None:
    if not reasons or not set(reasons) <= set(TITLES) or not all(text.strip() for text in reasons.values()):
        raise Refused("Give a reason for at least one item.")


def _touch(partner_id: UUID) -> Partner:
    """A bank that was declined may still write, and be answered."""
    partner = Partner.objects.select_for_update(no_key=True).get(pk=partner_id)
    verification, _ = Verification.objects.get_or_create(partner=partner)
    verification.version += 1
    verification.save(update_fields=["version"])
    return partner


def _name(actor: Principal) -> str:
    user = User.objects.get(pk=actor.id)
    return user.name or user.email


def _day(verification: Verification) -> str:
    return f"{verification.recertify_on:%-d %B %Y}"
