"""No path leads a bank to APPROVED, and so to ACTIVE, without two different people of the platform who decided on the
same frozen submission.
"""

import datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from partners.actions.agreements import (
    Signing,
    Terms,
    accept_agreement,
    countersign_agreement,
    due_to_begin,
    offer_agreement,
    put_agreement_in_force,
)
from partners.actions.partners import TRANSITIONS, change_partner_status, register_partner
from partners.actions.review import (
    approve_bank,
    ask_for_more,
    decline_bank,
    defer_case,
    recommend_bank,
    take_case,
)
from partners.actions.verification import edit_verification, reopen_verification, submit_verification
from partners.models import Partner, ReviewDecision, Submission
from partners.refusals import Refused
from partners.verification_items import digest_of, open_contacts
from portal.audit.models import AuditEvent
from portal.demo.verification import made_up_answers, submit_bank
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.isolation.stage import Stage, rolled_back

from .machine import cast, tried

_S = Partner.Status
SYSTEM = Principal.system()
STAFF = ["reviewer", "second reviewer", "owner as staff"]
MOVERS = ["owner", "reviewer", "reviewer", "second reviewer", "owner as staff"]
WHO = [*MOVERS, "analyst", "other bank's owner", "client", "person", "system"]
PASSED = {_S.APPROVED, _S.ACTIVE, _S.SUSPENDED, _S.SURRENDERED, _S.REVOKED}
FINAL = {_S.REJECTED, _S.SURRENDERED, _S.REVOKED}
REASONS = {"profile": "The register says something else."}
DECISIONS: dict[str, Any] = {
    "take": (take_case, {}),
    "take over": (take_case, {"is_takeover": True}),
    "recommend": (recommend_bank, {}),
    "approve": (approve_bank, {}),
    "ask": (ask_for_more, {"reasons": REASONS}),
    "decline": (decline_bank, {"reasons": REASONS}),
    "defer": (defer_case, {"words": "Later.", "until": datetime.date(2099, 1, 1)}),
}
OFTEN = ["take over", "recommend", "approve", "recommend", "approve"]
EVENTS = st.one_of(
    st.tuples(st.just("decide"), st.sampled_from(OFTEN), st.sampled_from(STAFF)),
    st.tuples(st.just("decide"), st.sampled_from(OFTEN), st.sampled_from(STAFF)),
    st.tuples(st.just("decide"), st.sampled_from(sorted(DECISIONS)), st.sampled_from(WHO)),
    st.tuples(st.just("submit"), st.sampled_from(["owner", "owner", "analyst", "reviewer", "other bank's owner"])),
    st.tuples(st.just("edit"), st.sampled_from(["owner", "owner", "reviewer"])),
    st.tuples(st.just("reopen"), st.sampled_from(["owner", "reviewer"])),
    st.tuples(st.just("step"), st.integers(0, 5), st.sampled_from(WHO)),
    st.tuples(st.just("go"), st.sampled_from(WHO), st.sampled_from(_S.values)),
    st.tuples(st.just("agree"), st.sampled_from(["N-1", "N-2"])),
)  # fmt: skip


class Life:
    """A new bank that has submitted, and everybody who tries to move it."""

    def __init__(self, stage: Stage, partner: Partner) -> None:
        self.partner = partner
        self.who = cast(stage, self.partner.id)
        self.firsts: dict[Any, Principal] = {}  # by submission: whoever recommended and approved it
        self.seconds: dict[Any, Principal] = {}
        self.way = [_S.PENDING_REVIEW]

    def decide(self, name: str, who: str) -> None:
        action, more = DECISIONS[name]
        done = tried(action, partner_id=self.partner.id, actor=self.who[who], **more)
        noted = {"recommend": self.firsts, "approve": self.seconds}.get(name)
        if done is not None and noted is not None:
            assert done.id not in noted, "it was decided twice"
            noted[done.id] = self.who[who]

    def submit(self, who: str) -> None:
        tried(submit_verification, partner_id=self.partner.id, actor=self.who[who])

    def edit(self, who: str) -> None:
        answers = made_up_answers() | {"suppliers": f"none, said {len(self.way)} times"}
        tried(edit_verification, partner_id=self.partner.id, actor=self.who[who], answers=answers)

    def reopen(self, who: str) -> None:
        tried(reopen_verification, partner_id=self.partner.id, actor=self.who[who])

    def step(self, which: int, who: str) -> None:
        """One that the table of transitions has from here."""
        steps = sorted({to for was, to in TRANSITIONS if was == self.way[-1]})
        if steps:
            self.go(who, steps[which % len(steps)])

    def go(self, who: str, to: str) -> None:
        """Past the review's own actions."""
        tried(change_partner_status, partner_id=self.partner.id, to=to, actor=self.who[who])

    def agree(self, number: str) -> None:
        terms = Terms(clusters=["BALANCES"], channels=["messenger"], countries=["US"])
        offer = {"partner_id": self.partner.id, "number": number, "terms": terms}
        version = tried(offer_agreement, **offer, actor=self.who["reviewer"])
        if version is not None:
            signing = Signing(version.text_sha256)
            accept_agreement(version_id=version.id, signing=signing, actor=self.who["owner"])
            countersign_agreement(version_id=version.id, signing=signing, actor=self.who["second reviewer"])
        for waiting in due_to_begin(self.partner.id):
            put_agreement_in_force(version_id=waiting)

    def check(self) -> None:
        """What ended stays ended, and who passed was seen by two people: as the calls and as the rows have it."""
        with scope(SYSTEM):
            now = Partner.objects.get(pk=self.partner.id).status
            submissions = list(Submission.objects.filter(partner=self.partner))
            approved = [one for one in submissions if one.status == Submission.Status.APPROVED]
            for one in submissions:
                assert one.digest == digest_of(one.content, open_contacts(one)), "it was changed"
            by_kind = {
                one.id: dict(one.decisions.filter(digest=one.digest).values_list("kind", "by_id"))
                for one in approved
            }
        if now != self.way[-1]:
            assert (self.way[-1], now) in TRANSITIONS or (self.way[-1], now) in LEAPS, (self.way[-1], now)
            self.way.append(now)
        assert not FINAL & set(self.way[:-1]), self.way
        if now in PASSED:
            assert approved, self.way
        for one in approved:
            first, second = self.firsts[one.id], self.seconds[one.id]
            assert (first.kind, second.kind) == (Kind.STAFF, Kind.STAFF), self.way
            assert len({first.id, second.id, one.submitted_by}) == 3, self.way
            assert (by_kind[one.id]["RECOMMENDED"], by_kind[one.id]["APPROVED"]) == (first.id, second.id)


