"""In a real browser: a bank opens its workspace, a colleague joins, staff invite another bank."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from pytest_django.live_server_helper import LiveServer

from portal.accounts.actions import create_user_with_totp
from portal.mail.outbox import send_due_mail
from tests.conftest import CHROMIUM, PASSWORD
from tests.looks import follow, looks_right

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
def open_tab(chromium: Any, committed_db: str) -> Iterator[Callable[[], Any]]:
    """Opens a browser of its own; a page that logs an error fails the test."""
    site, contexts, errors = LiveServer("localhost"), [], []

    def open_tab() -> Any:
        contexts.append(chromium.new_context(base_url=site.url, reduced_motion="reduce"))
        page = contexts[-1].new_page()
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_tab
    for context in contexts:
        context.close()
    site.stop()
    assert [error for error in errors if "Failed to load resource" not in error] == []


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def letter(to: str) -> Any:
    """The newest e-mail that reached an address."""
    send_due_mail()
    return [one for one in mail.outbox if one.to == [to]][-1]


def link(to: str) -> str:
    found = re.search(r"https?://[^/\s]+(/(?:invitations|register)/\S+)", letter(to).body)
    assert found
    return found[1]


def button(tab: Any, name: str) -> Any:
    return tab.get_by_role("main").get_by_role("button", name=name)


def make_account(tab: Any, email: str) -> None:
    """On the sign-up page, to the end of the code."""
    tab.get_by_label("E-mail").fill(email)
    tab.get_by_label("Password", exact=True).fill(PASSWORD)
    tab.get_by_label("The same password again").fill(PASSWORD)
    button(tab, "Sign up").click()
    tab.get_by_label("Code").wait_for()
    found = re.search(r"Your code is (\S+)", letter(email).body)
    assert found
    tab.get_by_label("Code").fill(found[1])
    tab.get_by_label("Code").press("Enter")


def set_up_second_step(tab: Any) -> None:
    """On the page that every bank's page leads to without one."""
    tab.goto("/accounts/2fa/totp/activate/")
    tab.get_by_label("Password").fill(PASSWORD)
    button(tab, "Continue").click()
    tab.get_by_label("Code").fill(code_of(tab.get_by_label("Key").input_value()))
    button(tab, "Turn on").click()
    tab.wait_for_url("**/recovery-codes/**")


def test_a_bank_registers_and_a_colleague_joins(open_tab: Callable[[], Any]) -> None:
    from playwright.sync_api import expect

    owner = open_tab()
    owner.goto("/")
    follow(owner, owner.get_by_role("link", name="Register your bank"))
    looks_right(owner)
    owner.get_by_role("main").get_by_role("link", name="Make an account").click()
    make_account(owner, "uma@firstunion.example")
    expect(owner.get_by_role("heading", name="Name your bank")).to_be_visible()
    owner.get_by_label("Your bank’s name").fill("First Union")
    owner.get_by_label("Name in addresses").fill("First Union")
    owner.get_by_label("Your name", exact=True).fill("Uma Owner")
    button(owner, "Create workspace").click()
    expect(owner.get_by_role("alert")).to_be_focused()
    expect(owner.get_by_label("Your bank’s name")).to_have_value("First Union")
    looks_right(owner)
    owner.get_by_label("Name in addresses").fill("first-union")
    button(owner, "Create workspace").click()
    expect(owner.get_by_role("heading", name="Copy the secret now: it is shown only once")).to_be_visible()
    looks_right(owner)
    owner.get_by_role("link", name="I have copied it").click()
    expect(owner.get_by_text("Set up a second step to sign in")).to_be_visible()
    set_up_second_step(owner)

    owner.goto("/partners/first-union/")
    expect(owner.get_by_role("heading", name="Due now")).to_be_visible()
    looks_right(owner)
    owner.get_by_role("link", name="Invite a colleague").click()
    owner.get_by_label("E-mail").fill("dee@firstunion.example")
    owner.get_by_label("Role").select_option("developer")
    looks_right(owner)
    button(owner, "Send invitation").click()
    expect(owner.get_by_text("An invitation is on its way to dee@firstunion.example.")).to_be_visible()
    looks_right(owner)

    colleague = open_tab()
    colleague.goto(link("dee@firstunion.example"))
    looks_right(colleague)
    colleague.get_by_role("link", name="Make an account").click()
    expect(colleague.get_by_label("E-mail")).to_have_value("dee@firstunion.example")
    make_account(colleague, "dee@firstunion.example")
    colleague.get_by_label("Your name", exact=True).fill("Dee Veloper")
    looks_right(colleague)
    button(colleague, "Join the team").click()
    set_up_second_step(colleague)
    colleague.goto("/partners/first-union/team")
    expect(colleague.get_by_role("row", name="Dee Veloper (you)")).to_contain_text("Developer")
    colleague.goto("/partners")
    looks_right(colleague)

    owner.reload()
    follow(owner, owner.get_by_role("link", name="Dee Veloper"))
    looks_right(owner)
    follow(owner, owner.get_by_role("link", name="Remove from the team"))
    looks_right(owner)
    button(owner, "Remove from the team").click()
    expect(owner.get_by_text("Dee Veloper is not in the team any more.")).to_be_visible()
    colleague.goto("/partners/first-union/team")
    expect(colleague.get_by_role("heading", name="There is no such page")).to_be_visible()


def test_staff_invite_a_bank_which_declines(open_tab: Callable[[], Any]) -> None:
    from playwright.sync_api import expect

    _, secret = create_user_with_totp(
        email="rosa@parley.example", password=PASSWORD, name="Rosa", staff_role="reviewer"
    )
    staff = open_tab()
    staff.goto("/accounts/login/?next=/staff/invitations")
    staff.get_by_label("E-mail").fill("rosa@parley.example")
    staff.get_by_label("Password").fill(PASSWORD)
    staff.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    staff.locator("input[name='code']").fill(code_of(secret))
    staff.keyboard.press("Enter")
    expect(staff.get_by_role("heading", name="No bank was invited yet")).to_be_visible()
    looks_right(staff)
    follow(staff, staff.get_by_role("link", name="Invite a bank").first)
    looks_right(staff)
    staff.get_by_label("The bank’s name").fill("Second Trust")
    staff.get_by_label("E-mail").fill("tom@second.example")
    staff.get_by_label("Your words to them (optional)").fill("We met in May.")
    follow(staff, button(staff, "Send invitation"))
    looks_right(staff)

    bank = open_tab()
    bank.goto(link("tom@second.example"))
    looks_right(bank)
    follow(bank, bank.get_by_role("link", name="Decline"))
    looks_right(bank)
    bank.get_by_label("Reason").fill("Privacy first.")
    button(bank, "Decline").click()
    expect(bank.get_by_role("heading", name="You have declined")).to_be_visible()
    looks_right(bank)
    staff.reload()
    expect(staff.get_by_role("row", name="Second Trust")).to_contain_text("Privacy first.")
    looks_right(staff)
