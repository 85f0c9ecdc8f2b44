"""A person takes everything along and erases their account, by keyboard alone, on a phone."""

import io
import json
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from portal.ids import public_id
from tests import keyboard
from tests.conftest import PASSWORD
from tests.looks import looks_right
from tests.notifications.conftest import Api

pytestmark = pytest.mark.browser


def test_a_person_takes_everything_along_and_erases_their_account(site: SimpleNamespace, tab: Any) -> None:
    from playwright.sync_api import expect

    api = Api(site.world.bank.clients["live"])
    api.send()
    tab.set_viewport_size(keyboard.PHONE)
    tab.goto("/me/")
    keyboard.sign_in(tab, "ana@people.example")

    def go(name: str, heading: str) -> None:
        link, button = (tab.get_by_role(role, name=name, exact=True) for role in ("link", "button"))
        keyboard.go(tab, link.or_(button).first)
        expect(tab.get_by_role("heading", level=1)).to_have_text(heading)

    go("Norden Bank", "Norden Bank")
    go("Allowed", "Receipt")
    looks_right(tab)
    tab.emulate_media(media="print", color_scheme="dark")
    for name in ("Main", "Account"):
        expect(tab.get_by_role("navigation", name=name)).to_be_hidden()
    expect(tab.get_by_text(tab.url.removeprefix(site.url))).to_be_visible()
    expect(tab.get_by_text(public_id("rcp", site.world.ana.grant.record_id))).to_be_visible()
    assert tab.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    tab.emulate_media(media="screen")
    tab.go_back()
    go("Connected banks", "Connected banks")
    go("Your data and rights", "Your data and rights")
    go("Download my data", "Is it you?")
    keyboard.write(tab, tab.get_by_label("Password"), PASSWORD)
    with tab.expect_download() as loading:
        tab.keyboard.press("Enter")
    with zipfile.ZipFile(io.BytesIO(Path(loading.value.path()).read_bytes())) as whole:
        (message,) = json.loads(whole.read("parley.json"))["connections"][0]["messages"]
    assert "1,234.50" in message["text"]

    tab.goto("/me/privacy")  # the file came instead of a page
    go("See what would go", "Erase your account?")
    looks_right(tab)
    word = tab.get_by_label("Type ERASE to confirm")
    keyboard.write(tab, word, "yes")
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
    expect(tab.get_by_role("alert")).to_contain_text("Type ERASE to confirm.")
    looks_right(tab)
    keyboard.write(tab, word, "erase")
    with tab.expect_navigation():
        tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", level=1)).to_have_text("Your account is erased")
    looks_right(tab)
    assert api.send().status_code == 403
    tab.goto(f"/me/grants/{public_id('grt', site.world.ana.grant.id)}")
    expect(tab.get_by_role("heading", level=1)).to_have_text("Sign in")
