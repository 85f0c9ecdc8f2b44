"""What a person decides, by keyboard alone on a phone, against the whole demo with nothing broken: its own web, workers,
clock and platform.
"""

import email
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.faults.kit import Bank, Demo, from_now, until
from tests.keyboard import PHONE, go, press, sign_in, write
from tests.pages.conftest import browser
from tests.partners.webhooks.conftest import Server, server

__all__ = ["browser", "server"]
pytestmark = [
    pytest.mark.faults,
    pytest.mark.browser,
]
ANA = "ana@people.example"
SITE = "https://www.norden.example"
CLOCK = r"\d\d:\d\d:\d\d"
DECIDED = "SELECT id, at FROM consents_consentrecord WHERE grant_id = %s ORDER BY at DESC LIMIT 1"


@pytest.fixture
def story(demo: Demo) -> dict[str, Bank]:
    """The banks of the demo's own story, each with Ana as its customer."""
    pages = {"norden": "1001", "harbour": "1002"}
    return {one["slug"]: bank_of_ana(demo, one, pages[one["slug"]]) for one in demo.facts["partners"]}


def bank_of_ana(demo: Demo, partner: dict[str, Any], page: str) -> Bank:
    client = next(one for one in partner["clients"] if one["environment"] == "live")
    customers = [
        {
            "ref": one["customer_ref"],
            "address": one["address"],
            "grant_id": one["grant_id"].removeprefix("grt_"),
        }
        for one in partner["customers"]
        if one["person_email"] == ANA
    ]
    keys = {name: client[name] for name in ("client_id", "client_secret")}
    return Bank.of(demo, {"page": page, "sender_id": "", "app_secret": "", **keys, "customers": customers})


@pytest.fixture
def open_tab(browser: Any) -> Iterator[Callable[[str], Any]]:
    """Opens an address on the phone. The bank's web site is made up: nobody finds it."""
    context = browser.new_context(viewport=PHONE, reduced_motion="reduce")
    errors: list[str] = []
    context.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    context.on("weberror", lambda error: errors.append(str(error.error)))

    def open_tab(url: str) -> Any:
        tab = context.new_page()
        tab.goto(url)
        return tab

    yield open_tab
    context.close()
    assert [error for error in errors if "Failed to load resource" not in error] == []


@pytest.fixture
def chat_of(open_tab: Callable[[str], Any]) -> Callable[[Bank, str], Callable[[str, str], None]]:
    """Ana's chat with a bank: writes, and waits for an answer that begins like this."""
    from playwright.sync_api import expect

    def open_chat(bank: Bank, name: str) -> Callable[[str, str], None]:
        tab = open_tab(f"{bank.demo.sandbox}/?phone={bank.page}:{bank.customers[0].address}")

        def says(text: str, answer: str) -> None:
            tab.bring_to_front()
            write(tab, tab.get_by_label(f"Write to {name}"), text)
            tab.keyboard.press("Enter")
            expect(tab.get_by_text(answer).last).to_be_visible(timeout=20_000)

        return says

    return open_chat


def account_of(demo: Demo, bank: Bank) -> dict[str, str]:
    found = [customer for one in demo.facts["partners"] for customer in one["customers"]]
    return next(one["accounts"][0] for one in found if one["customer_ref"] == bank.customers[0].ref)


def me(demo: Demo, open_tab: Callable[[str], Any], path: str = "/me/") -> Any:
    """A page of Ana's, signed in."""
    tab = open_tab(f"{demo.web}{path}")
    password = next(one["password"] for one in demo.facts["people"] if one["email"] == ANA)
    sign_in(tab, ANA, password)
    return tab


def mails(demo: Demo) -> list[Message]:
    """All that reached a mailbox."""
    written = [path.read_bytes() for path in (demo.home / "mail").glob("*.log")]
    parts = [part for one in written for part in one.split(b"\n" + b"-" * 79 + b"\n")]
    return [email.message_from_bytes(part) for part in parts if part.strip()]


def body_of(mail: Message) -> str:
    first = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
    return first.get_payload(decode=True).decode()


