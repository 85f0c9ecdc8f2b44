"""From /register to the first live notification on a phone: two people of a bank and two of the staff, on pages alone.

What a bank's own programs do (the API, its server, its Page at the platform) goes over HTTP.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from django.core.cache import cache
from django.db import transaction

from consents.records import Account
from notifications.actions.deliver import deliver_batch
from notifications.channels.messenger.graph import credentials
from notifications.models import Lane
from partners.models import Sender
from partners.webhooks.engine import deliver_due
from portal.demo.http import fetch_token, wait_for
from portal.demo.story import balance
from portal.demo.world import Bank, make_customer, make_person, make_staff
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.conftest import PASSWORD
from tests.notifications.conftest import process_inbound
from tests.partners.agreements.test_browser import sign_in
from tests.partners.team.test_browser import (
    button,
    chromium,
    letter,
    link,
    make_account,
    open_tab,
    set_up_second_step,
)
from tests.partners.verification.conftest import ANSWERS, CONTACTS, PDF, PROFILE
from tests.partners.webhooks.conftest import server
from tests.sandbox.conftest import running_sandbox

__all__ = ["chromium", "open_tab", "server"]
pytestmark = pytest.mark.browser
OWNER, DEVELOPER = "uma@firstunion.example", "dee@firstunion.example"
HOME = "/partners/first-union"
PAGE = {"access_token": "EAAB-of-first-union", "app_secret": "app-of-first-union"}
PAGE_ID, PSID, ACCOUNT = "880011", "770011", "acc-ana-1"


@pytest.fixture
def four(open_tab: Callable[[], Any], settings: Any) -> Iterator[SimpleNamespace]:
    """A browser for each, and a sandbox as the platform: of its own, as what it keeps open to us ends with it."""
    cache.clear()  # allauth counts the tries of an address there
    staff = make_staff("parley.example", PASSWORD)
    tabs = {name: open_tab() for name in ("owner", "developer", "first", "second")}
    for tab in tabs.values():
        tab.set_default_timeout(10_000)  # milliseconds
    tabs["owner"].goto("/register")
    settings.BASE_URL, settings.OUTBOUND_ALLOW_LOOPBACK = tabs["owner"].evaluate("location.origin"), True
    with running_sandbox() as settings.SANDBOX_URL, httpx.Client(base_url=settings.SANDBOX_URL) as platform:
        settings.MESSENGER_GRAPH_URL = settings.SANDBOX_URL
        yield SimpleNamespace(staff=staff, url=settings.BASE_URL, platform=platform, **tabs)


def test_from_registering_to_the_first_live_notification(
    four: SimpleNamespace, server: Any, tmp_path: Path
) -> None:
    sandbox = _register(four.owner)
    _stands(
        four.owner, due=["Verify your bank", "Invite a colleague"], later=["Sign the agreement", "Go live"]
    )
    _join(four)
    _stands(four.developer, due=["Get wording approved"], done=["Invite a colleague"])
    _fill_in(four.owner, tmp_path)
    _check_domain_by_hand(four)
    _submit(four.owner)
    _stands(four.owner, review=["Verify your bank"], later=["Sign the agreement", "Create a live client"])
    _approve(four)
    _stands(four.owner, done=["Verify your bank"], later=["Sign the agreement", "Create a live client"])
    _offer(four.first)
    _stands(four.owner, due=["Read and sign the agreement"])
    _sign(four)
    _stands(four.owner, done=["Sign the agreement"], due=["Create a live client", "Go live"])
    live = _create_client(four.developer)
    _stands(four.developer, done=["Create a live client"], due=["Add a live sender"])
    _add_sender(four)
    _stands(four.developer, done=["Add a live sender"])
    _get_wording_approved(four)
    _listen(four.developer, server)
    _urgent_test(four, sandbox)
    _stands(four.developer, done=["Add a live webhook endpoint", "Deliver an urgent test in the sandbox"])
    _go_live(four, live)
    _first_notification(four, live)


def _stands(tab: Any, **expected: list[str]) -> None:
    """On the bank's home page each of these tasks is where it belongs."""
    from playwright.sync_api import expect

    headings = {"due": "Due now", "review": "Under review", "later": "Later", "done": "Done"}
    tab.goto(f"{HOME}/")
    for place, tasks in expected.items():
        for task in tasks:
            expect(tab.get_by_role("region", name=headings[place])).to_contain_text(task)


