"""What the simulated platform knows: pages (senders), phones (one per page and person), messages.

Everything lives in memory and is bounded: the newest messages per phone and over all phones, and a largest
number of phones. Listeners (the live page, the store) hear of every change.
"""

import hmac
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from portal.sandbox.times import now_ms

DAY_MS = 24 * 60 * 60 * 1000
TO_PERSON = "to_person"
FROM_PERSON = "from_person"


@dataclass(slots=True)
class Template:
    """A UTILITY template. Its identity is (page, name, language); it is never edited."""

    id: str
    name: str
    language: str
    category: str
    parameter_format: str
    components: list[dict]
    status: str = "PENDING"
    rejected_reason: str = ""


@dataclass(slots=True)
class Page:
    """A bank's page. `subscribed` means its webhook address answered the challenge and still works."""

    id: str
    name: str = ""
    access_token: str = ""
    app_secret: str = ""
    app_id: str = ""
    verify_token: str = ""
    webhook_url: str = ""
    require_proof: bool = False
    rate_per_second: int = 300
    echoes: bool = True
    get_started_payload: str = "GET_STARTED"
    subscribed: bool = False
    subscription_detail: str = "No webhook address yet."
    templates: dict[tuple[str, str], Template] = field(default_factory=dict)

    def proof(self) -> str:
        """`appsecret_proof`: hex HMAC-SHA256 of the access token, keyed with the app secret."""
        return hmac.new(self.app_secret.encode(), self.access_token.encode(), "sha256").hexdigest()


@dataclass(slots=True, eq=False)
class SimulatedBank:
    """A bank's sign-in for its customers: what it signs with (a private JWK), who may ask, and whom it knows."""

    id: str
    key: dict
    name: str = ""
    client_id: str = ""
    client_secret: str = ""
    redirect_uris: list[str] = field(default_factory=list)
    customers: list[dict] = field(default_factory=list)
    claims: dict = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Message:
    """One bubble. `seq` is unique over all phones and grows; `at` is in ms and grows within a phone."""

    seq: int
    id: str
    at: int
    direction: str
    text: str
    buttons: list[dict]
    raw: dict
    quick_replies: list[dict] = field(default_factory=list)
    dropped: bool = False


@dataclass(slots=True, eq=False)
class Phone:
    """A person's conversation with one page, as that person's phone shows it.

    Watermarks are message times in ms: everything the page sent up to then is delivered, or read.
    `last_action_at` is the person's last action: it opens the 24-hour window. 0 means never.
    """

    channel: str
    sender: str
    address: str
    name: str
    last_action_at: int = 0
    active_at: int = 0
    blocked: bool = False
    auto_read: bool = True
    linked: bool = False
    delivered_to: int = 0
    read_to: int = 0
    messages: deque[Message] = field(default_factory=deque)

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.channel, self.sender, self.address)

    def window_open(self, *, days: int = 1) -> bool:
        return self.last_action_at > now_ms() - days * DAY_MS


class Listener(Protocol):
    def bank_changed(self, bank: SimulatedBank) -> None: ...
    def page_changed(self, page: Page) -> None: ...
    def phone_changed(self, phone: Phone) -> None: ...
    def phone_removed(self, phone: Phone) -> None: ...
    def message_added(self, phone: Phone, message: Message) -> None: ...
    def message_dropped(self, message: Message) -> None: ...


