"""An agreement is in force only when two different people signed the same text, one at a time for each bank, and
nothing may be sent outside of it.
"""

import hashlib
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, multiple, rule

from consents.policy import VERDICT
from partners.actions.agreement_endings import (
    ask_termination,
    decide_termination,
    decline_agreement,
    end_agreement,
    withdraw_agreement,
)
from partners.actions.agreements import (
    Signing,
    Terms,
    accept_agreement,
    counter_agreement,
    countersign_agreement,
    offer_agreement,
    put_agreement_in_force,
)
from partners.models import AgreementSignature, AgreementVersion
from partners.refusals import Refused
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.isolation.stage import Stage, rolled_back

from .machine import Machine, cast, explore, tried

_S = AgreementVersion.Status
EVERYBODY = [
    "reviewer",
    "second reviewer",
    "owner as staff",
    "owner",
    "analyst",
    "other bank's owner",
    "client",
]
OPEN = {_S.DRAFT, _S.OFFERED, _S.COUNTERED, _S.ACCEPTED, _S.AGREED}
TERMS = ("clusters", "channels", "countries", "retention_days", "longest_grant_days", "text", "text_sha256")
CLUSTERS = ["BALANCES", "RECEIPTS", "FRAUD_ALERTS"]
KINDS = st.lists(st.sampled_from(CLUSTERS), min_size=1, unique=True)
# What would become of each bank's sendings, were there any at this moment.
SENDABLE = f"""
SELECT g.partner_id, c.name, {VERDICT.format(cluster="c.name")}
FROM consents_grant g CROSS JOIN unnest(%s::text[]) AS c(name)
JOIN consents_linkedaccount a ON a.id = g.account_id JOIN partners_partner p ON p.id = g.partner_id
LEFT JOIN partners_agreementversion v ON v.partner_id = g.partner_id AND v.status = 'FINALIZED'
WHERE g.environment = 'live'
"""