def _follow(tab: Any, *names: str) -> None:
    """One link after another, each by its whole name."""
    for name in names:
        tab.get_by_role("main").get_by_role("link", name=name, exact=True).first.click()


def _says(tab: Any, text: str) -> None:
    from playwright.sync_api import expect

    expect(tab.get_by_text(text).first).to_be_visible()


def _prove(tab: Any, next_page: str) -> None:
    """Where the last word of a password is some time ago, the portal asks for another."""
    tab.wait_for_url(lambda url: "/reauthenticate/" in url or next_page in url)
    if "/reauthenticate/" in tab.url:
        tab.get_by_label("Password").fill(PASSWORD)
        tab.keyboard.press("Enter")
        tab.wait_for_url(lambda url: "/reauthenticate/" not in url)


def _configured(tab: Any) -> SimpleNamespace:
    """A client's id and secret, from the lines that the page has for a program's settings."""
    lines = dict(
        re.findall(r"^(PARLEY_CLIENT_\w+)=(\S+)$", "\n".join(tab.locator("pre").all_inner_texts()), re.M)
    )
    return SimpleNamespace(id=lines["PARLEY_CLIENT_ID"], secret=lines["PARLEY_CLIENT_SECRET"])


def _register(owner: Any) -> SimpleNamespace:
    """The workspace, with its sandbox client."""
    _follow(owner, "Make an account")
    make_account(owner, OWNER)
    owner.get_by_label("Your bank’s name").fill("First Union")
    owner.get_by_label("Name in addresses").fill("first-union")
    owner.get_by_label("Your name", exact=True).fill("Uma Owner")
    button(owner, "Create workspace").click()
    _says(owner, "Copy the secret now: it is shown only once")
    client = _configured(owner)
    _follow(owner, "I have copied it")
    _says(owner, "Set up a second step to sign in")
    set_up_second_step(owner)
    return client


def _join(four: SimpleNamespace) -> None:
    """The owner invites a developer, to a role that manages clients and senders too."""
    _follow(four.owner, "Invite a colleague")
    four.owner.get_by_label("E-mail").fill(DEVELOPER)
    four.owner.get_by_label("Role").select_option("integration_admin")
    button(four.owner, "Send invitation").click()
    _says(four.owner, f"An invitation is on its way to {DEVELOPER}.")
    four.developer.goto(link(DEVELOPER))
    _follow(four.developer, "Make an account")
    make_account(four.developer, DEVELOPER)
    four.developer.get_by_label("Your name", exact=True).fill("Dee Veloper")
    button(four.developer, "Join the team").click()
    set_up_second_step(four.developer)


def _fill_in(owner: Any, folder: Path) -> None:
    """Everything but the domain, which is in no DNS: the reviewers are asked to look at it by hand."""
    owner.goto(f"{HOME}/")
    _follow(owner, "Verify your bank")
    for part, given in (
        ("Legal details", PROFILE),
        ("Contacts", CONTACTS),
        ("Security questions", ANSWERS),
    ):
        _follow(owner, part)
        _says(owner, part)
        for name, value in given.items():
            field = owner.locator(f"#id_{name}")
            is_choice = field.evaluate("field => field.tagName") == "SELECT"
            field.select_option(value) if is_choice else field.fill(value)
        button(owner, "Save").click()
        _says(owner, f"{part}: saved.")
    _follow(owner, "Documents")
    file = folder / "licence.pdf"
    file.write_bytes(PDF)
    owner.get_by_label("What it is").select_option("licence")
    owner.get_by_label("File").set_input_files(file)
    button(owner, "Add document").click()
    _says(owner, "The document is added.")
    _follow(owner, "Verification", "Proof of your domain", "Write to the reviewers")
    owner.get_by_label("Message").fill("Our DNS is frozen until May. Can you check the domain another way?")
    button(owner, "Send").click()
    _says(owner, "Sent. The reviewers answer here, and we write to you then.")


