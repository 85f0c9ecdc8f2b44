"""Over years, whatever is decided in whatever order: the claim lets through what the present record allows, all of it,
and nothing else. Time passes by moving the rows, because a test's transaction has but one now().
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import psycopg
import pytest
from django.conf import settings as configured
from django.db import connection
from django.utils import timezone
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consents.actions.ask_again import agree_to_terms, ask_people, keep_terms
from consents.actions.expire import expire_grants
from consents.actions.give import give_consent, give_consent_again
from consents.actions.link import link_account, unlink_account
from consents.actions.narrow import narrow_grant
from consents.actions.reconfirm import reconfirm_grant
from consents.actions.stop import end_grant, pause_grant, resume_grant
from consents.actions.unused import keep_kind
from consents.choosing import Wish, choosable_for
from consents.models import ConsentRecord, Customer, Grant, LinkedAccount
from consents.records import ONCE, Account, Choice, granted_accounts
from consents.terms import changes_for
from notifications.actions.accept import Request, accept_notification
from notifications.actions.claim import claim_due
from notifications.actions.tend import tend_grants
from notifications.models import Delivery, Lane
from partners.actions.agreements import (
    Signing,
    Terms,
    accept_agreement,
    countersign_agreement,
    offer_agreement,
    put_agreement_in_force,
)
from partners.actions.partners import change_partner_status
from partners.clusters import Cluster
from partners.models import AgreementVersion, Partner
from portal.api.errors import Problem
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.keys import data_key_for
from tests.isolation.stage import Stage, rolled_back

from .machine import cast, tried

SYSTEM = Principal.system()
KINDS = ["BALANCES", "FRAUD_ALERTS", "RECEIPTS"]
REFS = ["acc-one", "acc-two"]
MONEY = {"value": "3.00", "currency": "USD"}
MESSAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "BALANCES": ("balance_update", {"available": MONEY, "as_of": "2026-11-23T09:30:00Z"}),
    "FRAUD_ALERTS": (
        "fraud_alert",
        {"amount": MONEY, "merchant": "Kiosk", "occurred_at": "2026-11-23T09:30:00Z", "case": "C-1"},
    ),
    "RECEIPTS": (
        "receipt",
        {"merchant": "Kiosk", "total": MONEY, "purchased_at": "2026-11-23T09:30:00Z", "reference": "R-1"},
    ),
}
WITHOUT_ACCOUNT = "RECEIPTS"
# Every date that what is judged hangs on
_DATES = {
    "consents_grant": [
        *("granted_at", "authorised_at", "expires_at", "reconfirm_by", "paused_at", "resumed_at", "tend_at"),
    ],
    "consents_consentrecord": ["at", "valid_until"],
    "consents_unusedkind": ["since", "proposed_at", "lapses_at", "decided_at"],
    "notifications_delivery": ["sent_at"],
}
_EARLIER = ";".join(
    f"UPDATE {table} SET " + ", ".join(f"{name} = {name} - %(by)s" for name in names)
    for table, names in _DATES.items()
)
LASTING = "FRAUD_ALERTS"
some_kinds = st.lists(st.sampled_from(KINDS), min_size=1, unique=True)
some_refs = st.lists(st.sampled_from(REFS), min_size=1, unique=True)
some_days = st.sampled_from([30, 1, None, 120, 365])
which = st.integers(0, 1)
# Days. They never add up to a whole number of them: the very moment of an end is test_grant.py's
some_time = st.sampled_from([0.503, 2.007, 31.011, 88.013, 90.017, 365.019])


EVENTS = st.one_of(
    st.tuples(st.just("give"), which, some_kinds, some_refs, some_days),
    st.tuples(st.just("give_again"), which, some_kinds, some_refs, some_days),
    st.tuples(st.just("give_again"), which, some_kinds, some_refs, some_days),
    st.tuples(st.sampled_from(["pause", "resume", "resume", "reconfirm", "sweep", "link_again"])),
    st.tuples(st.just("end"), st.sampled_from(["stranger", "person", "client"])),
    st.tuples(st.just("wait"), some_time),
    st.tuples(st.just("wait"), some_time),
    st.tuples(st.just("change_the_bank"), st.sampled_from(["SUSPENDED", "ACTIVE", "ACTIVE"])),
    st.tuples(st.just("amend"), some_kinds, st.sampled_from([30, 90, 120])),
    st.tuples(st.just("answer_the_amendment"), some_kinds, st.booleans()),
    st.tuples(st.just("unlink"), which),
    st.tuples(st.just("narrow"), some_kinds, some_refs),
    st.tuples(st.just("leave_unused"), some_kinds),
    st.tuples(st.just("wait_and_tend"), some_time),
    st.tuples(st.just("wait_and_tend"), some_time),
    st.tuples(st.just("keep"), st.sampled_from(KINDS)),
)


@pytest.fixture(scope="module", autouse=True)
def _movable_records(django_db_setup: None) -> Iterator[None]:
    """No role may change a record; here time passes by moving rows."""
    name = configured.DATABASES["default"]["NAME"]
    with psycopg.connect(configured.DATABASE_OWNER_URL, dbname=name, autocommit=True) as owner:
        owner.execute("GRANT UPDATE (at, valid_until) ON consents_consentrecord TO parley_worker")
        yield
        owner.execute("REVOKE UPDATE (at, valid_until) ON consents_consentrecord FROM parley_worker")


@dataclass
class Said:
    """What the person said last, in days since the beginning."""

    kinds: set[str]
    refs: set[str]
    until: float
    confirmed: float
    is_paused: bool = False
    is_over: bool = False


@dataclass
class Used:
    """What speaks for each kind of a grant, in days: when all of it was allowed, and when each kind was (again), was sent
    last, and was to be kept; and which are proposed to end, and since when.
    """

    all_of_it: float
    allowed: dict[str, float] = field(default_factory=dict)
    sent: dict[str, float] = field(default_factory=dict)
    kept: dict[str, float] = field(default_factory=dict)
    proposed: dict[str, float] = field(default_factory=dict)
    resumed: float | None = None

    def since(self, kind: str) -> float:
        """The last of it."""
        return max(self.all_of_it, *(found.get(kind, 0.0) for found in (self.allowed, self.sent, self.kept)))


@dataclass(frozen=True)
class Queued:
    """A delivery that waits."""

    grant_id: Any
    kind: str
    ref: str


@dataclass
class Chat:
    """One of the person's linked messaging accounts."""

    row: LinkedAccount
    is_linked: bool = True


