"""An agreement is in force only when two different people signed it, and one at a time for each bank."""

import hashlib
from collections import Counter
from typing import Any

import pytest
from django.db import IntegrityError
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, multiple, rule

from partners.actions.agreements import (
    Terms,
    accept_agreement,
    countersign_agreement,
    offer_agreement,
    put_agreement_in_force,
)
from partners.models import AgreementVersion
from partners.refusals import Refused
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.isolation.stage import Stage, rolled_back

from .machine import Machine, cast, explore, tried

_S = AgreementVersion.Status
OFFERS = st.sampled_from(["reviewer", "second reviewer", "owner as staff", "owner"])
ACTIONS: dict[str, tuple[Any, list[str]]] = {
    "accept": (accept_agreement, ["owner", "analyst", "other bank's owner", "reviewer", "client"]),
    "countersign": (countersign_agreement, ["reviewer", "second reviewer", "owner as staff", "owner"]),
    "put in force": (put_agreement_in_force, []),
}
NEXT = {_S.OFFERED: "accept", _S.ACCEPTED: "countersign", _S.AGREED: "put in force"}
BOTH_SIGNED = {_S.AGREED, _S.FINALIZED, _S.SUPERSEDED}
TERMS = ("clusters", "channels", "countries", "retention_days", "longest_grant_days", "text", "text_sha256")


class Signing(Machine):
    """Two banks, one of them with an agreement in force, and offers to both."""

    versions = Bundle("versions")

    def prepare(self) -> None:
        self.banks = [self.stage.world.bank.partner.id, self.stage.world.other.partner.id]
        self.who = cast(self.stage, self.banks[0])
        self.terms: dict[Any, tuple[Any, ...]] = {}
        self.signatories = {self.stage.users[name].pk for name in ("owner", "member of another bank")}
        self.staff = {one.id for one in self.who.values() if one.kind is Kind.STAFF}

    @rule(
        target=versions,
        who=OFFERS,
        bank=st.sampled_from([0, 1]),
        number=st.sampled_from(["A-1", "A-2"]),
        clusters=st.lists(st.sampled_from(["BALANCES", "RECEIPTS"]), min_size=1, unique=True),
        days=st.integers(1, 365),
    )
    def offer(self, who: str, bank: int, number: str, clusters: list[str], days: int) -> Any:
        terms = Terms(clusters=clusters, channels=["messenger"], countries=["US"], longest_grant_days=days)
        version = tried(
            offer_agreement,
            IntegrityError,
            partner_id=self.banks[bank],
            number=f"{number}-{bank}" if number == "A-1" else number,
            terms=terms,
            actor=self.who[who],
        )
        return multiple() if version is None else version

    @rule(version=versions, action=st.sampled_from(list(ACTIONS)), data=st.data())
    def try_anything(self, version: Any, action: str, data: st.DataObject) -> None:
        self._act(version, action, data)

    @rule(version=versions, data=st.data())
    def try_what_comes_next(self, version: Any, data: st.DataObject) -> None:
        with scope(Principal.system()):
            status = AgreementVersion.objects.values_list("status", flat=True).get(pk=version.id)
        if status in NEXT:
            self._act(version, NEXT[status], data)

    def _act(self, version: Any, action: str, data: st.DataObject) -> None:
        function, who = ACTIONS[action]
        actor = {"actor": self.who[data.draw(st.sampled_from(who))]} if who else {}
        tried(function, version_id=version.id, **actor)

    @invariant()
    def what_holds(self) -> None:
        with scope(Principal.system()):
            found = list(AgreementVersion.objects.select_related("agreement"))
        counted = Counter(version.partner_id for version in found if version.status == _S.FINALIZED)
        assert max(counted.values()) <= 1, "one in force for each bank"
        for version in found:
            self._holds_for(version)

    def _holds_for(self, version: AgreementVersion) -> None:
        terms = tuple(getattr(version, name) for name in TERMS)
        assert self.terms.setdefault(version.id, terms) == terms, "what was offered never changes"
        assert hashlib.sha256(version.text.encode()).hexdigest() == version.text_sha256
        assert version.partner_id == version.agreement.partner_id
        if version.status in BOTH_SIGNED:
            assert version.accepted_by in self.signatories
            assert version.countersigned_by in self.staff
            assert None not in (version.accepted_at, version.countersigned_at)
            assert version.countersigned_by != version.accepted_by, "one person signed for both sides"
            assert version.countersigned_by != version.offered_by, "offered and countersigned by one person"


def test_signatures(stage: Stage) -> None:
    explore(Signing, stage, examples=60, steps=30)


def test_one_person_cannot_sign_for_both_sides(stage: Stage) -> None:
    with rolled_back():
        bank = stage.world.bank.partner.id
        who = cast(stage, bank)
        terms = Terms(clusters=["BALANCES"], channels=["messenger"], countries=["US"])
        version = offer_agreement(partner_id=bank, number="A-1", terms=terms, actor=who["reviewer"])
        accept_agreement(version_id=version.id, actor=who["owner"])
        with pytest.raises(Refused):
            countersign_agreement(version_id=version.id, actor=who["owner as staff"])