def _check_domain_by_hand(four: SimpleNamespace) -> None:
    """The first reviewer comes by the e-mail."""
    sign_in(four.first, four.staff.first)
    four.first.goto(re.search(r"https?://[^/\s]+(/staff/\S+)", letter(four.staff.first.email).body)[1])
    _says(four.first, "Our DNS is frozen until May.")
    _follow(four.first, "Record a check by hand")
    four.first.get_by_label("How you made sure").fill("Called the bank under its number in the register.")
    button(four.first, "Record it").click()
    _says(four.first, "First Union: done.")


def _submit(owner: Any) -> None:
    owner.reload()
    _follow(owner, "Read it through and submit")
    owner.get_by_label("All of this is right").check()
    button(owner, "Submit").click()
    _says(owner, "Submitted. Two reviewers look at it")


def _approve(four: SimpleNamespace) -> None:
    """One takes the case and recommends, the other takes it and approves."""
    sign_in(four.second, four.staff.second)
    for tab, decision in ((four.first, "Recommend"), (four.second, "Approve")):
        tab.goto("/staff/reviews")
        _follow(tab, "First Union")
        button(tab, "Take this case").click()
        _says(tab, "You have this case now.")
        _follow(tab, decision)
        button(tab, decision).click()
        _says(tab, "First Union: done.")
    assert "your bank is verified" in letter(OWNER).body


def _offer(first: Any) -> None:
    """A template is made once; the offer begins with its terms."""
    first.goto("/staff/agreement-templates")
    _follow(first, "New template")
    first.get_by_label("Name").fill("Banks in Europe")
    for cluster in ("BALANCES", "FRAUD_ALERTS"):
        first.locator(f"input[name=clusters][value={cluster}]").check()
    first.get_by_label("Countries").fill("DE, FR")
    button(first, "Save as a new version").click()
    _says(first, "Saved as version 1.")
    first.goto("/staff/partners")
    _follow(first, "First Union", "Offer an agreement")
    first.get_by_label("Template").select_option("Banks in Europe, version 1")
    button(first, "Continue").click()
    _says(first, "worded by “Banks in Europe”, version 1")
    button(first, "Offer to the bank").click()
    _says(first, "Offered to First Union, which hears by e-mail.")


def _sign(four: SimpleNamespace) -> None:
    """The owner for the bank, then the staff's second: whoever offered it cannot."""
    owner, second = four.owner, four.second
    _follow(owner, "Read and sign the agreement", "Open version 1", "Read and sign")
    _prove(owner, "/sign")
    owner.get_by_label("I have read this text").check()
    button(owner, "Accept and sign").click()
    _says(owner, "Signed for your bank.")
    _stands(owner, review=["Sign the agreement"])
    four.first.reload()
    _says(four.first, "so a colleague has to countersign it")
    second.goto(re.search(r"https?://[^/\s]+(/staff/\S+)", letter(four.staff.second.email).body)[1])
    _follow(second, "Read and countersign")
    _prove(second, "/countersign")
    second.get_by_label("I have read this text").check()
    button(second, "Accept and sign").click()
    _says(second, "Signed. It is in force.")


def _create_client(developer: Any) -> SimpleNamespace:
    """Its secret is on the page this once."""
    developer.goto(f"{HOME}/")
    _follow(developer, "Create a live client", "Create live client")
    developer.get_by_label("Name").fill("Core banking")
    _says(developer, "Outside your agreement, clause 2.1.")
    for scope_name in ("notify:balances", "notify:fraud_alerts", "notifications:read"):
        developer.get_by_label(scope_name, exact=True).check()
    button(developer, "Create live client").click()
    _says(developer, "Copy it now: it is shown only once")
    return _configured(developer)


