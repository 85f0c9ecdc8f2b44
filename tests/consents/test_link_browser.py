"""The ways in, by keyboard alone on a phone: the portal's pages and the sandbox's chat, with the policies they set."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.db import transaction
from django.utils import timezone

from consents.actions.link import link_account
from consents.models import Grant
from notifications.tasks import deliver_due, sweep_time
from partners.actions.partners import change_partner_status
from portal.demo.world import make_person
from portal.ids import parse_public_id, public_id
from portal.tenancy.context import scope
from tests.bank_site import ACCOUNTS, SYSTEM, BankSite, set_up
from tests.conftest import CHROMIUM, PASSWORD
from tests.keyboard import PHONE, go, press, sign_in, write
from tests.looks import looks_right, tells
from tests.notifications.conftest import BALANCE, Api
from tests.partners.webhooks.conftest import Server, server

from .conftest import Phone
from .test_link_from_chat import press as press_log_in
from .test_stops import listen, tell_bank

__all__ = ["server"]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, where Django would refuse the database
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        arguments = ["--no-sandbox", "--disable-gpu"]
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield running
        running.close()


@pytest.fixture
def window(browser: Any) -> Iterator[Any]:
    """A small one; the test fails when a page of it logs an error."""
    context = browser.new_context(viewport=PHONE, reduced_motion="reduce")
    errors: list[str] = []
    context.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context
    context.close()
    assert [error for error in errors if "Failed to load resource" not in error] == []  # a page may be a 502


def opened_by(window: Any, tab: Any, link: Any) -> Any:
    """The page that a link opens beside this one."""
    with window.expect_page() as opened:
        press(tab, link)
    return opened.value


def test_from_the_chat_by_messengers_button(window: Any, portal: Any, phone: Phone) -> None:
    from playwright.sync_api import expect

    chat = window.new_page()
    chat.goto(f"{portal.sandbox_url}/?phone={phone.page}:{phone.address}")
    write(chat, chat.get_by_label("Write to Norden Bank"), "Hello?")
    chat.keyboard.press("Enter")
    page = opened_by(window, chat, chat.get_by_role("link", name="Log in"))
    expect(page.get_by_text("Sign in, or sign up, to link your chat with Norden Bank.")).to_be_visible()
    sign_in(page, "ana@people.example")
    expect(page.get_by_role("heading", name="Link these two?")).to_be_visible()
    expect(page.get_by_text("Linking is not consent.")).to_be_visible()
    expect(page.locator("main").get_by_text("ana@people.example")).to_be_visible()
    looks_right(page)
    link, not_now = (page.get_by_role("button", name=name, exact=True) for name in ("Link", "Not now"))
    assert link.bounding_box()["height"] == not_now.bounding_box()["height"] >= 44
    go(page, link)
    expect(page.get_by_role("heading", name="Your account is linked")).to_be_visible()
    expect(chat.get_by_text("This chat is now linked.")).to_be_visible()
    expect(chat.get_by_text("● Linked")).to_be_visible()
    chat.bring_to_front()
    done = opened_by(window, chat, chat.get_by_role("link", name="What you can do now"))
    expect(done.get_by_role("heading", name="Your chat is linked")).to_be_visible()
    looks_right(done)


def test_from_ones_own_pages_by_an_m_me_link(window: Any, portal: Any) -> None:
    from playwright.sync_api import expect

    page = window.new_page()
    page.goto(f"{portal.url}{portal.start}?again=1")
    sign_in(page, "ana@people.example")
    expect(page.get_by_role("heading", name="Link your Messenger chat")).to_be_visible()
    chat = opened_by(window, page, page.get_by_role("link", name="Open Messenger"))
    press(chat, chat.get_by_role("button", name="Start chat"))
    expect(page.get_by_role("heading", name="Your chat is linked")).to_be_visible(timeout=10_000)
    expect(chat.get_by_text("This chat is now linked.")).to_be_visible()
    page.bring_to_front()
    page.goto(f"{portal.url}{portal.start}?again=1")
    go(page, page.get_by_role("link", name="Not now"))
    expect(page.get_by_role("heading", name="Nothing was linked")).to_be_visible()
    looks_right(page)


def test_from_the_directory_by_the_banks_own_site_until_it_ends_by_itself(
    window: Any, portal: Any, phone: Phone, sandbox: httpx.Client, settings: Any, server: Server
) -> None:
    from playwright.sync_api import expect

    settings.OUTBOUND_ALLOW_LOOPBACK = True
    bank = BankSite(sandbox, "norden")
    bank.reset()
    set_up(portal.bank, bank, told=([], "127.0.0.1"))
    listen(portal, server.url())
    tell_bank()
    make_person("dora@people.example", "Dora", PASSWORD)
    page = window.new_page()
    page.goto(f"{portal.url}/me/banks")
    sign_in(page, "dora@people.example")
    write(page, page.get_by_label("Name of the bank"), "nord")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    go(page, page.get_by_role("link", name="Norden Bank"))
    expect(page.locator("main").get_by_text("dora@people.example")).to_be_visible()
    go(page, page.get_by_role("link", name="Go to 127.0.0.1"))
    looks_right(page)
    go(page, page.get_by_role("button", name="Cancel"))
    expect(page.get_by_role("heading", name="Nothing was connected")).to_be_visible()
    looks_right(page)
    go(page, page.get_by_role("link", name="Begin again"))
    go(page, page.get_by_role("link", name="Go to 127.0.0.1"))
    go(page, page.get_by_role("button", name="Customer CUST-9"))
    expect(page.get_by_role("heading", name="Norden Bank asks to write to you")).to_be_visible()
    expect(page.get_by_label("Current account •• 9001")).not_to_be_checked()
    go(page, page.get_by_role("link", name="Link your Messenger chat with Norden Bank"))
    chat = page.get_by_role("link", name="Open Messenger").get_attribute("href")
    phone.opens(parse_qs(urlsplit(chat).query)["ref"][0])
    expect(page.get_by_text("Messenger, with Norden Bank")).to_be_visible(timeout=10_000)
    for box in ("Balances", "Current account •• 9001", "Once"):
        press(page, page.get_by_label(box), "Space")
    go(page, page.get_by_role("button", name="Allow"))
    go(page, page.get_by_role("link", name="See this connection"))
    expect(page.get_by_role("heading", name="Norden Bank", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Norden Bank may write to you")).to_be_visible()
    ends_by_itself(page, portal, phone, server)


def ends_by_itself(page: Any, portal: Any, phone: Phone, bank: Server) -> None:
    """Once is a day: after it nothing more is sent, the bank is told, and the page leads to the beginning."""
    api, data = Api(portal.bank.clients["live"]), BALANCE | {"account": ACCOUNTS[0]["ref"]}
    waiting = api.send(customer_ref="CUST-9", data=data).json()["id"]
    [granted] = api.get("/grants?customer_ref=CUST-9").json()["data"]
    assert datetime.fromisoformat(granted["expires_at"]) - timezone.now() < timedelta(days=1)
    with scope(SYSTEM), transaction.atomic():
        mine = Grant.objects.filter(pk=parse_public_id("grt", granted["id"]))
        assert mine.update(expires_at=timezone.now()) == 1
    deliver_due("standard")
    sweep_time()
    tell_bank()
    assert "1,234.50" not in str(phone.messages())
    assert api.get(f"/notifications/{waiting}").json()["status"] == "WITHDRAWN"
    assert api.send(customer_ref="CUST-9", data=data).json()["code"] == "no_active_grant"
    told = [call.json["data"] for call in bank.at() if call.json["type"].startswith("grant.")]
    assert [(one["grant_id"], one["status"]) for one in told] == [
        (granted["id"], "ACTIVE"),
        (granted["id"], "EXPIRED"),
    ]
    page.goto(f"{portal.url}/me/")
    go(page, page.get_by_role("link", name="Norden Bank", exact=True))
    tells(page, "Norden Bank", "Connect again", words="Norden Bank can send you nothing more")
    go(page, page.get_by_role("link", name="Connect again"))
    tells(page, "Connect Norden Bank", "Go to 127.0.0.1")


def test_whatever_goes_wrong_on_the_way_is_said_with_one_step_to_take(
    window: Any, portal: Any, phone: Phone, sandbox: httpx.Client, settings: Any
) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK, usual = True, settings.OUTBOUND_PATIENCE
    bank = BankSite(sandbox, "norden")
    bank.reset()
    start = f"/me/banks/{public_id('csi', set_up(portal.bank, bank, told=([], '127.0.0.1')).id)}"
    make_person("dora@people.example", "Dora", PASSWORD)
    page = window.new_page()
    page.goto(portal.url + start)
    sign_in(page, "dora@people.example")

    def comes_back(customer: str = "Customer CUST-9") -> None:
        page.goto(portal.url + start)
        go(page, page.get_by_role("link", name="Go to 127.0.0.1"))
        go(page, page.get_by_role("button", name=customer))

    for fault, settings.OUTBOUND_PATIENCE in (("down", usual), ("timeout", 0.3)):
        bank.fails(fault)
        go(page, page.get_by_role("link", name="Go to 127.0.0.1"))
        tells(page, "Your bank does not answer", "Begin again", words="Nothing was connected.")
        go(page, page.get_by_role("link", name="Begin again"))
    bank.fails("none")
    settings.OUTBOUND_PATIENCE = usual
    bank.put(claims={"nonce": "of another sign-in"})
    comes_back()
    tells(page, "Your bank’s answer cannot be used", "Begin again", words="does not fit together")
    answered = page.url
    page.goto(answered)
    tells(page, "This sign-in is over", "Begin again", words="is finished already")
    bank.put(claims={})
    comes_back("Customer CUST-1")
    tells(page, "This cannot be connected", "Connected banks", words="somebody else’s Parley account")
    offered = press_log_in(phone)
    link_account(sender=portal.sender, person_id=portal.ben.person_id, address=phone.address, actor=SYSTEM)
    page.goto(portal.url + offered)
    tells(page, "Linking did not work", "Start again", words="linked with somebody else’s Parley account")
    page.goto(f"{portal.url}{portal.start}/expired")
    tells(page, "This link has expired", "Start again")
    change_partner_status(partner_id=portal.bank.partner.id, to="SUSPENDED", actor=portal.staff.reviewer)
    page.goto(portal.url + start)
    tells(page, "Connect Norden Bank", "See all banks", words="cannot be connected from here at the moment")
