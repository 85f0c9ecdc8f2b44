"""From the bank's question to its answer in a real browser: by keyboard alone on a phone, and every end of it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from consents.models import GrantRequest
from partners.actions.partners import change_partner_status
from portal.ids import parse_public_id
from portal.tenancy.context import scope
from tests.keyboard import PHONE, go, press, reach, sign_in
from tests.looks import looks_right, tells
from tests.notifications.conftest import Api
from tests.partners.amending import agree_on

from .asking import BODY, SYSTEM, Asked, grants_of, newcomer
from .test_link_browser import browser, pytestmark

__all__ = ["browser", "pytestmark"]
BANK = "https://www.norden.example"


@pytest.fixture
def window(browser: Any) -> Iterator[Any]:
    """A small one; the test fails when a page of ours logs an error. The bank's web site is made up: nobody finds it."""
    context = browser.new_context(viewport=PHONE, reduced_motion="reduce")
    errors: list[str] = []
    context.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context
    context.close()
    assert [error for error in errors if "Failed to load resource" not in error] == []


@pytest.fixture
def ask(portal: SimpleNamespace) -> Callable[[], str]:
    """The bank asks; where it sends the person."""
    api = Api(portal.bank.clients["live"])
    return lambda: f"{portal.url}/authorize/{api.post('/grant-requests', BODY).json()['id']}"


def arrival(page: Any, press: Callable[[], None]) -> str:
    """Where the browser asks to be taken at the bank: only where our own policy lets a form lead."""
    with page.expect_request(f"{BANK}/**") as found:
        press()
    return found.value.url


def test_ask_sign_in_link_choose_allow_and_back_by_keyboard(window: Any, portal: Any, ask: Any) -> None:
    from playwright.sync_api import expect

    zoe = newcomer(portal, address=None)
    page = window.new_page()
    page.goto(asked := ask())
    expect(page.get_by_text("Norden Bank (norden.example, verified by Parley) asks")).to_be_visible()
    looks_right(page)
    sign_in(page, "zoe@people.example")
    expect(page.get_by_role("heading", name="Norden Bank asks to write to you")).to_be_visible()
    go(page, page.get_by_role("link", name="Link your Messenger chat with Norden Bank"))
    with window.expect_page() as opened:
        press(page, page.get_by_role("link", name="Open Messenger"))
    press(opened.value, opened.value.get_by_role("button", name="Start chat"))
    expect(page.get_by_role("heading", name="Norden Bank asks to write to you")).to_be_visible(timeout=10_000)
    expect(page.get_by_text("Messenger, with Norden Bank")).to_be_visible()
    page.bring_to_front()
    what = page.get_by_role("group", name="Which messages").locator("summary").first
    press(page, what)
    expect(
        page.get_by_text("It holds: which account, by its last digits; the money you can spend;")
    ).to_be_visible()
    press(page, page.get_by_role("checkbox", name="Balances"), "Space")
    press(page, page.get_by_role("checkbox", name="Current account •• 4821"), "Space")
    press(page, page.get_by_role("radio", name="Once"), "Space")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="For 30 days")).to_be_checked()
    url = arrival(page, lambda: press(page, page.get_by_role("button", name="Allow", exact=True)))
    assert "/back?from=parley&state=s+1%2F%C3%A4&grant_request=req_" in url
    assert url.endswith("&status=ACTIVE")
    (grant,) = grants_of(zoe.person_id)
    assert (grant.status, grant.clusters) == ("ACTIVE", ["BALANCES"])
    page = window.new_page()
    page.goto(asked)
    expect(page.get_by_role("heading", name="Norden Bank may write to you")).to_be_visible()
    looks_right(page)


