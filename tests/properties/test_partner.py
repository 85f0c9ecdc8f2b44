"""No path leads a bank to ACTIVE without two different people of the platform."""

from typing import Any

import pytest
from hypothesis import given
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
from partners.actions.partners import TRANSITIONS, change_partner_status, recommend_partner, register_partner
from partners.models import Partner
from partners.refusals import Refused
from portal.audit.models import AuditEvent
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.isolation.stage import Stage, rolled_back

from .machine import cast, tried

_S = Partner.Status
MOVERS = ["owner", "reviewer", "reviewer", "second reviewer", "owner as staff"]
WHO = [*MOVERS, "analyst", "other bank's owner", "client", "person", "system"]
PASSED = {_S.APPROVED, _S.ACTIVE, _S.SUSPENDED, _S.SURRENDERED, _S.REVOKED}
FINAL = {_S.REJECTED, _S.SURRENDERED, _S.REVOKED}


EVENTS = st.one_of(
    st.tuples(st.just("step"), st.integers(0, 5), st.sampled_from(MOVERS)),
    st.tuples(st.just("step"), st.integers(0, 5), st.sampled_from(MOVERS)),
    st.tuples(st.just("step"), st.integers(0, 5), st.sampled_from(WHO)),
    st.tuples(st.just("go"), st.sampled_from(WHO), st.sampled_from(_S.values)),
    st.tuples(st.just("recommend"), st.sampled_from(MOVERS)),
    st.tuples(st.just("recommend"), st.sampled_from(WHO)),
    st.tuples(st.just("agree"), st.sampled_from(["N-1", "N-2"])),
)


class Life:
    """A new bank in review, and everybody who tries to move it."""

    def __init__(self, stage: Stage, partner: Partner) -> None:
        self.partner = partner
        self.who = cast(stage, self.partner.id)
        self.recommender: Principal | None = None
        self.approver: Principal | None = None
        self.way = [_S.IN_REVIEW]

    def step(self, which: int, who: str) -> None:
        """One that the table of transitions has from here."""
        steps = sorted({to for was, to in TRANSITIONS if was == self.way[-1]})
        if steps:
            self.go(who, steps[which % len(steps)])

    def go(self, who: str, to: str) -> None:
        if tried(change_partner_status, partner_id=self.partner.id, to=to, actor=self.who[who]):
            self._note(who)

    def recommend(self, who: str) -> None:
        if tried(recommend_partner, partner_id=self.partner.id, actor=self.who[who]):
            self.recommender = self.who[who]

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
        self._note("system")

    def _note(self, who: str) -> None:
        with scope(Principal.system()):
            now = Partner.objects.get(pk=self.partner.id).status
        if now == self.way[-1]:
            return
        if now == _S.APPROVED:
            self.approver = self.who[who]
        elif now not in PASSED:
            self.recommender = None  # a recommendation is about what was reviewed then
        self.way.append(now)

    def check(self) -> None:
        """Two people of the platform stand behind it, and what ended stays ended."""
        assert not FINAL & set(self.way[:-1]), self.way
        if self.way[-1] in PASSED:
            assert self.recommender is not None, f"nobody recommended it in this review: {self.way}"
            assert self.approver is not None
            assert (self.recommender.kind, self.approver.kind) == (Kind.STAFF, Kind.STAFF), self.way
            assert self.recommender.id != self.approver.id, self.way


@pytest.fixture(scope="module")
def bank(stage: Stage) -> Partner:
    """Its review has begun."""
    partner = register_partner(name="New", slug="new", owner=stage.users["owner"])
    who = cast(stage, partner.id)
    for to, actor in ((_S.PENDING_REVIEW, "owner"), (_S.IN_REVIEW, "reviewer")):
        change_partner_status(partner_id=partner.id, to=to, actor=who[actor])
    return partner


@given(events=st.lists(EVENTS, min_size=2, max_size=14))
def test_four_eyes(stage: Stage, bank: Partner, events: list[tuple[Any, ...]]) -> None:
    with rolled_back():
        life = Life(stage, bank)
        for name, *arguments in events:
            getattr(life, name)(*arguments)
            life.check()


@pytest.mark.parametrize("name", ["owner", "client", "system"])
def test_only_staff_recommend(stage: Stage, bank: Partner, name: str) -> None:
    with rolled_back():
        assert tried(recommend_partner, partner_id=bank.id, actor=cast(stage, bank.id)[name]) is None


def test_a_recommendation_is_about_what_was_reviewed_then(stage: Stage, bank: Partner) -> None:
    with rolled_back():
        who = cast(stage, bank.id)
        recommend_partner(partner_id=bank.id, actor=who["reviewer"])
        for to, actor in (
            (_S.MORE_INFORMATION_NEEDED, "reviewer"),
            (_S.PENDING_REVIEW, "owner"),
            (_S.IN_REVIEW, "second reviewer"),
        ):
            change_partner_status(partner_id=bank.id, to=to, actor=who[actor])
        with pytest.raises(Refused):
            change_partner_status(partner_id=bank.id, to=_S.APPROVED, actor=who["second reviewer"])


def test_a_recommendation_is_in_the_trail(stage: Stage, bank: Partner) -> None:
    with rolled_back():
        reviewer, before = cast(stage, bank.id)["reviewer"], events(bank)
        recommend_partner(partner_id=bank.id, actor=reviewer)
        assert events(bank) == before + 1


def events(partner: Partner) -> int:
    with scope(Principal.system()):
        return AuditEvent.objects.filter(partner_id=partner.id, target_id=partner.id).count()