class World:
    """All pages and phones. Bounds: `per_phone` and `in_all` messages, `most_phones` phones."""

    def __init__(self, *, per_phone: int = 200, in_all: int = 20_000, most_phones: int = 100_000) -> None:
        self.per_phone = per_phone
        self.in_all = in_all
        self.most_phones = most_phones
        self.banks: dict[str, SimulatedBank] = {}
        self.pages: dict[str, Page] = {}
        self.phones: dict[tuple[str, str, str], Phone] = {}
        self.listeners: list[Listener] = []
        self.live_messages = 0
        self._by_token: dict[str, Page] = {}
        self._oldest_first: deque[tuple[Phone, Message]] = deque()
        self._next_seq = 1

    def put_bank(self, bank: SimulatedBank) -> None:
        """Add the bank, or take note that it changed."""
        self.banks[bank.id] = bank
        for listener in self.listeners:
            listener.bank_changed(bank)

    def put_page(self, page: Page) -> None:
        """Add the page, or take note that it changed."""
        self.pages[page.id] = page
        self._by_token = {p.access_token: p for p in self.pages.values() if p.access_token}
        self.page_changed(page)

    def page_changed(self, page: Page) -> None:
        for listener in self.listeners:
            listener.page_changed(page)

    def page_by_token(self, token: str) -> Page | None:
        return self._by_token.get(token)

    def put_phone(self, phone: Phone) -> None:
        self.phones[phone.key] = phone
        self.phone_changed(phone)

    def phone_changed(self, phone: Phone) -> None:
        """A phone that is gone (a receipt of its last message may still be under way) stays gone."""
        if self.phones.get(phone.key) is phone:
            for listener in self.listeners:
                listener.phone_changed(phone)

    def remove_phone(self, phone: Phone) -> None:
        """Forget it, with its messages."""
        del self.phones[phone.key]
        while phone.messages:
            self._drop(phone)
        for listener in self.listeners:
            listener.phone_removed(phone)

    def phone(self, sender: str, address: str, channel: str = "messenger") -> Phone | None:
        return self.phones.get((channel, sender, address))

    def is_full(self) -> bool:
        return len(self.phones) >= self.most_phones

    def person_acted(self, phone: Phone) -> None:
        """The person did something that opens the 24-hour window."""
        phone.last_action_at = now_ms()
        self.phone_changed(phone)

    def add_message(
        self,
        phone: Phone,
        *,
        direction: str,
        text: str,
        buttons: list[dict] | None = None,
        quick_replies: list[dict] | None = None,
        raw: dict | None = None,
    ) -> Message:
        """Show a new bubble on the phone, dropping the oldest when a bound is reached."""
        newest = phone.messages[-1].at if phone.messages else 0
        message = Message(
            seq=self._next_seq,
            id=new_mid(),
            at=max(now_ms(), newest + 1),
            direction=direction,
            text=text,
            buttons=buttons or [],
            raw=raw or {},
            quick_replies=quick_replies or [],
        )
        phone.active_at = now_ms()
        self.restore_message(phone, message)
        for listener in self.listeners:
            listener.message_added(phone, message)
        self.phone_changed(phone)
        return message

    def restore_message(self, phone: Phone, message: Message) -> None:
        """Append a message and keep to the bounds. Used for new messages and for those read from disk."""
        self._next_seq = max(self._next_seq, message.seq + 1)
        phone.messages.append(message)
        self._oldest_first.append((phone, message))
        self.live_messages += 1
        if len(phone.messages) > self.per_phone:
            self._drop(phone)
        while self.live_messages > self.in_all:
            owner, oldest = self._oldest_first.popleft()
            if not oldest.dropped:
                self._drop(owner)
        if len(self._oldest_first) > 2 * self.in_all:
            self._oldest_first = deque(pair for pair in self._oldest_first if not pair[1].dropped)

    def _drop(self, phone: Phone) -> None:
        message = phone.messages.popleft()
        message.dropped = True
        self.live_messages -= 1
        for listener in self.listeners:
            listener.message_dropped(message)

    def newest_phones(self, *, limit: int, search: str = "") -> list[Phone]:
        """The most recently active phones whose person, bank or address matches."""
        phones = list(self.phones.values())
        if search:
            wanted = search.casefold()
            phones = [p for p in phones if wanted in self._searchable(p)]
        return sorted(phones, key=lambda phone: phone.active_at, reverse=True)[:limit]

    def _searchable(self, phone: Phone) -> str:
        page = self.pages.get(phone.sender)
        return f"{phone.name} {phone.address} {phone.sender} {page.name if page else ''}".casefold()


def new_mid() -> str:
    """A message id that looks like Meta's."""
    return "m_" + secrets.token_urlsafe(36)


def new_psid() -> str:
    """A page-scoped id for a person: 17 digits, as Meta's mostly are."""
    return str(10**16 + secrets.randbelow(9 * 10**16))