def test_no_is_as_easy_as_yes_and_each_end_has_its_page(window: Any, portal: Any, ask: Any) -> None:
    from playwright.sync_api import expect

    newcomer(portal)
    page, url = window.new_page(), ask()
    page.goto(url)
    sign_in(page, "zoe@people.example")
    allow, decline = (page.get_by_role("button", name=name, exact=True) for name in ("Allow", "Decline"))
    one, other = allow.bounding_box(), decline.bounding_box()
    assert (one["width"], one["height"], one["y"]) == (other["width"], other["height"], other["y"])
    style = "one => { const s = getComputedStyle(one); return [s.backgroundColor, s.color, s.fontSize, s.fontWeight] }"
    assert allow.evaluate(style) == decline.evaluate(style)
    go(page, allow)
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    looks_right(page)
    press(page, page.get_by_role("link", name="Choose how long: once, or a period."))
    expect(page.get_by_role("group", name="How long", exact=True)).to_be_focused()
    reach(page, page.get_by_role("radio", name="Once"))
    assert arrival(page, lambda: press(page, decline)).endswith("&status=REJECTED")
    page = window.new_page()
    page.goto(url)
    expect(page.get_by_role("heading", name="You declined")).to_be_visible()
    looks_right(page)
    old = ask()
    page.goto(old)
    with scope(SYSTEM), transaction.atomic():
        row = GrantRequest.objects.filter(pk=parse_public_id("req", old.rpartition("/")[2]))
        row.update(expires_at=timezone.now() - timedelta(seconds=1))
    go(page, page.get_by_role("button", name="Decline"))
    expect(page.get_by_role("heading", name="This question is too old")).to_be_visible()
    looks_right(page)
    back = page.get_by_role("link", name="Back to Norden Bank")
    assert arrival(page, lambda: press(page, back)).endswith("&status=EXPIRED")


def test_whatever_goes_wrong_is_said_with_one_step_to_take(window: Any, portal: Any, settings: Any) -> None:
    from playwright.sync_api import expect

    api, page = Api(portal.bank.clients["live"]), window.new_page()
    zoe, yan = newcomer(portal), newcomer(portal, "yan", address=None)
    back, question, answers = "Back to Norden Bank", "Norden Bank asks to write to you", ("Allow", "Decline")

    def arrive(**changed: Any) -> Asked:
        asked = Asked(api, zoe.person, **changed)
        page.goto(portal.url + asked.path)
        return asked

    def allow() -> None:
        for name in ("Balances", "Current account •• 4821", "Once"):
            press(page, page.get_by_label(name), "Space")
        go(page, page.get_by_role("button", name="Allow", exact=True))

    page.goto(f"{portal.url}/authorize/req_{'0' * 32}")
    sign_in(page, "zoe@people.example")
    tells(page, "Nothing to decide here", "Connected banks", words="There is no such question")
    asked = Asked(api, yan.person)
    asked.open()
    page.goto(portal.url + asked.path)
    tells(page, "This question is for somebody else", back, words="Somebody else opened it first")
    arrive(customer_ref="CUST-1")
    tells(
        page,
        "This does not fit your connection",
        back,
        words="is connected by somebody else’s Parley account",
    )
    asked = arrive()
    page.get_by_label("Once").evaluate("one => { one.value = 'for ever' }")
    allow()
    tells(page, "That did not work", "Read it again", words="not what the page had offered")
    go(page, page.get_by_role("link", name="Read it again"))
    window.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    allow()
    expect(page.get_by_text("Norden Bank (norden.example, verified by Parley) asks")).to_be_visible()
    sign_in(page, "zoe@people.example")
    tells(page, question, *answers)
    assert asked.answer("decline").status_code == 302  # in another window
    allow()
    tells(page, "You declined", back, words="You have answered this already. Nothing was changed.")
    arrive()
    agree_on(portal, longest_grant_days=60)
    allow()
    tells(page, question, *answers, words="Nothing was allowed: read it again.")
    expect(page.get_by_role("main").locator(":checked")).to_have_count(0)
    change_partner_status(partner_id=portal.bank.partner.id, to="SUSPENDED", actor=portal.staff.reviewer)
    allow()
    tells(page, "Norden Bank cannot ask you now", back, words="That is not for you to solve")
    assert grants_of(zoe.person_id) == []