# A single event may take two steps: it is recommended, or sent back, by whoever looks first.
LEAPS = {
    (_S.PENDING_REVIEW, _S.MORE_INFORMATION_NEEDED),
    (_S.PENDING_REVIEW, _S.REJECTED),
    (_S.IN_REVIEW, _S.ACTIVE),
}


@pytest.fixture(scope="module")
def bank(stage: Stage) -> Partner:
    """It has submitted its verification."""
    partner = register_partner(name="New", slug="new", owner=stage.users["owner"])
    who = cast(stage, partner.id)
    submit_bank(partner, who["owner"], who["reviewer"])
    return partner


@settings(max_examples=settings.default.max_examples * 6 // 10)
@given(events=st.lists(EVENTS, min_size=2, max_size=14))
def test_four_eyes(stage: Stage, bank: Partner, events: list[tuple[Any, ...]]) -> None:
    with rolled_back():
        life = Life(stage, bank)
        for name, *arguments in events:
            getattr(life, name)(*arguments)
            life.check()


def test_the_straight_way(stage: Stage, bank: Partner) -> None:
    """So that the rules above are not kept by refusing everybody."""
    with rolled_back():
        life = Life(stage, bank)
        for event in (
            ("decide", "recommend", "reviewer"),
            ("decide", "approve", "reviewer"),
            ("decide", "approve", "second reviewer"),
            ("agree", "N-1"),
        ):
            getattr(life, event[0])(*event[1:])
            life.check()
        assert life.way == [_S.PENDING_REVIEW, _S.IN_REVIEW, _S.APPROVED, _S.ACTIVE]


@pytest.mark.parametrize("name", ["owner", "client", "system", "owner as staff"])
def test_only_staff_who_are_not_of_the_bank_recommend(stage: Stage, bank: Partner, name: str) -> None:
    with rolled_back():
        assert tried(recommend_bank, partner_id=bank.id, actor=cast(stage, bank.id)[name]) is None


def test_a_recommendation_is_about_what_was_submitted_then(stage: Stage, bank: Partner) -> None:
    with rolled_back():
        who, partner_id = cast(stage, bank.id), bank.id
        recommend_bank(partner_id=partner_id, actor=who["reviewer"])
        ask_for_more(partner_id=partner_id, reasons=REASONS, actor=who["reviewer"])
        submit_verification(partner_id=partner_id, actor=who["owner"])
        take_case(partner_id=partner_id, actor=who["second reviewer"])
        with pytest.raises(Refused, match="A colleague has to recommend it first"):
            approve_bank(partner_id=partner_id, actor=who["second reviewer"])


def test_a_decision_is_in_the_trail(stage: Stage, bank: Partner) -> None:
    with rolled_back():
        recommend_bank(partner_id=bank.id, actor=cast(stage, bank.id)["reviewer"])
        with scope(SYSTEM):
            found = AuditEvent.objects.filter(partner_id=bank.id, code="verification.recommended")
            assert found.count() == 1


def test_the_database_itself_holds_it_to_two_people_and_one_text(stage: Stage, bank: Partner) -> None:
    """Whatever the code above it does."""
    with rolled_back():
        recommended = recommend_bank(partner_id=bank.id, actor=cast(stage, bank.id)["reviewer"])
        with scope(SYSTEM):
            first = ReviewDecision.objects.get(submission=recommended)
            row = {"submission": recommended, "partner": bank, "by_id": first.by_id, "by_name": "R"}
            with pytest.raises(IntegrityError), transaction.atomic():
                ReviewDecision.objects.create(kind="APPROVED", digest=recommended.digest, **row)
            with pytest.raises(IntegrityError, match="same_digest"), transaction.atomic():
                ReviewDecision.objects.create(kind="MORE_ASKED", digest="0" * 64, **row)
