"""Whatever happens in whatever order, nothing may be shared unless the person's record and the agreement allow it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from consents.actions.expire import expire_grants
from consents.actions.give import give_consent
from consents.actions.link import link_account, unlink_account
from consents.actions.reconfirm import reconfirm_grant
from consents.actions.stop import end_grant, pause_grant, resume_grant
from consents.models import ConsentRecord, Customer, LinkedAccount
from consents.policy import VERDICT
from consents.records import Account, Choice
from partners.actions.agreement_endings import withdraw_agreement
from partners.actions.agreements import (
    Signing,
    Terms,
    accept_agreement,
    countersign_agreement,
    offer_agreement,
    put_agreement_in_force,
)
from partners.actions.partners import change_partner_status
from partners.models import AgreementVersion, Partner, Sender
from partners.refusals import Refused
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.isolation.stage import Stage, rolled_back

from .machine import cast, travel, tried

SYSTEM = Principal.system()
CLUSTERS = ["BALANCES", "RECEIPTS", "FRAUD_ALERTS"]
some_clusters = st.lists(st.sampled_from(CLUSTERS), min_size=1, unique=True)
START = datetime(2027, 3, 1, 12, tzinfo=UTC)
# The verdict as it is evaluated in SQL, at a moment of ours: a test's transaction has but one now().
ASK = f"""
SELECT c.name, {VERDICT.format(cluster="c.name").replace("now()", "%(now)s::timestamptz")}
FROM unnest(%(clusters)s::text[]) AS c(name), consents_grant g
JOIN consents_linkedaccount a ON a.id = g.account_id
JOIN partners_partner p ON p.id = g.partner_id
LEFT JOIN partners_agreementversion v ON v.partner_id = g.partner_id AND v.status = 'FINALIZED'
WHERE g.id = %(grant)s
"""


@dataclass
class Said:
    """What the person said last, when they confirmed it, and for how long they allowed it."""

    clusters: list[str]
    confirmed_at: datetime
    until: datetime
    is_paused: bool = False
    is_over: bool = False


person_mostly = st.sampled_from(
    ["person"] * 4 + ["stranger", "owner", "client", "other bank's client", "system"]
)
EVENTS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([0, 1, 29, 89, 90, 91, 275, 364, 366]), st.integers(-1, 1)),
    st.tuples(st.just("wait"), st.sampled_from([1, 89, 90]), st.just(0)),
    st.tuples(st.sampled_from(["pause", "resume", "reconfirm", "resume", "reconfirm"]), person_mostly),
    st.tuples(st.just("end"), person_mostly, st.sampled_from(["REVOKED", "EXPIRED", "INVALIDATED", "ACTIVE"])),
    st.tuples(st.just("allow"), some_clusters, st.sampled_from([-1, 0, 1, 30, 89, 90, 91, 364, 365, 366])),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("change_the_bank"), st.sampled_from(["SUSPENDED", "ACTIVE", "SUSPENDED", "ACTIVE", "REVOKED", "SURRENDERED"])),
    st.tuples(st.just("amend"), some_clusters, st.sampled_from(["messenger", "messenger", "whatsapp"])),
    st.tuples(st.just("end_the_agreement")),
    st.tuples(st.just("become"), st.sampled_from(["SUSPENDED", "ACTIVE", "ACTIVE"])),
    st.tuples(st.just("unlink")),
    st.tuples(st.just("link_again"), st.sampled_from(["7001", "7002"])),
)  # fmt: skip


class Sharing:
    """One person and one bank, over years, from the day on which they connected."""

    def __init__(self, stage: Stage, clock: Any, customer: str, clusters: list[str], days: int) -> None:
        self.clock, self.partner = clock, stage.world.bank.partner
        before = stage.customers[customer].grant
        with scope(SYSTEM):
            self.customer = Customer.objects.get(pk=before.customer_id)
            self.linked = LinkedAccount.objects.get(pk=before.account_id)
        self.who = cast(stage, self.partner.id, self.customer.person_id)
        self.who["client"] = self.who[
            "sandbox client" if self.customer.environment == "sandbox" else "client"
        ]
        self.is_linked = True
        end_grant(grant_id=before.id, actor=self.who["person"], reason="test")
        self.said = Said(clusters, self.now, self.now, is_over=True)
        self.allow(clusters, days)
        self.check()

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def allow(self, clusters: list[str], days: int) -> None:
        """What a page offers: not with an account that is gone."""
        if not self.is_linked:
            return
        grant = tried(
            give_consent,
            customer=self.customer,
            account=self.linked,
            choice=Choice(clusters, [Account("acc", "•• 1", "Current account")], days, "What you allow."),
            actor=self.who["person"],
        )
        if grant is not None:
            assert 1 <= days <= 365
            assert self.said.is_over, "one live connection at a time"
            self.said = Said(clusters, self.now, self.now + timedelta(days=days))
            self.grant = grant

    def pause(self, who: str) -> None:
        if tried(pause_grant, grant_id=self.grant.id, actor=self.who[who]):
            assert (who, self.said.is_paused, self.said.is_over) == ("person", False, False)
            self.said.is_paused = True

    def resume(self, who: str) -> None:
        if tried(resume_grant, grant_id=self.grant.id, actor=self.who[who]):
            assert (who, self.said.is_paused, self.said.is_over) == ("person", True, False)
            self.said.is_paused = False

    def reconfirm(self, who: str) -> None:
        if tried(reconfirm_grant, grant_id=self.grant.id, actor=self.who[who]):
            assert (who, self.said.is_over, self.now < self.said.until) == ("person", False, True)
            self.said.confirmed_at = self.now

    def end(self, who: str, to: str) -> None:
        if tried(end_grant, grant_id=self.grant.id, actor=self.who[who], reason="test", to=to):
            assert (who in ("person", "client") and to == "REVOKED") or (who == "system" and to != "REVOKED")
            assert to != "ACTIVE"
            self.said.is_over = True

    def wait(self, days: int, seconds: int) -> None:
        self.clock.shift(timedelta(days=days, seconds=max(seconds, -days)))

    def sweep(self) -> None:
        expire_grants()
        self.said.is_over = self.said.is_over or self.said.until <= self.now

    def change_the_bank(self, to: str) -> None:
        by = "owner" if to == "SURRENDERED" else "reviewer"
        tried(change_partner_status, partner_id=self.partner.id, to=to, actor=self.who[by])

    def amend(self, clusters: list[str], channel: str) -> None:
        terms = Terms(clusters=clusters, channels=[channel], countries=["US"])
        offer = {"partner_id": self.partner.id, "number": "AGR-NORDEN", "terms": terms}
        version = tried(offer_agreement, **offer, actor=self.who["reviewer"])
        if version is None:  # the bank has left
            return
        signing = Signing(version.text_sha256)
        accept_agreement(version_id=version.id, signing=signing, actor=self.who["owner"])
        countersign_agreement(version_id=version.id, signing=signing, actor=self.who["second reviewer"])
        put_agreement_in_force(version_id=version.id)

    def end_the_agreement(self) -> None:
        """The bank withdraws, if there is anything to withdraw from."""
        with scope(SYSTEM):
            rows = AgreementVersion.objects.filter(partner_id=self.partner.id, status="FINALIZED")
            version_id = rows.values_list("id", flat=True).first()
        if version_id:
            withdraw_agreement(version_id=version_id, actor=self.who["owner"])

    def become(self, status: str) -> None:
        """The messenger refuses the person, or they write again."""
        with scope(SYSTEM):
            LinkedAccount.objects.filter(pk=self.linked.pk).exclude(status="UNLINKED").update(status=status)

    def unlink(self) -> None:
        if self.is_linked:
            unlink_account(account_id=self.linked.pk, reason="test")
            self.is_linked, self.said.is_over = False, True

    def link_again(self, address: str) -> None:
        if not self.is_linked:
            with scope(SYSTEM):
                sender = Sender.objects.get(pk=self.linked.sender_id)
            person = self.customer.person_id
            self.linked = link_account(
                sender=sender, person_id=person, address=address, actor=self.who["person"]
            )
            self.is_linked = True

    def check(self) -> None:
        """Yes is said exactly when all allow it."""
        with scope(SYSTEM), connection.cursor() as cursor:
            cursor.execute(ASK, {"now": self.now, "clusters": CLUSTERS, "grant": self.grant.id})
            verdicts = dict(cursor.fetchall())
            partner = Partner.objects.get(pk=self.partner.id)
            account = LinkedAccount.objects.get(pk=self.grant.account_id)
            version = AgreementVersion.objects.filter(partner_id=self.partner.id, status="FINALIZED").first()
            records = list(ConsentRecord.objects.filter(grant=self.grant))
        told = {(tuple(sorted(one.clusters)), one.valid_until) for one in records}
        assert told == {(tuple(sorted(self.said.clusters)), self.said.until)}
        for cluster in CLUSTERS:
            allowed = self._is_allowed(cluster, partner, account, version)
            assert (verdicts[cluster] is None) == allowed, (cluster, verdicts[cluster], self.said, self.now)
            if self.said.is_paused and not self.said.is_over:
                assert verdicts[cluster] == "grant_paused", "a bank hears that it may come again"

    def _is_allowed(
        self, cluster: str, partner: Partner, account: LinkedAccount, version: AgreementVersion | None
    ) -> bool:
        said = self.said
        by_person = cluster in said.clusters and not said.is_paused and not said.is_over
        in_time = self.now < min(said.until, said.confirmed_at + timedelta(days=90))
        if self.customer.environment == "sandbox":
            by_bank = partner.status not in ("SUSPENDED", "REVOKED", "SURRENDERED", "REJECTED")
        else:
            by_bank = (
                partner.status == "ACTIVE"
                and version is not None
                and cluster in version.clusters
                and account.channel in version.channels
            )
        return by_person and in_time and by_bank and account.status == "ACTIVE"


@given(
    customer=st.sampled_from(["ana", "norden's sandbox"]),
    clusters=some_clusters,
    days=st.sampled_from([1, 30, 89, 90, 91, 365]),
    events=st.lists(EVENTS, min_size=1, max_size=8),
)
@settings(max_examples=settings.default.max_examples)
def test_nothing_is_shared_but_what_all_allow(
    stage: Stage, customer: str, clusters: list[str], days: int, events: list[tuple[Any, ...]]
) -> None:
    with rolled_back(), travel(START) as clock:
        sharing = Sharing(stage, clock, customer, clusters, days)
        for name, *arguments in events:
            getattr(sharing, name)(*arguments)
            sharing.check()


@pytest.mark.parametrize("mixed", ["another person's", "the sandbox's", "an unlinked"])
def test_consent_joins_only_what_belongs_together(stage: Stage, mixed: str) -> None:
    """Else one person's balance would show on somebody else's phone."""
    with rolled_back():
        ana, ben, sandbox = (stage.customers[name].grant for name in ("ana", "ben", "norden's sandbox"))
        with scope(SYSTEM):
            customer = Customer.objects.get(pk=ana.customer_id)
            theirs = {"another person's": ben, "the sandbox's": sandbox, "an unlinked": ana}[mixed]
            other = LinkedAccount.objects.get(pk=theirs.account_id)
        end_grant(grant_id=ana.id, actor=Principal(Kind.PERSON, person_id=ana.person_id), reason="test")
        if mixed == "an unlinked":
            unlink_account(account_id=other.pk, reason="test")
        arguments: dict[str, Any] = {
            "customer": customer,
            "account": other,
            "choice": Choice(
                ["BALANCES"], [Account("acc", "•• 1", "Current account")], 30, "What you allow."
            ),
            "actor": Principal(Kind.PERSON, person_id=ana.person_id),
        }
        with pytest.raises(Refused):
            give_consent(**arguments)


def test_an_address_is_one_persons_at_a_time(stage: Stage) -> None:
    with rolled_back():
        sender, other = stage.world.bank.sender, stage.world.charlie.person_id
        with pytest.raises(Refused):
            link_account(sender=sender, person_id=other, address=stage.world.ana.address, actor=SYSTEM)
