"""The pages of agreements in a real browser: by keyboard, on a phone and a desk, light and dark, no axe fault."""

from types import SimpleNamespace
from typing import Any

import pytest

from partners.actions.agreements import Terms, offer_agreement
from partners.clusters import SENDABLE
from portal.ids import public_id
from tests.conftest import PASSWORD
from tests.keyboard import press_next
from tests.pages.conftest import browser, site, tab
from tests.pages.test_browser import looks_right, totp

from .conftest import HOME, at_member, at_staff, latest

__all__ = ["browser", "looks_right", "site", "tab"]
pytestmark = pytest.mark.browser


def sign_in(tab: Any, who: Any) -> None:
    tab.goto("/accounts/login/")
    tab.get_by_label("E-mail").fill(who.email)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()
    tab.wait_for_url("**/accounts/2fa/authenticate/**")
    tab.locator('input[name="code"]').fill(totp(who.totp_secret))
    tab.keyboard.press("Enter")
    tab.wait_for_url(lambda url: "/2fa/authenticate/" not in url)


def prove(tab: Any) -> None:
    tab.wait_for_url("**/accounts/reauthenticate/**")
    tab.get_by_label("Password").fill(PASSWORD)
    tab.keyboard.press("Enter")
    tab.wait_for_url(lambda url: "/reauthenticate/" not in url)


@pytest.fixture
def offer(site: SimpleNamespace) -> Any:
    """An amendment that is offered to Norden: wider in one term, narrower in another."""
    clusters = [cluster.value for cluster in SENDABLE if cluster != "SHIPMENTS"]
    terms = Terms(clusters=clusters, channels=["messenger"], countries=["US"], retention_days=120)
    world = site.world
    offer_agreement(partner_id=world.bank.partner.id, terms=terms, actor=world.staff.reviewer)
    return latest(world.bank.partner)


def test_the_owner_reads_and_signs_by_keyboard(
    site: SimpleNamespace, tab: Any, looks_right: Any, offer: Any
) -> None:
    from playwright.sync_api import expect

    sign_in(tab, site.world.bank.members[0])
    tab.goto(at_member(offer, "/decline"))
    tab.get_by_role("button", name="End it").click()
    assert "There is a problem" in tab.inner_text("main")
    looks_right()
    tab.goto(at_member(offer, "/compare"))
    looks_right()
    tab.goto(HOME)
    press_next(tab, "Open version 2")
    tab.wait_for_url(f"**{at_member(offer)}")
    looks_right()
    press_next(tab, "Read and sign")
    prove(tab)
    expect(tab.get_by_role("heading", name="What changes")).to_be_visible()
    looks_right()
    press_next(tab, "I have read this text and I am authorised to sign it", " ")
    press_next(tab, "Accept and sign")
    expect(tab.get_by_text("Signed for your bank.")).to_be_visible()
    expect(tab.get_by_text("For the bank", exact=True)).to_be_visible()
    assert latest(site.world.bank.partner).status == "ACCEPTED"


def test_what_staff_offer_looks_right(site: SimpleNamespace, tab: Any, looks_right: Any, offer: Any) -> None:
    sign_in(tab, site.world.staff.first)
    for page in (at_staff(offer), at_staff(offer, "/compare")):
        assert tab.goto(page).status == 200, page
        looks_right()
    bank = public_id("ptn", site.world.bank.partner.id)
    tab.goto(f"/staff/agreements/offer/{bank}")
    tab.get_by_role("button", name="Preview").click()
    assert "Preview: not offered yet" in tab.inner_text("main")
    looks_right()
