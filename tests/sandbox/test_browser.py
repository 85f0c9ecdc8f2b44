"""The phones page in a real browser: live, by keyboard, accessible in both themes and at both widths."""

import re

import pytest

from tests.conftest import CHROMIUM

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield running
        running.close()


@pytest.fixture
def tab(browser):
    """Opens pages; fails the test when one of them logged an error."""
    contexts, errors = [], []

    def open_tab(url: str, *, width: int = 1280, scheme: str = "light"):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        return page

    yield open_tab
    for context in contexts:
        context.close()
    assert errors == []


def test_messages_arrive_and_the_person_answers(tab, hooked, receiver, sandbox_url):
    from playwright.sync_api import expect

    page = tab(f"{sandbox_url}/?phone={hooked.page}:{hooked.psid}")
    phone = page.get_by_role("article", name="First Bank")
    expect(phone.get_by_text("No messages yet")).to_be_visible()
    button = {"type": "postback", "title": "It was not me", "payload": "FRAUD_1"}
    payload = {"template_type": "button", "text": "You paid $8.10 <b>today</b>.", "buttons": [button]}
    hooked.send({"attachment": {"type": "template", "payload": payload}})
    expect(phone.get_by_text("You paid $8.10 <b>today</b>.")).to_be_visible()
    expect(phone.get_by_text("✓✓ Read")).to_be_visible()
    phone.get_by_role("textbox").fill("STOP")
    page.keyboard.press("Enter")
    assert receiver.wait_for("message")[0]["message"]["text"] == "STOP"
    expect(phone.get_by_text("STOP")).to_be_visible()
    phone.get_by_role("button", name="It was not me").press("Enter")
    assert receiver.wait_for("postback")[0]["postback"]["payload"] == "FRAUD_1"


def test_faults_from_the_panel(tab, bank, sandbox_url, error_of):
    from playwright.sync_api import expect

    page = tab(sandbox_url)
    page.get_by_label("The platform should").select_option("blocked")
    sender = page.get_by_label("For", exact=True)
    expect(sender.locator(f"option[value='{bank.page}']")).to_have_count(1)
    sender.select_option(bank.page)
    page.get_by_role("button", name="Put in force").click()
    expect(page.get_by_text("In force.")).to_be_visible()
    assert error_of(bank.send()) == (551, 1545041)
    page.get_by_role("button", name="Clear all faults").click()
    expect(page.get_by_text("None: the platform behaves.")).to_be_visible()
    assert bank.send().status_code == 200


def test_m_me_link_starts_a_chat(tab, hooked, receiver, sandbox_url):
    page = tab(f"{sandbox_url}/m.me/{hooked.page}?ref=lnk_7")
    page.get_by_label("Name of the person").fill("Bruno")
    page.get_by_role("button", name="Start chat").click()
    page.get_by_text("Bruno’s phone").wait_for()
    assert receiver.wait_for("postback")[0]["postback"]["referral"]["ref"] == "lnk_7"


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_pages_are_accessible_and_fit(tab, bank, sandbox_url, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    bank.send("Hello")
    # One phone is enough to check: the session's other phones look the same and cost seconds.
    page = tab(f"{sandbox_url}/?phone={bank.page}:{bank.psid}", width=width, scheme=scheme)
    page.get_by_role("article").wait_for()
    for path in ("", "/help", f"/m.me/{bank.page}?ref=x"):
        if path:
            page.goto(sandbox_url + path)
        found = Axe().run(page).response["violations"]
        assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert re.search("Parley sandbox", page.title())