@dataclass
class Bank:
    """What lets it send."""

    is_active: bool = True
    kinds: set[str] = field(default_factory=set)


class Sends:
    """Ana and her bank, from the day on which she connected for a year."""

    def __init__(self, stage: Stage) -> None:
        self.stage, world = stage, stage.world
        self.partner, self.day = world.bank.partner, 0.0
        self.who = cast(self.stage, self.partner.id)
        scopes = frozenset(cluster.scope for cluster in Cluster)
        client = self.who["client"]
        self.client = Principal(Kind.CLIENT, client.id, self.partner.id, environment="live", scopes=scopes)
        with scope(SYSTEM):
            Delivery.objects.update(status="READ")
            self.customer = Customer.objects.get(pk=world.ana.grant.customer_id)
            first = LinkedAccount.objects.get(pk=world.ana.grant.account_id)
            terms = AgreementVersion.objects.get(partner=self.partner, status="FINALIZED")
        self.bank = Bank(kinds=set(terms.clusters))
        self.chats = [Chat(first), Chat(self._link("7001"))]
        self.waiting: dict[Any, Queued] = {}
        self.unsent: set[str] = set()
        with scope(SYSTEM):  # nobody else's takes time here
            others = Grant.objects.exclude(customer=self.customer)
            others.update(tend_at=timezone.now() + timedelta(days=365 * 90))
        end_grant(grant_id=world.ana.grant.id, actor=self.who["person"], reason="test")
        self._give(0, KINDS, REFS, 365)

    def _link(self, address: str) -> LinkedAccount:
        sender, person = self.stage.world.bank.sender, self.customer.person_id
        return link_account(sender=sender, person_id=person, address=address, actor=self.who["person"])

    def _give(self, chat: int, kinds: list[str], refs: list[str], days: int | None) -> None:
        asked = {"account": self.chats[chat].row, "choice": _choice(kinds, refs, days)}
        if made := tried(give_consent, customer=self.customer, actor=self.who["person"], **asked):
            self.used = Used(self.day)
            self._said(made, chat, kinds, refs, days)

    def _said(
        self, grant: Grant, chat: int, kinds: list[str], refs: list[str], days: int | None, **more: Any
    ) -> None:
        lasts = ONCE.days if days is None else days
        self.grant, self.chat = grant, self.chats[chat]
        self.said = Said(set(), {*refs}, self.day + lasts, self.day, **more)
        self.used.all_of_it = self.day
        self._hold({*kinds})

    def _hold(self, kinds: set[str]) -> None:
        self.said.kinds = kinds
        self.used.allowed = {kind: self.used.allowed.get(kind, self.day) for kind in kinds}

    def give(self, chat: int, kinds: list[str], refs: list[str], days: int | None) -> None:
        self.sweep()
        self._give(chat, kinds, refs, days)

    def give_again(self, chat: int, kinds: list[str], refs: list[str], days: int | None) -> None:
        """Wider, narrower, longer, shorter, elsewhere."""
        asked = {"account": self.chats[chat].row, "choice": _choice(kinds, refs, days)}
        made = tried(give_consent_again, grant_id=self.grant.id, actor=self.who["person"], **asked)
        if made:
            assert not self.said.is_over
            self._said(made, chat, kinds, refs, days, is_paused=self.said.is_paused)

    def pause(self) -> None:
        if tried(pause_grant, grant_id=self.grant.id, actor=self.who["person"]):
            self.said.is_paused = True

    def resume(self) -> None:
        if tried(resume_grant, grant_id=self.grant.id, actor=self.who["person"]):
            self.said.is_paused, self.used.resumed = False, self.day

    def reconfirm(self) -> None:
        if tried(reconfirm_grant, grant_id=self.grant.id, actor=self.who["person"]):
            self.said.confirmed = self.day

    def end(self, who: str) -> None:
        if tried(end_grant, grant_id=self.grant.id, actor=self.who[who], reason="test"):
            assert who != "stranger"
            self.said.is_over = True

    def wait(self, days: float) -> None:
        self.day += days
        with scope(SYSTEM), connection.cursor() as cursor:
            cursor.execute(_EARLIER, {"by": timedelta(days=days)})

    def sweep(self) -> None:
        expire_grants()
        self.said.is_over = self.said.is_over or self.said.until <= self.day

    def change_the_bank(self, to: str) -> None:
        if tried(change_partner_status, partner_id=self.partner.id, to=to, actor=self.who["reviewer"]):
            self.bank.is_active = to == "ACTIVE"

    def amend(self, kinds: list[str], retention: int) -> None:
        terms = Terms(clusters=kinds, channels=["messenger"], countries=["US"], retention_days=retention)
        offer = {"partner_id": self.partner.id, "number": "AGR-NORDEN", "terms": terms}
        version = tried(offer_agreement, **offer, actor=self.who["reviewer"])
        if version is None:
            return
        signing = Signing(version.text_sha256)
        accept_agreement(version_id=version.id, signing=signing, actor=self.who["owner"])
        countersign_agreement(version_id=version.id, signing=signing, actor=self.who["second reviewer"])
        put_agreement_in_force(version_id=version.id)
        self.bank.kinds = {*kinds}
        ask_people()

    def answer_the_amendment(self, kinds: list[str], agrees: bool) -> None:
        with scope(SYSTEM):
            changes = changes_for(Grant.objects.get(pk=self.grant.id))
        if changes is None:
            return
        answer = {"grant_id": self.grant.id, "seen": changes.shown.digest, "actor": self.who["person"]}
        if not agrees:
            tried(keep_terms, **answer)
            return
        new = [kind for kind in kinds if kind in changes.kinds]
        if tried(agree_to_terms, kinds=new, **answer):
            self._hold(self.said.kinds & self.bank.kinds | {*new})
            self.said.confirmed = self.day

    def narrow(self, kinds: list[str], refs: list[str]) -> None:
        with scope(SYSTEM):
            held = choosable_for(Grant.objects.get(pk=self.grant.id)).held
        keys = [key for key, one in held.items() if one.ref in refs]
        wish = Wish(kinds, keys)
        made = tried(narrow_grant, grant_id=self.grant.id, wish=wish, actor=self.who["person"])
        is_less = {*kinds} <= self.said.kinds and ({*kinds} < self.said.kinds or len(keys) < len(held))
        assert bool(made) == (self._is_live() and bool(keys) and is_less), (kinds, refs, self.said)
        if made:
            self._hold({*kinds})
            self.said.refs &= {*refs}

    def leave_unused(self, kinds: list[str]) -> None:
        """The bank sends only the others from now on."""
        self.unsent = {*kinds}

    def keep(self, kind: str) -> None:
        made = tried(keep_kind, grant_id=self.grant.id, kind=kind, actor=self.who["person"])
        assert bool(made) == (self._is_live() and kind in self.used.proposed)
        if made:
            del self.used.proposed[kind]
            self.used.kept[kind] = self.day

    def wait_and_tend(self, days: float) -> None:
        """With the worker behind: nothing was sent when the time had passed, and before it looked."""
        self.wait(days)
        tend_grants()
        used, is_left_alone = self.used, self.said.is_paused or not self._is_live()
        if is_left_alone or (used.resumed is not None and self.day < used.resumed + 14):
            return
        judged = {kind: used.since(kind) for kind in self.said.kinds - {LASTING}}
        used.proposed = {
            kind: day for kind, day in used.proposed.items() if kind in judged and judged[kind] <= day
        }
        over = {kind for kind, day in used.proposed.items() if day + 14 <= self.day}
        for kind, day in judged.items():
            if day + 90 <= self.day:
                used.proposed.setdefault(kind, self.day)
        used.proposed = {kind: day for kind, day in used.proposed.items() if kind not in over}
        if over == self.said.kinds:
            self.said.is_over = True
        elif over:
            self._hold(self.said.kinds - over)

    def unlink(self, chat: int) -> None:
        found = self.chats[chat]
        if found.is_linked:
            unlink_account(account_id=found.row.pk, reason="test")
            self.said.is_over = self.said.is_over or found is self.chat
            found.is_linked = False

    def link_again(self) -> None:
        for place, chat in enumerate(self.chats):
            if not chat.is_linked:
                self.chats[place] = Chat(self._link(f"800{place}"))

    def check(self) -> None:
        """The worker comes to what has waited since before the last step; then the bank sends all it can."""
        self._check_record()
        self._claim()
        for kind, ref in [*product(KINDS[:2], REFS), (WITHOUT_ACCOUNT, "")]:
            if kind not in self.unsent:
                self._send(kind, ref)

    def _send(self, kind: str, ref: str) -> None:
        """As its client; what is refused leaves nothing."""
        template, data = MESSAGES[kind]
        if kind != WITHOUT_ACCOUNT:
            data = {**data, "account": ref}
        with scope(self.client):
            request = Request(template, data, grant_id=self.grant.id)
            made = tried(accept_notification, Problem, request=request, actor=self.client)
        assert bool(made) == (self._is_allowed(kind, ref) and self.bank_may(kind)), (kind, ref, self.said)
        if made:
            with scope(SYSTEM):
                row = Delivery.objects.latest("id")
            self.waiting[row.id] = Queued(self.grant.id, kind, ref)

    def _claim(self) -> None:
        with scope(SYSTEM):
            rows = Delivery.objects.filter(status="QUEUED")
            rows.update(next_attempt_at=timezone.now() - timedelta(days=1))
            queued = {one: self.waiting[one] for one in rows.values_list("id", flat=True)}
        taken = [row for lane in Lane.values for row in claim_due(lane=lane) if row.status == "SENDING"]
        expected = {key for key, one in queued.items() if self._may_go(one)}
        assert {row.id for row in taken} == expected, (queued, self.said, self.bank)
        assert all(row.account_id == self.chat.row.pk for row in taken), "it goes where the person wants it"
        with scope(SYSTEM):
            Delivery.objects.filter(status="SENDING").update(status="READ", sent_at=timezone.now())
        self.used.sent |= {queued[row.id].kind: self.day for row in taken}

    def _may_go(self, one: Queued) -> bool:
        return (
            one.grant_id == self.grant.id and self._is_allowed(one.kind, one.ref) and self.bank_may(one.kind)
        )

    def _is_allowed(self, kind: str, ref: str) -> bool:
        said = self.said
        is_live = self._is_live() and not said.is_paused
        in_time = self.day < said.confirmed + 90
        return is_live and in_time and kind in said.kinds and (kind == WITHOUT_ACCOUNT or ref in said.refs)

    def _is_live(self) -> bool:
        return not self.said.is_over and self.day < self.said.until

    def bank_may(self, kind: str) -> bool:
        """By its state and its agreement."""
        return self.bank.is_active and kind in self.bank.kinds

    def _check_record(self) -> None:
        """It is what the person said."""
        with scope(SYSTEM):
            grant = Grant.objects.get(pk=self.grant.id)
            record = ConsentRecord.objects.get(pk=grant.record_id)
            accounts = granted_accounts(record, data_key_for(self.partner.id, self.customer.person_id))
            assert Partner.objects.filter(pk=self.partner.id, status="ACTIVE").exists() == self.bank.is_active
        assert {*record.clusters} == {*grant.clusters} == self.said.kinds
        assert {one["ref"] for one in accounts} == self.said.refs
        ends = datetime.now(UTC) + timedelta(days=self.said.until - self.day)
        assert abs(grant.expires_at - ends) < timedelta(hours=1)