def _add_sender(four: SimpleNamespace) -> None:
    """A Page that the bank has at the platform, which the portal then checks; what it misses is named."""
    developer, platform = four.developer, four.platform
    assert platform.put(f"/pages/{PAGE_ID}", json={"name": "First Union", **PAGE}).is_success
    _follow(developer, "Add a live sender", "Add sender")
    _prove(developer, "/senders/add")
    developer.get_by_label("Environment").select_option("live")
    developer.get_by_label("Name").fill("First Union")
    developer.get_by_label("Page id").fill(PAGE_ID)
    developer.get_by_label("Page access token").fill(PAGE["access_token"])
    developer.get_by_label("App secret").fill(PAGE["app_secret"])
    button(developer, "Add sender").click()
    _says(developer, "Tell the platform where to call us")
    hook, token = developer.locator("pre code").all_inner_texts()[:2]
    told = platform.put(f"/pages/{PAGE_ID}", json={"webhook_url": hook, "verify_token": token}).json()
    assert told["webhook"]["subscribed"]
    button(developer, "Check now").click()
    _says(developer, "The template parley_update_2 is missing in Spanish.")
    sender = developer.url
    said = r"language (\w+), a button of type URL “(.+)” to (\S+), with this body: “(.+)”"
    asked = re.findall(said, developer.inner_text("main"))
    _stands(developer, due=["Check your live sender"])
    developer.goto(sender)
    _register_templates(platform, asked)
    button(developer, "Check now").click()
    _says(developer, "Messenger has approved the template parley_update_2 in Spanish.")


def _register_templates(platform: httpx.Client, asked: list[tuple[str, str, str, str]]) -> None:
    """As the sender's page says it, in the bank's dashboard at the platform; until they are approved there."""
    address, proof = f"/v26.0/{PAGE_ID}/message_templates", credentials(PAGE)
    for language, title, url, body in asked:
        example = {"body_text": [["Hello."]]}
        taps = [{"type": "URL", "text": title, "url": url, "example": [url.replace("{{1}}", "dlv_1")]}]
        parts = [
            {"type": "BODY", "text": body, "example": example},
            {"type": "BUTTONS", "buttons": taps},
        ]
        made = {
            "name": "parley_update_2", "language": language, "category": "UTILITY", "components": parts,
        }  # fmt: skip
        assert platform.post(address, params=proof, json=made).is_success

    def approved() -> bool:
        found = platform.get(address, params=proof).json()["data"]
        return [one["status"] for one in found] == ["APPROVED"] * 2

    wait_for("the platform's approval", approved)


def _get_wording_approved(four: SimpleNamespace) -> None:
    """Two examples are taken as they are."""
    developer, first = four.developer, four.first
    for starter in ("balance_update", "fraud_alert"):
        developer.goto(f"{HOME}/templates")
        _follow(developer, starter)
        developer.get_by_label("Name").fill(starter)
        button(developer, "Save draft").click()
        button(developer, "Submit for review").click()
        _says(developer, "Submitted. We read it and write to you.")
    _stands(developer, review=["Get wording approved"])
    for starter in ("balance_update", "fraud_alert"):
        first.goto("/staff/templates")
        _follow(first, f"{starter}, version 1")
        first.get_by_label("Approve: it is sent from now on").check()
        button(first, "Send decision").click()
        first.wait_for_url("**/staff/templates")
    _says(first, "Nothing waits")
    _stands(developer, done=["Get wording approved"])


def _listen(developer: Any, server: Any) -> None:
    """The bank's server answers the challenge; the built-in inbox needs none."""
    developer.goto(f"{HOME}/webhooks")
    developer.get_by_label("Environment").select_option("sandbox")
    button(developer, "Open test inbox").click()
    _says(developer, "Nothing has arrived yet")
    _follow(developer, "Webhooks", "Add endpoint")
    developer.get_by_label("Address").fill(server.url())
    developer.get_by_label("Environment").select_option("live")
    button(developer, "Add endpoint").click()
    _follow(developer, "I have copied it")
    deliver_due()
    _says(developer, "It answered its challenge on")


