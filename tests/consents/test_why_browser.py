"""From the button on the phone to the page that says why, in a real browser."""

from typing import Any

from tests.keyboard import sign_in
from tests.looks import follow, looks_right

from .conftest import Phone
from .test_link_browser import browser, pytestmark, window  # noqa: F401 (fixtures)
from .test_why import chat, gets  # noqa: F401 (a fixture)


def test_the_button_leads_through_the_sign_in_to_the_reasons(window: Any, portal: Any, chat: Phone) -> None:  # noqa: F811
    from playwright.sync_api import expect

    shown = gets(portal, chat)
    phone = window.new_page()
    phone.goto(f"{portal.sandbox_url}/?phone={chat.page}:{chat.address}")
    bubble = phone.locator("li", has_text=shown["text"])
    for is_signed_in in (False, True):
        with window.expect_page() as opened:
            bubble.get_by_role("link", name="Why this message?").click()
        page = opened.value
        if not is_signed_in:
            expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
            assert "Norden" not in page.locator("body").inner_text()
            sign_in(page, "ana@people.example")
        expect(page.get_by_role("heading", name="Why did I get this?")).to_be_visible()
        expect(page.get_by_text("Norden Bank wrote it, Messenger carried it")).to_be_visible()
    looks_right(page)
    follow(page, page.get_by_role("button", name="Pause all messages"))
    expect(page.get_by_text("Messages are paused.")).to_be_visible()
    page.go_back()
    follow(page, page.locator("main").get_by_role("link", name="Disconnect"))
    expect(page.get_by_role("heading", name="Disconnect Norden Bank?")).to_be_visible()
