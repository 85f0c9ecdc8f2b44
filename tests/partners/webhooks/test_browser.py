"""The webhook pages in a real browser: a developer's first hour, and how every page looks."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings as django_settings
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from partners.webhooks import EventType
from partners.webhooks.engine import deliver_due
from portal.ids import public_id
from tests import looks
from tests.conftest import CHROMIUM

from .conftest import answer, deliveries

pytestmark = pytest.mark.browser
LIST = "/partners/norden/webhooks"


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
def tab(browser: Any, bank: Any) -> Iterator[Any]:
    """The owner, signed in; a page that logs an error fails the test."""
    site = LiveServer("localhost")
    TOTP.activate(bank.user, generate_totp_secret())
    http = Client()
    http.force_login(bank.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    name = django_settings.SESSION_COOKIE_NAME
    context = browser.new_context(base_url=site.url, reduced_motion="reduce")
    context.add_cookies([{"name": name, "value": http.cookies[name].value, "url": site.url}])
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    site.stop()
    assert [error for error in errors if "Failed to load resource" not in error] == []


@pytest.fixture
def looks_right(tab: Any) -> Callable[[], None]:
    """Checks the page that is open."""
    return partial(looks.looks_right, tab)


def test_events_show_in_the_inbox_by_themselves(bank: Any, tab: Any, looks_right: Callable[[], None]) -> None:
    from playwright.sync_api import expect

    tab.goto(LIST)
    tab.get_by_role("button", name="Open test inbox").click()
    expect(tab.get_by_text("Nothing has arrived yet")).to_be_visible()
    grant = uuid4()
    bank.tell(EventType.GRANT_ACTIVATED, grant_id=grant, customer_ref="CUST-7")
    expect(tab.get_by_text('"customer_ref": "CUST-7"')).to_be_visible()
    expect(tab.get_by_text("Nothing has arrived yet")).to_be_hidden()
    bank.tell(EventType.GRANT_PAUSED, grant_id=grant)
    expect(tab.get_by_role("article")).to_have_count(2)
    expect(tab.get_by_role("article").first).to_contain_text("grant.paused")
    looks_right()
    tab.get_by_role("link", name="Pause", exact=True).click()
    bank.tell(EventType.GRANT_REVOKED, grant_id=grant)
    expect(tab.get_by_role("article")).to_have_count(2)
    tab.get_by_role("link", name="Go on").click()
    expect(tab.get_by_role("article")).to_have_count(3)
    tab.get_by_role("article").first.get_by_role("link").click()
    expect(tab.get_by_text("webhook-signature: v1,")).to_be_visible()
    looks_right()


def test_a_developers_first_endpoint(
    bank: Any, server: Any, tab: Any, looks_right: Callable[[], None]
) -> None:
    from playwright.sync_api import expect

    tab.goto(f"{LIST}/add")
    tab.get_by_role("main").get_by_role("button", name="Add endpoint").click()
    expect(tab.get_by_role("alert")).to_contain_text("Fill in “Address”.")
    expect(tab.get_by_role("alert")).to_be_focused()
    looks_right()
    tab.get_by_label("Address").fill(server.url())
    tab.get_by_label("Environment").select_option("sandbox")
    tab.get_by_label("Description (optional)").fill("Test server")
    tab.get_by_text("Grant", exact=True).click()
    tab.get_by_label("grant.revoked").check()
    tab.get_by_role("main").get_by_role("button", name="Add endpoint").click()
    expect(tab.get_by_role("heading", name="Copy it now: it is shown only once")).to_be_visible()
    looks_right()
    tab.get_by_role("link", name="I have copied it").click()
    expect(tab.get_by_text("The challenge has not been answered, so events wait.")).to_be_visible()
    looks_right()
    deliver_due()
    expect(tab.get_by_text("It answered its challenge on")).to_be_visible()
    server.behaviours["/hook"] = answer(500, b"out of order")
    tab.get_by_role("button", name="Send test").click()
    deliver_due()
    tab.reload()
    looks_right()
    tab.get_by_role("link", name="notification.delivered").click()
    tab.get_by_text("Request and answer").click()
    expect(tab.get_by_text("out of order")).to_be_visible()
    looks_right()


def test_the_pages_of_an_endpoint_that_is_gone(
    bank: Any, server: Any, tab: Any, looks_right: Callable[[], None]
) -> None:
    endpoint = bank.listen(server.url())
    server.behaviours["/hook"] = answer(410)
    bank.tell(grant_id=uuid4())
    deliver_due()
    path = f"{LIST}/{public_id('whk', endpoint.id)}"
    [row] = deliveries(endpoint)
    log = f"/deliveries/{public_id('dlv', row.id)}"
    for more in ("", log):
        tab.goto(path + more)
        looks_right()
