"""Stopping, by keyboard alone on a phone: how it went is shown by itself, and one button stops everything."""

import re
from types import SimpleNamespace
from typing import Any

import pytest

from partners.webhooks.engine import deliver_due
from tests.keyboard import PHONE, go, sign_in
from tests.looks import looks_right
from tests.pages.conftest import browser, site, tab
from tests.partners.webhooks.conftest import Server, server

from .test_stops import connect_harbour, listen, tell_bank

__all__ = ["browser", "server", "site", "tab"]
pytestmark = pytest.mark.browser
CLOCK = r"\d\d:\d\d:\d\d"


def test_the_banks_word_appears_by_itself_and_one_button_stops_the_rest(
    site: SimpleNamespace, tab: Any, server: Server, settings: Any
) -> None:
    from playwright.sync_api import expect

    settings.OUTBOUND_ALLOW_LOOPBACK = True
    listen(site.world, server.url())
    deliver_due()
    connect_harbour(site.world)
    tab.set_viewport_size(PHONE)
    tab.goto("/me/")
    sign_in(tab, "ana@people.example")
    go(tab, tab.get_by_role("link", name="Disconnect Norden Bank"))
    go(tab, tab.get_by_role("button", name="Disconnect"))
    waits = re.compile(rf"Stopped here {CLOCK} · Norden Bank has not confirmed yet")
    expect(tab.get_by_text(waits)).to_be_visible()
    looks_right(tab)
    tell_bank()
    said = re.compile(rf"Stopped here {CLOCK} · Norden Bank confirmed {CLOCK}")
    expect(tab.get_by_text(said)).to_be_visible()
    expect(tab.locator("[hx-trigger]")).to_have_count(0)
    looks_right(tab)
    tab.goto("/me/")
    expect(tab.get_by_text(said)).to_be_visible()
    looks_right(tab)
    go(tab, tab.get_by_role("link", name="Stop everything"))
    go(tab, tab.get_by_role("button", name="Stop everything"))
    expect(tab.get_by_role("heading", name="Nothing can be sent to you")).to_be_visible()
    nowhere = re.compile(
        rf"Stopped here {CLOCK} · Harbour has no address to be told at, so it knows only once it asks"
    )
    expect(tab.get_by_text(nowhere)).to_be_visible()
    looks_right(tab)
