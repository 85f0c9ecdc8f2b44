"""What a person is told before they decide, in their language. One text: the page draws it, the consent record keeps
it, and its digest tells whether it still holds when the answer comes.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from consents.actions.give import RECONFIRM_DAYS
from consents.models import Grant
from consents.records import SANDBOX_RETENTION_DAYS, Account
from consents.route import route_sentences
from partners.clusters import Cluster, Environment
from partners.models import AgreementVersion, Partner, Verification
from portal.countries import country_names
from portal.design.states import KINDS

ONCE = "once"
CHOICES = ("kinds", "accounts", "period", "chat")
PERIODS = (30, 90, 180, 365)
# Each field of each kind of data, as a person would call it
FIELDS = {
    Cluster.BALANCES: {
        "account": gettext_lazy("which account, by its last digits"),
        "available": gettext_lazy("the money you can spend"),
        "current": gettext_lazy("the balance that is booked"),
        "as_of": gettext_lazy("when this was so"),
    },
    Cluster.TRANSACTIONS: {
        "account": gettext_lazy("which account, by its last digits"),
        "amount": gettext_lazy("the amount"),
        "merchant": gettext_lazy("who was paid, or who paid"),
        "posted_at": gettext_lazy("when it was booked"),
        "direction": gettext_lazy("whether money came in or went out"),
    },
    Cluster.RECEIPTS: {
        "merchant": gettext_lazy("the shop"),
        "total": gettext_lazy("what you paid"),
        "purchased_at": gettext_lazy("when you bought it"),
        "reference": gettext_lazy("the receipt’s number"),
        "items": gettext_lazy("the lines of the receipt: what you bought, and its price"),
    },
    Cluster.SHIPMENTS: {
        "merchant": gettext_lazy("the shop"),
        "carrier": gettext_lazy("who brings it"),
        "tracking_number": gettext_lazy("the parcel’s number"),
        "status": gettext_lazy("how far it is"),
        "expected_on": gettext_lazy("the day on which it should arrive"),
    },
    Cluster.FRAUD_ALERTS: {
        "account": gettext_lazy("which account, by its last digits"),
        "amount": gettext_lazy("the amount of the payment"),
        "merchant": gettext_lazy("who would be paid"),
        "occurred_at": gettext_lazy("when it happened"),
        "case": gettext_lazy("the number to name when you call your bank"),
    },
    Cluster.ACCOUNT_SERVICING: {
        "account": gettext_lazy("which account, by its last digits"),
        "subject": gettext_lazy("what it is about: a statement, a due date, a locked card, a limit"),
        "due_on": gettext_lazy("by when, if there is a day"),
        "amount": gettext_lazy("how much, if it is about money"),
    },
    Cluster.CHAT: {"messages": gettext_lazy("what you write to your bank in the chat, and its answers")},
}


@dataclass(frozen=True)
class Kind:
    """One kind of message that can be chosen."""

    name: str
    word: str
    purpose: str
    fields: list[str]
    is_held: bool  # the person allows it already

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        return f"{self.word}. {self.purpose} {self.holds}"

    @property
    def holds(self) -> str:
        """Its fields."""
        return _("It holds: %(fields)s.") % {"fields": "; ".join(self.fields)}


@dataclass(frozen=True)
class Choosable:
    """An account or a time that can be chosen; `value` stands in the form."""

    value: str
    words: str
    is_held: bool = False


@dataclass(frozen=True)
class Part:
    """Some sentences under one heading. `name` tells the page what to draw with them."""

    name: str
    heading: str
    sentences: list[str]


@dataclass(frozen=True)
class Chosen:
    """What of it a person allows: values of the disclosure's kinds, accounts and periods; and both identities."""

    kinds: list[str]
    accounts: list[str]
    period: str
    person: str
    chats: list[str]  # in order


