"""The pages of clients, senders, going live and leaving in a real browser: by keyboard, and as they look."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from tests.conftest import CHROMIUM

from .kit import signed_in

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, where Django would refuse the database
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture
def site(committed_world: SimpleNamespace) -> Iterator[SimpleNamespace]:
    server = LiveServer("localhost")
    yield SimpleNamespace(url=server.url, world=committed_world)
    server.stop()


@pytest.fixture
def tab_of(browser: Any, site: SimpleNamespace) -> Iterator[Callable[[Client], Any]]:
    """A tab in which that session is signed in; one that logs an error fails the test."""
    contexts: list[Any] = []
    errors: list[str] = []

    def tab_of(http: Client) -> Any:
        name = django_settings.SESSION_COOKIE_NAME
        context = browser.new_context(base_url=site.url, reduced_motion="reduce")
        context.add_cookies([{"name": name, "value": http.cookies[name].value, "url": site.url}])
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield tab_of
    for context in contexts:
        context.close()
    assert [error for error in errors if "Failed to load resource" not in error] == []


def test_a_client_is_created_and_the_bank_leaves_by_keyboard_alone(
    site: SimpleNamespace, tab_of: Any
) -> None:
    tab = tab_of(signed_in(site.world.bank.members[0].user))
    tab.goto("/partners/norden/clients/create/sandbox")
    tab.get_by_label("Name").focus()
    tab.keyboard.type("Till")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Space")  # the first scope
    tab.keyboard.press("Enter")
    tab.get_by_text("Copy it now: it is shown only once").wait_for()
    assert tab.locator("pre code").first.inner_text().startswith("sec_")
    assert tab.get_by_role("button", name="Copy").count() == 3
    tab.goto("/partners/norden/leave/now")
    tab.get_by_label("Type your bank’s name").focus()
    tab.keyboard.type("Norden")
    tab.keyboard.press("Enter")
    tab.get_by_role("heading", name="There is a problem").wait_for()
    tab.get_by_label("Type your bank’s name").fill("Norden Bank")
    tab.keyboard.press("Enter")
    tab.get_by_text("Your bank has left Parley. Nothing more is sent.").wait_for()
    tab.goto("/partners/norden/clients")
    tab.get_by_text("Norden Bank has left Parley").wait_for()
