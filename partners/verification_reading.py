"""A bank's verification in words, for its own pages and for the staff's."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.urls import reverse

from partners.forms.agreements import COUNTRIES
from partners.models import (
    Partner,
    ReviewDecision,
    ReviewMessage,
    Submission,
    Verification,
    VerificationDocument,
)
from partners.questions import QUESTIONS, answer_words
from partners.verification_items import (
    CONTACT_PARTS,
    CONTACTS,
    ITEMS,
    PROFILE,
    TITLES,
    VERIFIED,
    Contacts,
    missing_items,
    open_contacts,
)

PAGE = 50
_D = ReviewDecision.Kind
_S = Submission.Status
PROOFS = {
    Verification.Proof.DNS: "by a TXT record",
    Verification.Proof.FILE: "by a file on its web site",
    Verification.Proof.HAND: "by hand",
}


class Row(NamedTuple):
    """An item as the bank's overview shows it; `words` say what is missing or asked for."""

    title: str
    state: str
    words: str
    url: str


class Line(NamedTuple):
    """What was stated, and before it changed (None where it did not, or there was nothing before)."""

    title: str
    value: str
    before: str | None


class Moment(NamedTuple):
    """Something that was said or decided. `reasons` are (item, words)."""

    at: datetime
    who: str
    headline: str
    text: str
    reasons: list[tuple[str, str]]


def is_open_to_change(partner: Partner, verification: Verification, last: Submission | None) -> bool:
    """Whether the bank can edit and submit now."""
    if last is not None and last.status in (_S.WAITING, _S.IN_REVIEW, _S.DECLINED):
        return False
    return partner.status not in VERIFIED or verification.reopened_at is not None


def rows_of(partner: Partner, verification: Verification, last: Submission | None) -> list[Row]:
    """Each item with its page."""
    documents = VerificationDocument.objects.filter(partner=partner).current()
    missing = missing_items(verification, open_contacts(verification), documents)
    is_open, asked = is_open_to_change(partner, verification, last), asked_of(last)
    rows = []
    for item in ITEMS:
        words = missing.get(item.key, "")
        state = "TO_DO" if words else "COMPLETE"
        if item.key in asked:
            state, words = "MORE_ASKED", " ".join(filter(None, [asked[item.key], words]))
        if not is_open:
            state, words = ("FROZEN" if last is not None else "COMPLETE"), ""
        rows.append(Row(item.title, state, words, reverse(item.route, args=[partner.slug])))
    return rows


def asked_of(last: Submission | None) -> Mapping[str, str]:
    """By item, what the reviewers ask for now."""
    if last is None or last.status != _S.MORE_ASKED:
        return {}
    decision = last.decisions.filter(kind=_D.MORE_ASKED).order_by("-id").first()
    return decision.reasons if decision else {}


def sections_of(
    content: Mapping[str, Any], contacts: Contacts, earlier: Mapping[str, Any] | None, before: Contacts
) -> list[tuple[str, list[Line]]]:
    """All that was stated, under its headings, beside what was stated `earlier` (with its contacts, `before`)."""
    old = _flat(earlier, before) if earlier else {}
    found: dict[str, list[Line]] = {}
    for (heading, title), value in _flat(content, contacts).items():
        was = old.get((heading, title), value)
        found.setdefault(heading, []).append(Line(title, value, was if was != value else None))
    return list(found.items())


def thread_of(partner: Partner, *, is_staff: bool) -> list[Moment]:
    """The latest of what was said and decided, newest first. The bank reads nobody's name on the platform's side,
    and no first opinion.
    """
    messages = ReviewMessage.objects.filter(partner=partner).order_by("-id")[:PAGE]
    decisions = ReviewDecision.objects.filter(partner=partner).order_by("-id")
    if not is_staff:
        decisions = decisions.exclude(kind=_D.RECOMMENDED)
    moments = [
        Moment(
            one.at,
            f"{one.author_name} ({partner.name})" if one.is_by_bank else _staff(one.author_name, is_staff),
            "wrote",
            one.text,
            [],
        )
        for one in messages
    ]
    moments += [
        Moment(
            one.at,
            _staff(one.by_name, is_staff),
            DECIDED[_D(one.kind)],
            one.words,
            [(TITLES[item], text) for item, text in one.reasons.items()],
        )
        for one in decisions[:PAGE]
    ]
    return sorted(moments, key=lambda moment: moment.at, reverse=True)[:PAGE]


DECIDED = {
    _D.RECOMMENDED: "recommended it",
    _D.APPROVED: "approved it",
    _D.MORE_ASKED: "asked for more",
    _D.DEFERRED: "put it off",
    _D.DECLINED: "declined it",
}


def _staff(name: str, is_staff: bool) -> str:
    return name if is_staff else "Parley’s staff"


def _flat(content: Mapping[str, Any], contacts: Contacts) -> dict[tuple[str, str], str]:
    profile, answers, domain = content["profile"], content["questions"]["answers"], content["domain"]
    flat = {("Legal details", title): profile[name] or "Not given" for name, title in PROFILE.items()}
    country = profile["country"]
    flat["Legal details", PROFILE["country"]] = COUNTRIES.get(country, country) or "Not given"
    for key, title in CONTACTS.items():
        one = contacts.get(key, {})
        flat["Contacts", title] = ", ".join(one[part] for part in CONTACT_PARTS if part in one) or "Not given"
    for question in QUESTIONS:
        flat["Security questions", question.text] = answer_words(question, answers.get(question.key))
    flat["Domain", "Domain"] = domain["name"] or "Not given"
    flat["Domain", "Proven"] = PROOFS.get(domain["proven_by"], "Not proven").capitalize()
    if domain["reason"]:
        flat["Domain", "How"] = domain["reason"]
    return flat