@dataclass(frozen=True)
class Disclosure:
    """All that the page says, in its order. `about` is what nobody reads and the text still depends on."""

    title: str
    parts: list[Part]
    accounts: list[Choosable]
    kinds: list[Kind]
    periods: list[Choosable]
    about: str
    is_change: bool

    @property
    def before(self) -> list[Part]:
        """What stands before the first choice."""
        return self.parts[: self._first_choice]

    @property
    def choices(self) -> list[Part]:
        """What is chosen."""
        return self.parts[self._first_choice : self._first_choice + len(CHOICES)]

    @property
    def after(self) -> list[Part]:
        """What stands behind the last one."""
        return self.parts[self._first_choice + len(CHOICES) :]

    @property
    def _first_choice(self) -> int:
        return next(place for place, part in enumerate(self.parts) if part.name in CHOICES)

    @property
    def text(self) -> str:
        """The words that were shown, without what was chosen."""
        lines = [self.title]
        for part in self.parts:
            lines += ["", part.heading, *part.sentences, *self._choices(part.name)]
        return "\n".join(lines)

    @property
    def digest(self) -> str:
        """Changes with any word of it, and with what the words stand for."""
        values = [one.value for one in self.accounts]
        return hashlib.sha256("\n".join([self.text, self.about, *values]).encode()).hexdigest()

    def text_with(self, chosen: Chosen) -> str:
        """What the consent record keeps."""
        kinds = [kind.word for kind in self.kinds if kind.name in chosen.kinds]
        accounts = [one.words for one in self.accounts if one.value in chosen.accounts]
        period = next(one.words for one in self.periods if one.value == chosen.period)
        lines = [
            _("What was chosen"),
            _("Kinds of messages: %(words)s.") % {"words": ", ".join(kinds)},
            _("Accounts: %(words)s.") % {"words": ", ".join(accounts)},
            _("How long: %(words)s.") % {"words": period},
            _("Who decided: %(words)s.") % {"words": chosen.person},
            *route_sentences(chosen.chats),
        ]
        return "\n".join([self.text, "", *lines])

    def _choices(self, name: str) -> list[str]:
        new, held = _("(new)"), _("(you allow this already)")
        mark = {True: f" {held}", False: f" {new}"} if self.is_change else {True: "", False: ""}
        if name == "kinds":
            return [kind.sentence + mark[kind.is_held] for kind in self.kinds]
        if name == "accounts":
            return [one.words + mark[one.is_held] for one in self.accounts]
        return [one.words for one in self.periods] if name == "period" else []


def disclose(
    *,
    bank: Partner,
    environment: str,
    version: AgreementVersion | None,
    clusters: Iterable[str],
    accounts: list[Account],
    longest_days: int,
    held: Grant | None = None,
    held_refs: Iterable[str] = (),
    has_several_chats: bool = False,
) -> Disclosure:
    """What `bank` asks for, under the agreement `version` (None in the sandbox). With `held`, a live grant, it is a
    change of that: what it has is marked. As the system.
    `has_several_chats` when there is an order of chats to choose.
    """
    is_held = set(held.clusters) if held else set()
    names = [name for name in Cluster.values if name in set(clusters)]
    refs, about = set(held_refs), f"{version.id if version else ''} {held.record_id if held else ''}"
    title = _("%(bank)s asks to change what it may send you") if held else _("%(bank)s asks to write to you")
    return Disclosure(
        title=title % {"bank": bank.name},
        parts=_parts(bank, environment, version, held, has_several_chats),
        accounts=[Choosable(one.ref, f"{one.type} {one.mask}", one.ref in refs) for one in accounts],
        kinds=[_kind(Cluster(name), name in is_held) for name in names],
        periods=_periods(longest_days, timezone.now()),
        about=about,
        is_change=held is not None,
    )


def _kind(cluster: Cluster, is_held: bool) -> Kind:
    fields = [str(words) for words in FIELDS[cluster].values()]
    return Kind(cluster.value, str(cluster.label), str(KINDS[cluster.value].purpose), fields, is_held)


def _periods(longest_days: int, now: datetime) -> list[Choosable]:
    found = [Choosable(ONCE, _("Once: for 24 hours from now, then it ends by itself"))]
    for days in [*(days for days in PERIODS if days < longest_days), longest_days]:
        words = ngettext("For %(days)s day, until %(date)s", "For %(days)s days, until %(date)s", days) % {
            "days": days,
            "date": day_words(now + timedelta(days=days)),
        }
        found.append(Choosable(str(days), words))
    return found


def day_words(moment: datetime) -> str:
    """A day as people read it."""
    return date_format(timezone.localtime(moment), "DATE_FORMAT")


