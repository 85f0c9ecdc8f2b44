"""Living with a connected bank, on a phone and by keyboard alone: confirm, take out, add, renew, see it all."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from consents.models import Grant
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests import keyboard
from tests.keyboard import PHONE, press_named, sign_in
from tests.looks import looks_right

pytestmark = pytest.mark.browser


def change(site: Any, **values: Any) -> None:
    with scope(Principal.system()), transaction.atomic():
        Grant.objects.filter(pk=site.world.ana.grant.id).update(**values)


def grant(site: Any) -> Grant:
    with scope(Principal.system()), transaction.atomic():
        return Grant.objects.get(pk=site.world.ana.grant.id)


def test_a_person_lives_with_a_grant_by_keyboard_on_a_phone(tab: Any, site: Any) -> None:
    now = timezone.now()
    change(site, reconfirm_by=now - timedelta(days=1), expires_at=now + timedelta(days=20))
    tab.set_viewport_size(PHONE)
    tab.goto("/me/")
    sign_in(tab, "ana@people.example")
    press_named(tab, "Norden Bank", role="link")
    press_named(tab, "Confirm for 90 days")
    assert grant(site).reconfirm_by > now + timedelta(days=89)

    press_named(tab, "Change what you share", role="link")
    press_named(tab, "Receipts", "Space", "checkbox")
    press_named(tab, "Go on")
    assert grant(site).clusters == ["BALANCES", "FRAUD_ALERTS"]

    press_named(tab, "Change what you share", role="link")
    press_named(tab, "Deliveries of what you bought", "Space", "checkbox")
    press_named(tab, "Go on")
    assert grant(site).clusters == ["BALANCES", "FRAUD_ALERTS"], "nothing before the yes"
    looks_right(tab)
    press_named(tab, "Allow")
    assert set(grant(site).clusters) == {"BALANCES", "FRAUD_ALERTS", "SHIPMENTS"}

    press_named(tab, "Renew", role="link")
    looks_right(tab)
    keyboard.press(tab, tab.locator("input[name=days]").first, "ArrowDown")
    press_named(tab, "Allow")
    assert grant(site).expires_at > now + timedelta(days=80)

    press_named(tab, "Activity", role="link")
    assert tab.get_by_text("Confirmed that messages may come").is_visible()
    assert tab.get_by_text("Took something out of what is allowed").is_visible()
