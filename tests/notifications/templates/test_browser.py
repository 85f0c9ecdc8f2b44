"""The template pages in a real browser: written with a live phone beside it, and how every page looks."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from pytest_django.live_server_helper import LiveServer

from notifications.actions.templates import draft_template, reject_template, submit_template
from notifications.models import TemplateVersion
from partners.access import member_principal
from portal.ids import public_id
from tests.conftest import CHROMIUM
from tests.looks import looks_right

from .conftest import BODY, LIST, browser, page_of, review_of

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, where Django would refuse the database
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture
def tab_of(chromium: Any, committed_world: Any) -> Iterator[Callable[..., Any]]:
    """A tab of somebody signed in, with or without scripts; a page that logs an error fails the test."""
    site, contexts, errors = LiveServer("localhost"), [], []

    def open_tab(user: Any, *, scripts: bool = True) -> Any:
        context = chromium.new_context(
            base_url=site.url, reduced_motion="reduce", java_script_enabled=scripts
        )
        contexts.append(context)
        name = django_settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": browser(user).cookies[name].value, "url": site.url}])
        page = context.new_page()
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_tab
    for context in contexts:
        context.close()
    site.stop()
    assert [error for error in errors if "Failed to load resource" not in error] == []


@pytest.fixture
def owner(committed_world: Any) -> Any:
    """Norden's owner."""
    return committed_world.bank.members[0].user


def test_the_phone_shows_what_is_typed_and_the_keyboard_is_enough(tab_of: Any, owner: Any) -> None:
    tab = tab_of(owner)
    tab.goto(f"{LIST}/add")
    tab.get_by_label("Name").press_sequentially("balance_morning")
    tab.keyboard.press("Tab")
    tab.keyboard.type("Balances")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")
    tab.keyboard.type(BODY)
    tab.get_by_text("Good morning. You have $1,234.50 on •• 4821 now.").wait_for()
    tab.keyboard.type(" Buy now, please.")
    tab.get_by_text("Wording may not advertise: “buy now”.").wait_for()
    for _ in " Buy now, please.":
        tab.keyboard.press("Backspace")
    tab.get_by_text("Not ready yet").wait_for(state="detached")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.get_by_role("button", name="Submit for review").press("Enter")
    tab.get_by_text("Submitted. We read it and write to you.").wait_for()


def test_it_works_without_scripts(tab_of: Any, owner: Any) -> None:
    tab = tab_of(owner, scripts=False)
    tab.goto(f"{LIST}/add?starter=parcel")
    tab.get_by_label("Wording").fill("Your parcel from {{ merchant }} is {{ status }}, thank you.")
    tab.get_by_role("button", name="Preview").click()
    tab.get_by_text("Your parcel from").first.wait_for()
    tab.get_by_label("Name").fill("parcel_thanks")
    tab.get_by_role("button", name="Save draft").click()
    tab.get_by_text("Saved as a draft.").wait_for()


def test_the_pages_look_right_in_every_state(tab_of: Any, owner: Any, committed_world: Any) -> None:
    drafted, waiting, rejected = _versions(owner, committed_world)
    tab = tab_of(owner)
    template = f"{LIST}/{public_id('tpl', drafted.template_id)}"
    for path in (
        f"{LIST}/add?starter=fraud_alert",
        f"{template}/new?locale=es",
        page_of(waiting),
        page_of(rejected),
    ):
        assert tab.goto(path).status == 200, path
        looks_right(tab)
    tab.goto(f"{LIST}/add")
    tab.get_by_role("button", name="Save draft").click()
    tab.get_by_text("There is a problem").wait_for()
    looks_right(tab)
    staff = tab_of(committed_world.staff.first.user)
    assert staff.goto(review_of(waiting)).status == 200
    staff.get_by_label("Reject, with a reason").check()
    staff.get_by_role("button", name="Send decision").click()
    staff.get_by_role("link", name="Say why, so that the bank can change it.").wait_for()
    looks_right(staff)
    staff.get_by_role("textbox", name="Reason").fill("Name the account first.")
    staff.get_by_role("button", name="Send decision").click()
    staff.get_by_text("Nothing waits").wait_for()
    looks_right(staff)


def _versions(owner: Any, world: Any) -> list[TemplateVersion]:
    """A draft, one that waits and one that was rejected, each beside an approved one."""
    with transaction.atomic():
        actor, _ = member_principal(owner, "norden")
    found = [
        draft_template(name="balance_update", cluster="BALANCES", locale=locale, body=BODY, actor=actor)
        for locale in ("en", "en", "de")
    ]
    for version in found[1:]:
        submit_template(version_id=version.id, actor=actor)
    reject_template(version_id=found[2].id, reason="It is not German.", actor=world.staff.reviewer)
    return found
