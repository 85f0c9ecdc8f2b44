"""The pages in a real browser: journeys by keyboard, passkeys under the policy, and how every page looks."""

import re
import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail

from portal.ids import public_id
from portal.mail.outbox import send_due_mail
from tests import keyboard, looks
from tests.conftest import PASSWORD
from tests.keyboard import go, press
from tests.looks import follow
from tests.notifications.conftest import Api

pytestmark = pytest.mark.browser
KEY = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


@pytest.fixture
def looks_right(tab: Any) -> Callable[[], None]:
    """Checks the page that is open."""
    return partial(looks.looks_right, tab)


def sign_in(tab: Any, email: str) -> None:
    tab.goto("/accounts/login/")
    tab.get_by_label("E-mail").fill(email)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    tab.wait_for_url(lambda url: not url.endswith("/accounts/login/"))


def totp(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def test_a_person_pauses_resumes_and_stops_in_two_taps_by_keyboard_on_a_phone(
    site: SimpleNamespace, tab: Any
) -> None:
    from playwright.sync_api import expect

    api = Api(site.world.bank.clients["live"])
    assert api.send().status_code == 202
    tab.set_viewport_size(keyboard.PHONE)
    tab.goto("/me/")
    keyboard.sign_in(tab, "ana@people.example")
    expect(tab.get_by_role("heading", name="Connected banks")).to_be_visible()
    go(tab, tab.get_by_role("link", name="Norden Bank", exact=True))
    expect(tab.get_by_text("Your account •• 4821 has $1,234.50 available")).to_be_visible()
    why = tab.get_by_text("Why did I get this?")
    press(tab, why)
    expect(tab.get_by_text(str(site.world.ana.grant.record_id))).to_be_visible()
    expect(tab.get_by_text("AGR-NORDEN v1")).to_be_visible()
    go(tab, tab.get_by_role("button", name="Pause all messages"))
    assert api.send().json()["code"] == "grant_paused"
    go(tab, tab.get_by_role("button", name="Resume messages"))
    assert api.send().status_code == 202
    go(tab, tab.get_by_role("link", name="Connected banks").last)
    go(tab, tab.get_by_role("link", name="Disconnect Norden Bank"))
    expect(tab.get_by_text("Messages already on your phone stay there.")).to_be_visible()
    assert api.send().status_code == 202
    go(tab, tab.get_by_role("button", name="Disconnect", exact=True))
    expect(tab.get_by_role("heading", name="Norden Bank can send you nothing more")).to_be_visible()
    expect(tab.get_by_text("2 messages that waited were not sent.")).to_be_visible()
    refused = api.send()
    assert (refused.status_code, refused.json()["code"]) == (403, "no_active_grant")


def test_a_persons_pages_look_right(site: SimpleNamespace, tab: Any, looks_right: Callable[[], None]) -> None:
    api = Api(site.world.bank.clients["live"])
    api.send()
    path = f"/me/grants/{public_id('grt', site.world.ana.grant.id)}"
    sign_in(tab, "ana@people.example")
    tab.wait_for_url("**/me/")
    tab.goto(path)
    tab.get_by_text("Why did I get this?").click()
    looks_right()
    follow(tab, tab.get_by_role("button", name="Pause messages"))
    looks_right()
    tab.goto(f"{path}/disconnect")
    follow(tab, tab.get_by_role("button", name="Disconnect"))
    looks_right()
    tab.goto("/me/")
    looks_right()


def test_public_pages_look_right(site: SimpleNamespace, tab: Any, looks_right: Callable[[], None]) -> None:
    for path in ("/nothing", "/accounts/password/reset/", "/accounts/signup/"):
        tab.goto(path)
        looks_right()


def test_a_person_chooses_spanish_below_the_page_and_keeps_it(
    site: SimpleNamespace, tab: Any, looks_right: Callable[[], None]
) -> None:
    Api(site.world.bank.clients["live"]).send()
    tab.goto("/")
    follow(tab, tab.get_by_role("button", name="Español"))
    looks_right()
    tab.goto("/accounts/login/")
    tab.get_by_label("Correo").fill("ana@people.example")
    tab.get_by_label("Contraseña").fill(PASSWORD)
    follow(tab, tab.get_by_role("main").get_by_role("button", name="Iniciar sesión", exact=True))
    looks_right()
    follow(tab, tab.get_by_role("link", name="Norden Bank", exact=True))
    tab.get_by_text("¿Por qué recibí esto?").click()
    assert re.search(r"\d de \w+ de \d{4} a las \d+:\d\d", tab.locator("time[data-local]").first.inner_text())
    looks_right()
    follow(tab, tab.get_by_role("link", name="Cuenta"))
    looks_right()
    follow(tab, tab.get_by_role("link", name="Idioma"))
    assert tab.get_by_label("Español").is_checked()
    looks_right()
    tab.get_by_label("English").check()
    follow(tab, tab.get_by_role("button", name="Guardar"))
    assert tab.get_by_role("heading", name="Language").is_visible()


def test_a_newcomer_signs_up_and_adds_a_second_step(
    site: SimpleNamespace, tab: Any, looks_right: Callable[[], None]
) -> None:
    from playwright.sync_api import expect

    tab.goto("/accounts/signup/")
    tab.get_by_label("E-mail").fill("dora@people.example")
    tab.get_by_label("Password", exact=True).fill("short")
    tab.get_by_label("The same password again").fill("short")
    tab.get_by_role("main").get_by_role("button", name="Sign up").click()
    expect(tab.locator(".error-summary")).to_be_focused()
    assert tab.title() == "Error: Sign up – Parley"
    looks_right()
    tab.get_by_label("Password", exact=True).fill(PASSWORD)
    tab.get_by_label("The same password again").fill(PASSWORD)
    tab.get_by_role("main").get_by_role("button", name="Sign up").click()
    expect(tab.get_by_role("heading", name="Enter the code from your e-mail")).to_be_visible()
    looks_right()
    assert send_due_mail()  # the last one
    letter = mail.outbox[-1]
    assert letter.subject == "Parley: your code"
    tab.get_by_label("Code").fill(re.search(r"Your code is (\S+)", letter.body)[1])
    tab.get_by_role("button", name="Continue").click()
    expect(tab.get_by_role("heading", name="No bank is connected")).to_be_visible()
    looks_right()
    follow(tab, tab.get_by_role("link", name="Account"))
    looks_right()
    tab.get_by_role("link", name="Set up").click()
    tab.get_by_label("Password").fill(PASSWORD)
    looks_right()
    follow(tab, tab.get_by_role("button", name="Continue"))
    looks_right()
    secret = tab.get_by_label("Key").input_value()
    tab.get_by_label("Code").fill(totp(secret))
    tab.get_by_role("button", name="Turn on").click()
    expect(tab.get_by_role("heading", name="Recovery codes")).to_be_visible()
    looks_right()
    tab.goto("/accounts/2fa/totp/deactivate/")
    looks_right()


def test_a_passkey_signs_in_under_the_policy(
    site: SimpleNamespace, tab: Any, looks_right: Callable[[], None]
) -> None:
    from playwright.sync_api import expect

    device = tab.context.new_cdp_session(tab)
    device.send("WebAuthn.enable")
    key = device.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    sign_in(tab, "ana@people.example")
    tab.goto("/accounts/2fa/webauthn/add/")
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Continue").click()
    tab.get_by_label("Name").fill("Work phone")
    tab.get_by_label("Sign in with it alone").check()
    looks_right()
    tab.get_by_role("button", name="Add it").click()
    tab.wait_for_url("**/recovery-codes/")
    for path in ("/accounts/2fa/webauthn/", "/accounts/2fa/"):
        tab.goto(path)
        looks_right()
    follow(tab, tab.get_by_role("button", name="Sign out"))
    sign_in(tab, "ana@people.example")
    expect(tab.get_by_role("heading", name="Second step")).to_be_visible()
    looks_right()
    tab.get_by_role("button", name="Use a passkey").click()
    expect(tab.get_by_role("heading", name="Connected banks")).to_be_visible()
    follow(tab, tab.get_by_role("button", name="Sign out"))
    tab.goto("/accounts/login/")
    tab.get_by_role("button", name="Sign in with a passkey").click()
    expect(tab.get_by_role("heading", name="Connected banks")).to_be_visible()
    follow(tab, tab.get_by_role("button", name="Sign out"))
    is_somebody_else = {"authenticatorId": key["authenticatorId"], "isUserVerified": False}
    device.send("WebAuthn.setUserVerified", is_somebody_else)
    tab.goto("/accounts/login/")
    tab.get_by_role("button", name="Sign in with a passkey").click()
    expect(tab.get_by_text("Your device did not confirm it.")).to_be_visible()
    looks_right()


def test_account_pages_look_right(site: SimpleNamespace, tab: Any, looks_right: Callable[[], None]) -> None:
    from playwright.sync_api import expect

    sign_in(tab, "ana@people.example")
    for path in ("password/change/", "email/", "sessions/", "reauthenticate/", "logout/"):
        tab.goto(f"/accounts/{path}")
        looks_right()
    tab.goto("/accounts/sessions/")
    expect(tab.get_by_text("Chrome on Linux (this one)")).to_be_visible()


def test_a_member_lands_on_the_banks_home(site: SimpleNamespace, tab: Any) -> None:
    from playwright.sync_api import expect

    member = site.world.bank.members[1]
    sign_in(tab, member.email)
    tab.get_by_label("Code").fill(totp(member.totp_secret))
    tab.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(tab.get_by_role("heading", name="Norden Bank", exact=True)).to_be_visible()
    expect(tab.get_by_role("link", name="Norden Bank", exact=True)).to_have_attribute("aria-current", "page")


def test_times_are_shown_in_the_readers_own_zone(site: SimpleNamespace, browser: Any) -> None:
    context = browser.new_context(base_url=site.url, timezone_id="Asia/Tokyo")
    page = context.new_page()
    page.goto("/docs/design")
    shown = page.locator("time[data-local]").first
    hour = int(re.search(r"T(\d\d):", shown.get_attribute("datetime"))[1])
    assert shown.inner_text().endswith(f"at {(hour + 9) % 24:02}:{shown.get_attribute('title')[14:16]}")
    context.close()


def test_code_is_copied(site: SimpleNamespace, browser: Any) -> None:
    from playwright.sync_api import expect

    context = browser.new_context(base_url=site.url, permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto("/docs/design")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("curl -u")
    context.close()
