"""In a real browser: an owner sets single sign-on up, links, requires it, and comes back in through the bank."""

from collections.abc import Callable
from typing import Any

from django.core import mail

from portal.demo.world import SignIn, make_staff
from portal.mail.outbox import send_due_mail
from tests.conftest import PASSWORD
from tests.looks import follow, looks_right
from tests.partners.team.test_browser import (  # noqa: F401 (fixtures)
    button,
    chromium,
    code_of,
    open_tab,
    pytestmark,
)

from .conftest import PAGE, Running
from .provider import CLIENT, SECRET


def at_the_bank(tab: Any, email: str) -> None:
    """The bank's own page."""
    tab.get_by_role("heading", name="Norden sign-in").wait_for()
    tab.get_by_label("Address").fill(email)
    tab.get_by_role("button", name="Sign in").click()


def to_set_up(tab: Any, boss: SignIn) -> None:
    """An owner signs in, and comes to the page that sets it up."""
    tab.get_by_label("E-mail").fill(boss.email)
    tab.get_by_label("Password").fill(PASSWORD)
    button(tab, "Sign in").first.click()
    tab.locator("input[name='code']").fill(code_of(boss.totp_secret))
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/partners/norden/")
    tab.get_by_role("link", name="Single sign-on").click()
    tab.get_by_role("link", name="Set it up").click()
    tab.get_by_label("Password").fill(PASSWORD)
    button(tab, "Continue").click()


def test_a_bank_signs_its_people_in(open_tab: Callable[[], Any], provider: Running, settings: Any) -> None:  # noqa: F811
    from playwright.sync_api import expect

    from portal.demo.world import make_bank

    secrets = {"access_token": "token", "app_secret": "app-secret", "verify_token": "verify"}
    staff = make_staff("parley.example", PASSWORD)
    bank = make_bank(
        name="Norden Bank", slug="norden", staff=staff, password=PASSWORD, page="1001", secrets=secrets
    )
    boss = bank.members[0]
    tab = open_tab()
    tab.goto("/accounts/login/")
    settings.BASE_URL = tab.evaluate("location.origin")
    to_set_up(tab, boss)
    button(tab, "Save").click()
    expect(tab.get_by_role("alert")).to_be_focused()
    looks_right(tab)
    tab.get_by_label("Issuer").fill(provider.url)
    tab.get_by_label("Client id").fill(CLIENT)
    tab.get_by_label("Client secret").fill(SECRET)
    tab.get_by_label("norden.example").check()
    tab.get_by_label("Our provider asks for a second step, and says so").check()
    button(tab, "Save").click()
    button(tab, "Check the provider").click()
    expect(tab.get_by_text("It is reached, and says that it is this issuer.")).to_be_visible()
    tab.get_by_role("link", name="Link my sign-in").click()
    at_the_bank(tab, "boss@norden.example")
    expect(tab.get_by_role("heading", name="Is this you?")).to_be_visible()
    looks_right(tab)
    button(tab, "Yes, link them").click()
    expect(tab.get_by_text("Linked. You can now sign in through Norden Bank.")).to_be_visible()
    looks_right(tab)
    follow(tab, tab.get_by_role("link", name="Turn it on or off"))
    looks_right(tab)
    tab.get_by_label("Single sign-on is").select_option("on")
    button(tab, "Save").click()
    expect(tab.get_by_text("Single sign-on is now: on.")).to_be_visible()

    other = open_tab()
    provider.control(claims={"amr": ["mfa"]})
    other.goto("/accounts/login/")
    follow(other, other.get_by_role("link", name="Sign in with your bank"))
    looks_right(other)
    other.get_by_label("Work e-mail").fill("boss@norden.example")
    button(other, "Find my bank").click()
    expect(other.get_by_role("heading", name="Look into your mail")).to_be_visible()
    looks_right(other)
    send_due_mail()
    [path] = [line for line in mail.outbox[-1].body.split() if "/accounts/bank/" in line]
    other.goto(path)
    at_the_bank(other, "boss@norden.example")
    other.wait_for_url("**/partners/norden/")
    other.goto(PAGE)
    expect(other.get_by_text("Linked", exact=False).first).to_be_visible()
    other.goto("/me/")
    expect(other.get_by_role("heading", name="Show that it is you")).to_be_visible()
    looks_right(other)
    other.goto("/")
    follow(other, other.get_by_role("button", name="Sign out"))
    other.goto("/sign-in/bank")
    provider.control(fault="down")
    other.get_by_role("link", name="Continue to Norden Bank").click()
    expect(other.get_by_role("heading", name="You are not signed in")).to_be_visible()
    looks_right(other)
    other.goto(f"/accounts/bank/{bank.partner.id}/callback?code=x&state=y")
    expect(other.get_by_text("begun elsewhere, or too long ago")).to_be_visible()
