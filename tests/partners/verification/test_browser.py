"""The pages of a verification in a real browser: by keyboard, on a phone and a desk, light and dark, no axe fault."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction

from partners.access import member_principal
from partners.actions.partners import register_partner
from portal.accounts.actions import create_user_with_totp
from portal.demo.verification import submit_bank
from portal.demo.world import SignIn
from tests.conftest import PASSWORD
from tests.keyboard import press_next
from tests.pages.conftest import browser, site, tab
from tests.pages.test_browser import looks_right
from tests.partners.agreements.test_browser import sign_in

from .conftest import CASE, CONTACTS, HOME, PDF, PROFILE, state

__all__ = ["browser", "looks_right", "site", "tab"]
pytestmark = pytest.mark.browser


@pytest.fixture
def fresh(site: SimpleNamespace) -> SimpleNamespace:
    """A bank that has just registered, and its owner."""
    user, secret = create_user_with_totp(email="owner@fresh.example", password=PASSWORD, name="Olga Owner")
    bank = register_partner(name="Fresh Bank", slug="fresh", owner=user, domain="fresh.example")
    with transaction.atomic():
        owner, _ = member_principal(user, "fresh")
    who = SignIn(user, user.email, PASSWORD, secret, "owner")
    return SimpleNamespace(bank=bank, owner=owner, who=who, staff=site.world.staff)


def test_the_owner_states_proves_and_submits(
    fresh: SimpleNamespace, tab: Any, looks_right: Any, tmp_path: Any
) -> None:
    from playwright.sync_api import expect

    sign_in(tab, fresh.who)
    tab.goto(HOME)
    press_next(tab, "Legal details")
    tab.wait_for_url("**/profile")
    press_next(tab, "Save")
    expect(tab.get_by_text("There is a problem")).to_be_visible()
    assert tab.title().startswith("Error:")
    looks_right()
    for label, name in (
        ("Legal name", "legal_name"),
        ("Regulator", "regulator"),
        ("Licence number", "licence"),
    ):
        tab.get_by_label(label).fill(PROFILE[name])
    tab.get_by_label("LEI").fill(PROFILE["lei"])
    tab.get_by_label("Country").select_option(PROFILE["country"])
    press_next(tab, "Save")
    expect(tab.get_by_text("Legal details: saved.")).to_be_visible()
    tab.goto(f"{HOME}/contacts")
    for name, text in CONTACTS.items():
        tab.locator(f"#id_{name}").fill(text)
    press_next(tab, "Save")
    expect(tab.get_by_text("Contacts: saved.")).to_be_visible()
    tab.goto(f"{HOME}/documents")
    file = tmp_path / "licence.pdf"
    file.write_bytes(PDF)
    tab.get_by_label("What it is").select_option("licence")
    tab.get_by_label("File").set_input_files(file)
    press_next(tab, "Add document")
    expect(tab.get_by_role("link", name="licence.pdf")).to_be_visible()
    looks_right()
    submit_bank(fresh.bank, fresh.owner, fresh.staff.reviewer, **_profile(fresh))
    tab.goto(HOME)
    expect(
        tab.get_by_text("Two reviewers look at it; until then nothing of it can be changed.")
    ).to_be_visible()
    looks_right()
    tab.goto(f"{HOME}/submit")
    looks_right()


def _profile(fresh: SimpleNamespace) -> dict[str, str]:
    """As it stands."""
    _, verification, _ = state(fresh)
    return {name: getattr(verification, name) for name in PROFILE}


def test_staff_judge_a_case_by_keyboard(fresh: SimpleNamespace, tab: Any, looks_right: Any) -> None:
    from playwright.sync_api import expect

    submit_bank(fresh.bank, fresh.owner, fresh.staff.reviewer)
    sign_in(tab, fresh.staff.first)
    tab.goto("/staff/reviews")
    looks_right()
    press_next(tab, "Fresh Bank")
    tab.wait_for_url(f"**{CASE}")
    press_next(tab, "Take this case")
    expect(tab.get_by_text("You have this case now.")).to_be_visible()
    looks_right()
    press_next(tab, "Ask for more")
    tab.wait_for_url("**/decide/ask")
    press_next(tab, "Send it back")
    expect(tab.get_by_text("Give a reason for at least one item.")).to_have_count(1)
    looks_right()
    tab.goto(f"{CASE}/decide/defer")
    looks_right()
    tab.goto(CASE)
    press_next(tab, "Recommend")
    tab.wait_for_url("**/decide/recommend")
    press_next(tab, "Recommend")
    tab.wait_for_url(f"**{CASE}")
    press_next(tab, "Take this case")
    expect(tab.get_by_text("a second, different reviewer has to approve it")).to_be_visible()
    looks_right()
    assert state(fresh)[2].status == "IN_REVIEW"
