"""What a person can choose from when they change a live grant, and what it would mean."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from consents.disclosure import CHOICES, PERIODS, day_words, disclose
from consents.models import Customer, Grant, LinkedAccount
from consents.records import Account, granted_accounts
from consents.route import chat_words, described, linked_chats, route_of, route_sentences
from partners.clusters import Cluster, Environment
from partners.models import AgreementVersion
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import CannotOpen, DataKeyMaterial, blind_index, open_sealed
from portal.vault.keys import find_data_key

LONGEST_DAYS = 365


class Line(NamedTuple):
    """One of the things that a person is told before they say yes."""

    term: str
    text: str


@dataclass(frozen=True)
class Wish:
    """What a person chose: kinds of messages, accounts by their keys (see `Choosable`), and the chats that messages
    may arrive in, by their ids in any order (None: as they are).
    """

    kinds: list[str]
    accounts: list[str]
    chats: list[str] | None = None


@dataclass(frozen=True)
class Choosable:
    """The kinds, accounts and chats that the grant holds, and those that it could. Accounts are known by a key that
    says nothing of the bank's reference; the chats that it holds come in its order.
    """

    grant: Grant
    version: AgreementVersion | None
    held: dict[str, Account]
    others: dict[str, Account]
    held_chats: list[LinkedAccount]
    other_chats: list[LinkedAccount]

    @property
    def accounts(self) -> dict[str, Account]:
        """All of them, the grant's own first."""
        return self.held | self.others

    @property
    def kinds(self) -> list[str]:
        """All of them, in one order."""
        covered = self.version.clusters if self.version else Cluster.values
        return [name for name in Cluster.values if name in (*self.grant.clusters, *covered)]

    @property
    def lost(self) -> list[str]:
        """What the grant holds and the agreement in force no longer covers."""
        return [name for name in self.grant.clusters if self.version and name not in self.version.clusters]

    @property
    def longest_days(self) -> int:
        """For which it may be given."""
        return self.version.longest_grant_days if self.version else LONGEST_DAYS

    @property
    def periods(self) -> list[int]:
        """In days, as a person may pick them."""
        return sorted({days for days in PERIODS if days < self.longest_days} | {self.longest_days})

    def is_known(self, wish: Wish) -> bool:
        """Nothing in it that could not be chosen."""
        chats = {str(one.id) for one in (*self.held_chats, *self.other_chats)}
        return (
            {*wish.kinds} <= {*self.kinds}
            and {*wish.accounts} <= {*self.accounts}
            and (wish.chats is None or set() < {*wish.chats} <= chats)
        )

    def is_empty(self, wish: Wish) -> bool:
        """A grant of nothing is none."""
        return not (wish.kinds and wish.accounts) or wish.chats == []

    def new_kinds(self, wish: Wish) -> list[str]:
        """What the grant does not hold yet."""
        return [name for name in self.kinds if name in wish.kinds and name not in self.grant.clusters]

    def new_accounts(self, wish: Wish) -> list[str]:
        """The same of accounts."""
        return [key for key in self.others if key in wish.accounts]

    def new_chats(self, wish: Wish) -> list[LinkedAccount]:
        """The same of chats."""
        return [one for one in self.other_chats if str(one.id) in (wish.chats or ())]

    def chosen_chats(self, wish: Wish) -> list[LinkedAccount]:
        """In the order that they would have: those that the grant holds, then the new ones."""
        kept = [one for one in self.held_chats if wish.chats is None or str(one.id) in wish.chats]
        return [*kept, *self.new_chats(wish)]

    def covered_chats(self, wish: Wish) -> list[LinkedAccount]:
        """The same of a new consent, in which no fallback is that the agreement does not cover."""
        first, *rest = self.chosen_chats(wish)
        return [first, *(one for one in rest if self.version is None or one.channel in self.version.channels)]

    def is_wider(self, wish: Wish) -> bool:
        """It needs a new consent."""
        return bool(self.new_kinds(wish) or self.new_accounts(wish) or self.new_chats(wish))

    def is_same(self, wish: Wish) -> bool:
        """It changes nothing."""
        return (
            {*wish.kinds} == {*self.grant.clusters}
            and {*wish.accounts} == {*self.held}
            and self.chosen_chats(wish) == self.held_chats
        )

    def as_it_is(self) -> Wish:
        """What the grant holds and can go on holding."""
        return Wish([name for name in self.grant.clusters if name not in self.lost], list(self.held))