def test_what_is_allowed_is_receipted_within_a_minute_by_mail_and_in_the_chat(
    demo: Demo, story: dict[str, Bank], open_tab: Callable[[str], Any], chat_of: Any
) -> None:
    """By the times that were kept, however long the looking took."""
    norden = story["norden"]
    [ana] = norden.customers
    chat_of(norden, "Norden Bank")("help", "Norden Bank may send you messages, until")
    body = {"customer_ref": ana.ref, "clusters": ["BALANCES"], "accounts": [account_of(demo, norden)]}
    body |= {"duration_days": 30, "redirect_uri": f"{SITE}/back", "state": "s"}
    asked = norden.post("/grant-requests", body)
    assert asked.status == 201, asked.body
    page = me(demo, open_tab, f"/authorize/{asked.body['id']}")
    press(page, page.get_by_role("radio", name="Once"), "Space")
    with page.expect_request(f"{SITE}/**") as back:
        press(page, page.get_by_role("button", name="Allow", exact=True))
    assert back.value.url.endswith("&status=ACTIVE")
    [(record, decided)] = demo.rows(DECIDED, ana.grant_id)
    receipt = f"/receipts/rec_{record.hex}"

    def mailed() -> list[Message]:
        return [one for one in mails(demo) if receipt in body_of(one)]

    def told() -> list[dict[str, Any]]:
        return [one for one in norden.phone(ana) if receipt in one["text"]]

    [mail] = until(mailed, seconds=60, what="the mail")
    [message] = until(told, seconds=60, what="the receipt in the chat")
    assert (mail["To"], mail["Subject"]) == (ANA, "Your receipt: what Norden Bank may send you")
    whole_second = decided.replace(microsecond=0)  # as mails have it
    mailed_at = parsedate_to_datetime(mail["Date"]).replace(tzinfo=UTC)  # which it calls -0000
    for at in (mailed_at, datetime.fromisoformat(message["at"])):
        assert whole_second <= at <= decided + timedelta(seconds=60)


def test_one_word_in_the_chat_stops_a_bank_and_the_page_says_when_it_confirmed(
    demo: Demo, story: dict[str, Bank], open_tab: Callable[[str], Any], chat_of: Any, server: Server
) -> None:
    from playwright.sync_api import expect

    norden, harbour = story["norden"], story["harbour"]
    [ana] = norden.customers
    hook = norden.post("/webhook-endpoints", {"url": server.url()}).body["id"]
    until(lambda: norden.get(f"/webhook-endpoints/{hook}")["verified_at"], seconds=30, what="the challenge")
    due = datetime.now(UTC) + timedelta(seconds=3)
    data = {"account": account_of(demo, norden)["ref"], "as_of": "2026-11-23T09:30:00Z"}
    data |= {"available": {"value": "77.01", "currency": "USD"}}
    queued = norden.send(ana, send_at=from_now(3), data=data)
    assert queued.body["status"] == "SCHEDULED"

    says = chat_of(norden, "Norden Bank")
    says("Help", "Norden Bank may send you messages, until")
    says("stop", "Stopped. Norden Bank can send you nothing more")
    says("START", "Norden Bank may not send you anything. To get messages, start from the page of your bank.")
    chat_of(harbour, "Harbour Credit Union")("Parar", "Stopped. Harbour Credit Union can send you nothing")

    page = me(demo, open_tab)
    expect(page.get_by_role("heading", name="No bank is connected")).to_be_visible()
    nowhere = f"Stopped here {CLOCK} · Harbour Credit Union has no address to be told at"
    expect(page.get_by_text(re.compile(nowhere))).to_be_visible()
    confirmed = re.compile(f"Stopped here {CLOCK} · Norden Bank confirmed {CLOCK}")

    def says_so() -> bool:
        page.reload()
        return page.get_by_text(confirmed).is_visible()

    until(says_so, seconds=30, what="the bank's word")
    [told] = [call.json["data"] for call in server.at() if call.json["type"] == "grant.revoked"]
    assert (told["customer_ref"], told["status"]) == (ana.ref, "REVOKED")
    go(page, page.get_by_role("link", name="Norden Bank", exact=True))
    expect(page.get_by_text("1 message that waited was withdrawn.")).to_be_visible()
    until(lambda: datetime.now(UTC) > due, seconds=5, what="the time it was meant for")
    assert norden.get(f"/notifications/{queued.body['id']}")["status"] == "WITHDRAWN"
    assert not [one for one in norden.phone(ana) if "77.01" in one["text"]]