class Negotiating(Machine):
    """Two banks, each with an agreement in force, and what anybody may try with it."""

    versions = Bundle("versions")

    def prepare(self) -> None:
        self.banks = [self.stage.world.bank.partner.id, self.stage.world.other.partner.id]
        self.who = cast(self.stage, self.banks[0])
        self.terms: dict[Any, tuple[Any, ...]] = {}
        self.signatories = {self.stage.users[name].pk for name in ("owner", "member of another bank")}
        self.staff = {one.id for one in self.who.values() if one.kind is Kind.STAFF}

    @rule(
        target=versions,
        who=st.sampled_from(EVERYBODY),
        bank=st.sampled_from([0, 1]),
        clusters=KINDS,
        later=st.booleans(),
    )
    def offer(self, who: str, bank: int, clusters: list[str], later: bool) -> Any:
        starts = timezone.now().date() + timedelta(days=1) if later else None
        terms = Terms(clusters=clusters, channels=["messenger"], countries=["US"], starts_on=starts)
        version = tried(offer_agreement, partner_id=self.banks[bank], terms=terms, actor=self.who[who])
        return multiple() if version is None else version

    @rule(target=versions, version=versions, who=st.sampled_from(EVERYBODY), clusters=KINDS)
    def counter(self, version: Any, who: str, clusters: list[str]) -> Any:
        terms = Terms(clusters=clusters, channels=["messenger"], countries=["US"])
        made = tried(counter_agreement, version_id=version.id, terms=terms, comments={}, actor=self.who[who])
        return multiple() if made is None else made

    @rule(version=versions, who=st.sampled_from(EVERYBODY), is_right=st.booleans())
    def accept(self, version: Any, who: str, is_right: bool) -> None:
        self._sign(accept_agreement, version, who, is_right)

    @rule(version=versions, who=st.sampled_from(EVERYBODY), is_right=st.booleans())
    def countersign(self, version: Any, who: str, is_right: bool) -> None:
        self._sign(countersign_agreement, version, who, is_right)

    @rule(version=versions)
    def put_in_force(self, version: Any) -> None:
        tried(put_agreement_in_force, version_id=version.id)

    @rule(version=versions, who=st.sampled_from(EVERYBODY))
    def decline(self, version: Any, who: str) -> None:
        tried(decline_agreement, version_id=version.id, reason="No", actor=self.who[who])

    @rule(version=versions, who=st.sampled_from(EVERYBODY), later=st.booleans())
    def withdraw(self, version: Any, who: str, later: bool) -> None:
        ends = timezone.now() + timedelta(days=2) if later else None
        tried(withdraw_agreement, version_id=version.id, ends_at=ends, actor=self.who[who])

    @rule(version=versions, who=st.sampled_from(EVERYBODY), days=st.sampled_from([None, 1, 31]))
    def ask_for_the_end(self, version: Any, who: str, days: int | None) -> None:
        ends = timezone.now() + timedelta(days=days) if days else None
        tried(ask_termination, version_id=version.id, ends_at=ends, reason="Cause", actor=self.who[who])

    @rule(version=versions, who=st.sampled_from(EVERYBODY), is_confirmed=st.booleans())
    def decide_the_end(self, version: Any, who: str, is_confirmed: bool) -> None:
        tried(decide_termination, version_id=version.id, is_confirmed=is_confirmed, actor=self.who[who])

    @rule(version=versions)
    def time_passes_its_end(self, version: Any) -> None:
        with scope(Principal.system()):
            rows = AgreementVersion.objects.filter(pk=version.id, status=_S.FINALIZED, ends_at__isnull=False)
            rows.update(ends_at=timezone.now() - timedelta(seconds=1))

    @rule(version=versions)
    def the_clock_comes(self, version: Any) -> None:
        tried(end_agreement, version_id=version.id)

    @rule(version=versions)
    def what_comes_next(self, version: Any) -> None:
        """Chance alone seldom gets far."""
        with scope(Principal.system()):
            found = AgreementVersion.objects.get(pk=version.id)
        bank = "owner" if found.partner_id == self.banks[0] else "other bank's owner"
        if found.status == _S.OFFERED:
            self._sign(accept_agreement, version, bank, True)
        elif found.status == _S.ACCEPTED:
            other = "reviewer" if found.offered_by == self.who["second reviewer"].id else "second reviewer"
            self._sign(countersign_agreement, version, other, True)
        elif found.status == _S.AGREED:
            tried(put_agreement_in_force, version_id=version.id)

    def _sign(self, action: Any, version: Any, who: str, is_right: bool) -> None:
        signing = Signing(version.text_sha256 if is_right else "0" * 64)
        tried(action, version_id=version.id, signing=signing, actor=self.who[who])

    @invariant()
    def what_holds(self) -> None:
        with scope(Principal.system()):
            found = list(AgreementVersion.objects.select_related("agreement"))
            signed = list(AgreementSignature.objects.all())
        for kind in ({_S.FINALIZED}, OPEN):
            counted = Counter(version.partner_id for version in found if version.status in kind)
            assert max(counted.values(), default=0) <= 1, "one for each bank"
        for version in found:
            self._holds_for(version, {one.side: one for one in signed if one.version_id == version.id})
        self._nothing_is_sent_outside([one for one in found if one.status == _S.FINALIZED])

    def _holds_for(self, version: AgreementVersion, signatures: dict[str, AgreementSignature]) -> None:
        terms = tuple(getattr(version, name) for name in TERMS)
        assert self.terms.setdefault(version.id, terms) == terms, "what was offered never changes"
        assert hashlib.sha256(version.text.encode()).hexdigest() == version.text_sha256
        assert version.partner_id == version.agreement.partner_id
        assert {one.text_sha256 for one in signatures.values()} <= {version.text_sha256}
        if version.in_force_from or version.status in (_S.AGREED, _S.FINALIZED):
            assert set(signatures) == {"bank", "platform"}
            assert version.accepted_by == signatures["bank"].user_id
            assert version.countersigned_by == signatures["platform"].user_id
            assert version.accepted_by in self.signatories
            assert version.countersigned_by in self.staff
            assert version.countersigned_by != version.accepted_by, "one person signed for both sides"
            assert version.countersigned_by != version.offered_by, "offered and countersigned by one person"

    def _nothing_is_sent_outside(self, in_force: list[AgreementVersion]) -> None:
        with scope(Principal.system()), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(SENDABLE, [CLUSTERS])
            rows = cursor.fetchall()
        now = timezone.now()
        covered = {
            (one.partner_id, cluster)
            for one in in_force
            if one.ends_at is None or one.ends_at > now
            for cluster in one.clusters
        }
        assert rows
        for partner_id, cluster, refusal in rows:
            assert refusal is not None or (partner_id, cluster) in covered, (cluster, "sent outside")


def test_signatures(stage: Stage) -> None:
    explore(Negotiating, stage, examples=30, steps=30)


def test_one_person_cannot_sign_for_both_sides(stage: Stage) -> None:
    with rolled_back():
        bank = stage.world.bank.partner.id
        who = cast(stage, bank)
        terms = Terms(clusters=["BALANCES"], channels=["messenger"], countries=["US"])
        version = offer_agreement(partner_id=bank, terms=terms, actor=who["reviewer"])
        signing = Signing(version.text_sha256)
        accept_agreement(version_id=version.id, signing=signing, actor=who["owner"])
        with pytest.raises(Refused):
            countersign_agreement(version_id=version.id, signing=signing, actor=who["owner as staff"])