def _parts(
    bank: Partner,
    environment: str,
    version: AgreementVersion | None,
    held: Grant | None,
    has_several_chats: bool,
) -> list[Part]:
    name = {"bank": bank.name, "days": RECONFIRM_DAYS}
    return [
        Part("who", _("Who asks"), _who(bank, environment)),
        Part(
            "service",
            _("Through what"),
            [
                _("Parley, the service you are looking at, carries the messages to your chat.")
                + " "
                + _("It reads nothing from your bank: %(bank)s sends what you choose, and only that.") % name
            ],
        ),
        *([Part("now", _("What you have now"), _now(held))] if held else []),
        Part("kinds", _("Which messages"), [_("Choose those you want.")]),
        Part(
            "accounts",
            _("About which accounts"),
            [_("Choose them. Accounts you open later are not included.")],
        ),
        Part("period", _("How long"), [_("Choose once, or a period.")]),
        Part("chat", _("Between whom"), _where(has_several_chats)),
        Part("use", _("What it is used for"), _use(bank, version)),
        Part(
            "recipients",
            _("Who else sees it"),
            [_("Nobody. The messenger that you choose delivers it.")],
        ),
        Part("kept", _("How long it is kept"), _kept(version)),
        Part(
            "reconfirm",
            _("We ask again"),
            [
                _(
                    "Every %(days)s days we ask by one tap whether you still want this. Until you say yes nothing more"
                    " is sent."
                )
                % name,
                _("We tell you 30 and 7 days before it ends. It can then be renewed without a gap."),
            ],
        ),
        Part("stop", _("How to stop"), _stop(bank)),
        Part("complain", _("If something is wrong"), _complain(bank)),
    ]


def _where(has_several_chats: bool) -> list[str]:
    found = [_("The messages go from the bank to one chat of yours.")]
    if has_several_chats:
        found.append(
            _("If you wish, they go to another one while that cannot be reached. Each message arrives once.")
        )
    return found


def _who(bank: Partner, environment: str) -> list[str]:
    known = {"bank": bank.name, "domain": bank.domain}
    if environment == Environment.SANDBOX:
        return [
            _("%(bank)s, in its sandbox: a bank tries things here. No message reaches a real phone.") % known
        ]
    stated = Verification.objects.filter(partner=bank).first()
    if stated is None or not stated.legal_name:
        return [_("%(bank)s asks. Its domain is %(domain)s.") % known]
    known |= {"legal_name": stated.legal_name, "regulator": stated.regulator, "licence": stated.licence}
    return [
        _("%(bank)s asks. Its full name is %(legal_name)s, its domain %(domain)s.") % known,
        _("Parley has verified that this domain is the bank’s, and its licence: %(regulator)s, %(licence)s.")
        % known,
    ]


def _now(held: Grant) -> list[str]:
    first = _("You are connected until %(date)s. What you allow is ticked, what is new is marked.")
    return [first % {"date": day_words(held.expires_at)}, *what_stays(held)]


def what_stays(held: Grant) -> list[str]:
    """Of a live grant, whatever is decided."""
    sentences = [_("If you decline, everything stays as it is.")]
    if held.status == Grant.Status.PAUSED:
        sentences.append(_("You have paused it. It stays paused until you resume it."))
    return sentences


def _use(bank: Partner, version: AgreementVersion | None) -> list[str]:
    known = {"bank": bank.name, "agreement": version.agreement.number if version else ""}
    found = [
        _(
            "%(bank)s and Parley use your data only as reasonably necessary to send you the messages that you choose"
            " here. Never for advertising, and it is never sold."
        )
        % known
    ]
    if version:
        found.append(_("%(bank)s has signed that it keeps to this: agreement %(agreement)s.") % known)
    return found


def _kept(version: AgreementVersion | None) -> list[str]:
    days = version.retention_days if version else SANDBOX_RETENTION_DAYS
    found = [_("A message is kept for %(days)s days, then destroyed.") % {"days": days}]
    if version:
        found.append(_("It is kept in: %(places)s.") % {"places": country_names(version.countries)})
    return [*found, _("What you decided here is kept as proof for you, and so is what you were shown.")]


def _stop(bank: Partner) -> list[str]:
    known = {"bank": bank.name}
    return [
        _("At any time, at once and free, in either of two ways:"),
        _("On your page Connected banks: open %(bank)s and disconnect it.") % known,
        _("In the chat: write STOP."),
        _("Your accounts at %(bank)s stay as they are, whatever you decide.") % known,
    ]


def _complain(bank: Partner) -> list[str]:
    return [
        _("Complain to %(bank)s, or to Parley on your page Complaints, or to the bank’s regulator.")
        % {"bank": bank.name}
    ]