def _choice(kinds: list[str], refs: list[str], days: int | None) -> Choice:
    accounts = [Account(ref, f"•• {ref[-3:]}", "Current account") for ref in refs]
    return Choice(kinds, accounts, days, "What you allow.")


ONE_YEAR, ONE_DAY = (0, KINDS, REFS, 365), (0, KINDS, REFS, None)


@given(events=st.lists(EVENTS, min_size=4, max_size=12))
@example(events=[("give_again", 0, KINDS, ["acc-two"], 365)])
@example(events=[("give_again", 0, ["RECEIPTS"], REFS, 365), ("give_again", *ONE_YEAR)])
@example(events=[("give_again", 1, KINDS, REFS, 365), ("unlink", 1), ("link_again",), ("give", *ONE_YEAR)])
@example(events=[("give_again", *ONE_DAY), ("wait", 0.503), ("wait", 0.503), ("sweep",), ("give", *ONE_YEAR)])
@example(
    events=[("wait", 90.017), ("reconfirm",), ("wait", 88.013), ("wait", 2.007), ("give_again", *ONE_YEAR)]
)
@example(
    events=[
        ("pause",),
        ("wait", 365.019),
        ("resume",),
        ("sweep",),
        ("give", *ONE_YEAR),
        ("pause",),
        ("resume",),
    ]
)
@example(
    events=[
        ("change_the_bank", "SUSPENDED"),
        ("wait", 2.007),
        ("change_the_bank", "ACTIVE"),
        ("end", "client"),
    ]
)
@example(
    events=[
        ("amend", ["BALANCES"], 90),
        ("give_again", *ONE_DAY),
        ("amend", KINDS, 120),
        ("answer_the_amendment", ["RECEIPTS"], False),
        ("amend", ["BALANCES", "RECEIPTS"], 90),
        ("answer_the_amendment", ["RECEIPTS"], True),
        ("wait", 88.013),
    ]
)
@example(
    events=[
        ("leave_unused", ["BALANCES", "RECEIPTS"]),
        ("wait_and_tend", 90.017),
        ("keep", "BALANCES"),
        ("wait_and_tend", 31.011),
        ("narrow", ["BALANCES"], ["acc-one"]),
        ("reconfirm",),
        ("wait_and_tend", 90.017),
        ("pause",),
        ("wait_and_tend", 31.011),
        ("resume",),
        ("wait_and_tend", 2.007),
        ("wait_and_tend", 31.011),
    ]
)
@example(
    events=[
        ("narrow", KINDS, ["acc-two"]),
        ("narrow", ["RECEIPTS", "FRAUD_ALERTS"], ["acc-two"]),
        ("give_again", *ONE_YEAR),
        ("narrow", ["RECEIPTS"], REFS),
        ("wait_and_tend", 90.017),
        ("reconfirm",),
        ("wait_and_tend", 2.007),
    ]
)
@settings(max_examples=settings.default.max_examples // 5)
def test_only_what_the_present_record_allows_is_let_through(
    stage: Stage, events: list[tuple[Any, ...]]
) -> None:
    with rolled_back():
        sends = Sends(stage)
        sends.check()
        for name, *arguments in events:
            getattr(sends, name)(*arguments)
            sends.check()