def choosable_for(grant: Grant) -> Choosable:
    """As things stand now. Of data that was erased there is nothing to choose."""
    with scope(Principal.system()):
        in_force = AgreementVersion.objects.in_force().select_related("agreement")
        is_live = grant.environment == Environment.LIVE
        version = in_force.filter(partner_id=grant.partner_id).first() if is_live else None
        key = find_data_key(grant.partner_id, grant.person_id)
        customer = Customer.objects.get(pk=grant.customer_id)
        held_chats = route_of(grant)
        linked = list(
            linked_chats(
                partner_id=grant.partner_id,
                environment=grant.environment,
                person_id=grant.person_id,
                version=version,
            )
        )
    held = _keyed(grant, [Account(**one) for one in granted_accounts(grant, key)]) if key else {}
    named = _keyed(grant, named_accounts(customer, key)) if key else {}
    others = {one: named[one] for one in named if one not in held}
    return Choosable(
        grant, version, held, others, held_chats, [one for one in linked if one not in held_chats]
    )


def _keyed(grant: Grant, accounts: Collection[Account]) -> dict[str, Account]:
    return {account_key(grant, one.ref): one for one in accounts}


def account_key(grant: Grant, ref: str) -> str:
    """Tells one of a bank's accounts from the others, on pages."""
    return blind_index("account_key", grant.partner_id, ref).hex()[:16]


def named_place(customer: Customer) -> bytes:
    """Where the sealed accounts of a customer belong."""
    return b"customer.accounts" + customer.id.bytes


def named_accounts(customer: Customer, key: DataKeyMaterial) -> list[Account]:
    """Those that the bank named last; none where it has named none, or they were erased."""
    if not customer.accounts:
        return []
    try:
        return [
            Account(**one)
            for one in json.loads(open_sealed(key, customer.accounts, aad=named_place(customer)))
        ]
    except CannotOpen:
        return []


def statement(offer: Choosable, wish: Wish, until: datetime | None = None) -> list[Line]:
    """All that a person is told before they say yes, in the words of every question (see `consents.disclosure`), with
    what is new of it. Without `until`, the end is theirs to pick beside it.
    """
    grant = offer.grant
    accounts = {key: one for key, one in offer.accounts.items() if key in wish.accounts}
    with scope(Principal.system()):
        told = disclose(
            bank=grant.partner,
            environment=grant.environment,
            version=offer.version,
            clusters=wish.kinds,
            accounts=list(accounts.values()),
            longest_days=offer.longest_days,
            held=grant,
        )
        chats = chat_words(described(offer.covered_chats(wish)))
    new, account = offer.new_kinds(wish), ngettext("Account", "Accounts", 1)
    arrives = _("Where it arrives")
    lines = [
        Line(_new(kind.word) if kind.name in new else kind.word, f"{kind.purpose} {kind.holds}")
        for kind in told.kinds
    ]
    lines += [
        Line(_new(account) if key in offer.others else account, f"{one.type} {one.mask}")
        for key, one in accounts.items()
    ]
    lines.append(Line(_new(arrives) if offer.new_chats(wish) else arrives, " ".join(route_sentences(chats))))
    if until is not None:
        lines.append(Line(_("Until"), day_words(until)))
    rest = [part for part in told.parts if part.name not in (*CHOICES, "now")]
    return [*lines, *(Line(part.heading, " ".join(part.sentences)) for part in rest)]


def _new(word: str) -> str:
    return _("New: %(kind)s") % {"kind": word}


def ends_after(days: int) -> datetime:
    """The moment that a period which begins now ends."""
    return timezone.now() + timedelta(days=days)


def digest(offer: Choosable, lines: list[Line]) -> str:
    """Tells what was shown, and on which terms, from anything else."""
    version = str(offer.version.id) if offer.version else ""
    accounts = [asdict(one) for one in offer.accounts.values()]
    chats = [str(one.id) for one in (*offer.held_chats, *offer.other_chats)]
    basis = [str(offer.grant.record_id), version, lines, accounts, chats]
    return hashlib.sha256(json.dumps(basis).encode()).hexdigest()[:32]


def as_text(lines: list[Line]) -> str:
    """For the record, word for word."""
    return "\n".join(f"{line.term}: {line.text}" for line in lines)
