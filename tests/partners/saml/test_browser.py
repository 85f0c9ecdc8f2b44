"""In a real browser, whose cookies are what they are: an owner sets SAML up, tries it, turns it on, and comes back in.

The provider is at another site than the portal, so that its post carries no session.
"""

from collections.abc import Callable
from typing import Any

from portal.demo.world import make_bank, make_staff
from tests.conftest import PASSWORD
from tests.looks import follow, looks_right
from tests.partners.sso.test_browser import at_the_bank, to_set_up
from tests.partners.team.test_browser import (  # noqa: F401 (fixtures)
    button,
    chromium,
    code_of,
    open_tab,
    pytestmark,
)

from .conftest import Running

REFEDS = "https://refeds.org/profile/mfa"


def test_a_bank_signs_its_people_in_by_saml(
    open_tab: Callable[[], Any],  # noqa: F811
    idp: Running,
    settings: Any,
) -> None:
    from playwright.sync_api import expect

    secrets = {"access_token": "token", "app_secret": "app-secret", "verify_token": "verify"}
    staff = make_staff("parley.example", PASSWORD)
    bank = make_bank(
        name="Norden Bank", slug="norden", staff=staff, password=PASSWORD, page="1001", secrets=secrets
    )
    boss = bank.members[0]
    tab = open_tab()
    tab.goto("/accounts/login/")
    settings.BASE_URL = tab.evaluate("location.origin")
    assert settings.BASE_URL.startswith("http://localhost:")
    assert idp.url.startswith("http://127.0.0.1:")
    to_set_up(tab, boss)
    follow(tab, tab.get_by_role("link", name="SAML 2.0"))
    button(tab, "Save").click()
    expect(tab.get_by_role("alert")).to_be_focused()
    looks_right(tab)
    tab.get_by_label("Metadata of your provider").fill(idp.metadata())
    tab.get_by_label("norden.example").check()
    tab.get_by_label("Our provider asks for a second step, and says so").check()
    button(tab, "Save").click()
    button(tab, "Check the provider").click()
    expect(tab.get_by_text("Valid today: 1.")).to_be_visible()
    looks_right(tab)
    tab.get_by_role("link", name="Link my sign-in").click()
    at_the_bank(tab, "boss@norden.example")
    expect(tab.get_by_role("heading", name="Is this you?")).to_be_visible()
    button(tab, "Yes, link them").click()
    expect(tab.get_by_text("Linked. You can now sign in through Norden Bank.")).to_be_visible()
    follow(tab, tab.get_by_role("link", name="Turn it on or off"))
    tab.get_by_label("Single sign-on is").select_option("on")
    button(tab, "Save").click()
    expect(tab.get_by_text("Single sign-on is now: on.")).to_be_visible()

    other = open_tab()
    idp.control(answer={"acr": REFEDS})
    other.goto(f"/accounts/bank/{bank.partner.id}/")
    at_the_bank(other, "boss@norden.example")
    other.wait_for_url("**/partners/norden/")
    idp.control(fault="tampered")
    follow(other, other.get_by_role("button", name="Sign out"))
    other.goto("/sign-in/bank")
    other.get_by_role("link", name="Continue to Norden Bank").click()
    at_the_bank(other, "boss@norden.example")
    expect(other.get_by_role("heading", name="You are not signed in")).to_be_visible()
    looks_right(other)

    user = bank.members[0].user  # whoever has no proof of their own shows it at the bank
    user.set_unusable_password()
    user.save()
    user.authenticator_set.all().delete()
    idp.control(answer={"acr": REFEDS})
    other.goto(f"/accounts/bank/{bank.partner.id}/")
    at_the_bank(other, "boss@norden.example")
    other.wait_for_url("**/partners/norden/")
    other.goto("/partners/norden/sign-on")
    button(other, "End my link").click()
    expect(other.get_by_role("heading", name="Show that it is you")).to_be_visible()
    looks_right(other)
    other.get_by_role("link", name="Continue to Norden Bank").click()
    at_the_bank(other, "boss@norden.example")
    expect(other.get_by_text("You have no password yet.", exact=False)).to_be_visible()