def _urgent_test(four: SimpleNamespace, sandbox: SimpleNamespace) -> None:
    """The bank's program tries a fraud alert on a simulated phone; the page's list of checks has only this left."""
    developer = four.developer
    developer.goto(f"{HOME}/go-live")
    _says(developer, "1 of 7 checks fail")
    account = {"ref": ACCOUNT, "mask": "•• 0001", "type": "Current account"}
    person = {"customer_ref": "TEST-1", "clusters": ["FRAUD_ALERTS"], "accounts": [account]}
    data = {
        "account": ACCOUNT,
        "amount": {"value": "99.00", "currency": "EUR"},
        "merchant": "Shop",
        "occurred_at": "2026-11-23T09:30:00Z",
        "case": "C-1",
    }
    body = {"customer_ref": "TEST-1", "template": "fraud_alert", "data": data}
    with _api(four.url, sandbox) as api:
        made = api.post("/sandbox/customers", json=person)
        assert made.status_code == 201, made.text
        _send(api, body, Lane.URGENT)
    assert "Was this you?" in httpx.get(made.json()["inbox_url"]).json()["data"][0]["text"]
    developer.goto(f"{HOME}/webhooks")
    _follow(developer, "Test inbox")
    deliver_due()
    developer.get_by_role("article", name="notification.delivered").wait_for()


def _go_live(four: SimpleNamespace, live: SimpleNamespace) -> None:
    """Asked for on a page, seen by staff in their list, enabled; until then the live client gets no token."""
    developer, second = four.developer, four.second
    developer.goto(f"{HOME}/")
    _follow(developer, "Go live")
    _says(developer, "All 7 checks pass")
    button(developer, "Request production").click()
    _says(developer, "Production is requested.")
    _stands(developer, review=["Go live"])
    refused = httpx.post(
        f"{four.url}/oauth/token", data={"grant_type": "client_credentials"}, auth=(live.id, live.secret)
    )
    assert "Live clients work once Parley has enabled production" in refused.json()["error_description"]
    assert "asks to go live" in letter(four.staff.second.email).body
    second.goto(re.search(r"https?://[^/\s]+(/staff/\S+)", letter(four.staff.second.email).body)[1])
    _follow(second, "Enable production")
    button(second, "Enable production").click()
    _says(second, "First Union: production is enabled.")
    assert "is live" in letter(OWNER).body
    developer.reload()
    _says(developer, "Nothing is left to do.")


def _first_notification(four: SimpleNamespace, live: SimpleNamespace) -> None:
    """A customer has allowed it; the bank's program sends, the phone shows it, the bank's pages say so."""
    assert four.platform.put(f"/people/{PSID}", json={"page_id": PAGE_ID, "name": "Ana"}).is_success
    with scope(Principal.system()), transaction.atomic():
        sender = Sender.objects.select_related("partner").get(external_id=PAGE_ID)
    make_customer(
        Bank(sender.partner, [], {}, sender, {}),
        customer_ref="CUST-1",
        address=PSID,
        accounts=[Account(ACCOUNT, "•• 4821", "Current account")],
        clusters=["BALANCES"],
        person=make_person("ana@people.example", "Ana", PASSWORD),
    )
    body = {"customer_ref": "CUST-1", "template": "balance_update", "data": balance(ACCOUNT, "1234.50")}
    with _api(four.url, live) as api:
        notification = _send(api, body, Lane.STANDARD)
    where = {"channel": "messenger", "sender": PAGE_ID, "address": PSID}
    [message] = four.platform.get("/inbox", params=where).json()["data"]
    assert "Your account •• 4821 has $1,234.50 available" in message["text"]
    four.owner.goto(f"{HOME}/")
    four.owner.get_by_role("navigation", name="First Union").get_by_role("link", name="Deliveries").click()
    _says(four.owner, notification)


def _api(url: str, client: SimpleNamespace) -> httpx.Client:
    """The bank's program, with a token of its client."""
    token = fetch_token(url, client.id, client.secret)
    return httpx.Client(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=10)


def _send(api: httpx.Client, body: dict[str, Any], lane: str) -> str:
    """The notification's id, once it is sent and the platform's receipt has come back."""
    sent = api.post("/notifications", json=body)
    assert sent.status_code == 202, sent.text
    assert deliver_batch(lane=lane) == 1

    def is_there() -> bool:
        process_inbound()
        shown = api.get(f"/notifications/{sent.json()['id']}")
        assert shown.status_code == 200, shown.text
        return shown.json()["status"] in ("DELIVERED", "READ")

    wait_for("the receipt", is_there)
    return str(sent.json()["id"])
