"""Linking begun in the chat: Messenger's button, our page with both identities, and the way back."""

import hashlib
import hmac
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import psycopg
import pytest
from django.conf import settings as configured
from django.core import mail
from django.db import transaction
from django.test import Client

from consents.models import Grant, LinkedAccount, LinkToken
from partners.actions.partners import change_partner_status
from partners.models import Sender
from portal.audit.models import AuditEvent
from portal.ids import public_id
from portal.mail.outbox import send_due_mail
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.conftest import PASSWORD
from tests.sandbox.conftest import wait_until

from .conftest import Phone, local, words

META = "https://www.facebook.com/messenger_platform/account_linking/?account_linking_token=t"


def press(phone: Phone) -> str:
    """Writes to the page, and presses the button of the answer; the path that opens."""
    phone.writes("Hello?")
    phone.shows("not linked with anybody")
    return local(phone.does("press", button="Log in")["url"])


def decide(http: Client, portal: SimpleNamespace, phone: Phone, decision: str) -> str:
    """The whole way through our page; where it leads back to."""
    assert http.get(press(phone))["Location"] == portal.link
    return answer(http, portal, http.get(portal.link), decision)["Location"]


def answer(http: Client, portal: SimpleNamespace, page: Any, decision: str) -> Any:
    """Presses one of the two buttons of the page as it was shown."""
    form = re.search(r'name="form" value="([^"]+)"', page.content.decode())
    assert form is not None
    return http.post(portal.link, {"decision": decision, "form": form[1]})


def hook(portal: SimpleNamespace, address: str, **event: Any) -> None:
    """The platform reports an event, signed."""
    body = {
        "sender": {"id": address},
        "recipient": {"id": portal.sender.external_id},
        "timestamp": 1,
        **event,
    }
    raw = json.dumps({"object": "page", "entry": [{"id": "1", "messaging": [body]}]}).encode()
    signature = hmac.new(portal.bank.sender_secrets["app_secret"].encode(), raw, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={signature}", "Content-Type": "application/json"}
    heard = httpx.post(f"{portal.url}/hooks/messenger/{portal.sender.id}", content=raw, headers=headers)
    assert heard.status_code == 200


def test_a_stranger_who_writes_is_told_that_it_is_automatic_and_can_link(portal: Any, phone: Phone) -> None:
    phone.writes("Is anybody there?")
    shown = phone.shows("This is an automatic service")
    assert "To link it, sign in. Linking is not yet consent." in shown["text"]
    own, other = shown["buttons"]
    assert own == {"type": "account_link", "title": "Log in", "url": f"{portal.url}{portal.link}"}
    start = f"{portal.url}{portal.start}?again=1"
    assert other == {"type": "web_url", "title": "Link another way", "url": start}


def test_signing_in_both_identities_link_and_back(
    portal: Any, phone: Phone, sandbox: httpx.Client, rows: Any
) -> None:
    http = Client()
    opened = http.get(press(phone))
    assert opened["Location"] == portal.link
    to_sign_in = http.get(portal.link)["Location"]
    assert to_sign_in == f"/accounts/login/?{urlencode({'next': portal.link}, safe='/')}"
    sign_in = http.get(to_sign_in)
    assert "Sign in, or sign up, to link your chat with Norden Bank." in words(sign_in)
    assert "account_linking_token" not in sign_in.content.decode()
    sent = http.post(to_sign_in, {"login": "ana@people.example", "password": PASSWORD})
    assert sent["Location"] == portal.link

    page = http.get(portal.link)
    assert "ana@people.example" in words(page)
    assert "Your Messenger chat with Norden Bank norden.example" in words(page)
    assert "Linking is not consent. Norden Bank may send you nothing until you allow it" in words(page)
    buttons = re.findall(r'<button class="([^"]+)" name="decision"', page.content.decode())
    assert len(buttons) == 2
    assert len(set(buttons)) == 1
    assert page["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    policy = {part.split()[0]: part.split()[1:] for part in page["Content-Security-Policy"].split("; ")}
    assert str(sandbox.base_url).rstrip("/") in policy["form-action"]

    back = answer(http, portal, page, "link")["Location"]
    assert back.startswith(f"{str(sandbox.base_url).rstrip('/')}/linking/return?account_linking_token=")
    code = parse_qs(urlsplit(back).query)["authorization_code"][0]
    (token,) = rows(LinkToken)
    assert code.encode() not in bytes(token.digest)
    assert token.used_at is None

    assert "Your account is linked" in sandbox.get(back).text
    shown = phone.shows("This chat is now linked.")
    assert "Linking is not consent" in shown["text"]
    account = rows(LinkedAccount)[-1]
    assert (account.person_id, account.status) == (portal.ana.person_id, "ACTIVE")
    assert account.last_inbound_at is None  # logging in is not writing: the platform's window stays as it is
    assert phone.is_linked
    done = http.get(local(shown["buttons"][0]["url"]))
    assert "Your chat is linked" in words(done)
    assert "Nothing is sent yet" in words(done)
    phone.writes("help")
    phone.shows("Norden Bank may send you messages, until ")


def test_signing_up_keeps_the_way_back(portal: Any, phone: Phone) -> None:
    http = Client()
    http.get(press(phone))
    login = http.get(portal.link, follow=True)
    sign_up = re.search(r'href="(/accounts/signup/\?next=[^"]+)"', login.content.decode())
    assert sign_up is not None
    form = {"email": "zoe@people.example", "password1": PASSWORD, "password2": PASSWORD}
    confirm = http.post(sign_up[1], form)["Location"]
    assert send_due_mail()  # the last one is hers
    code = re.search(r"\b([A-Z0-9]{4}-[A-Z0-9]{4})\b", mail.outbox[-1].body)
    assert code is not None, mail.outbox[-1].body
    assert http.post(confirm, {"code": code[1]})["Location"] == portal.link
    assert "zoe@people.example" in words(http.get(portal.link))


def test_not_now_links_nothing(
    portal: Any, phone: Phone, sandbox: httpx.Client, signed_in: Any, rows: Any
) -> None:
    back = decide(signed_in(portal.ana), portal, phone, "not_now")
    assert "authorization_code" not in back
    assert "Nothing was linked" in sandbox.get(back).text
    assert rows(LinkToken) == []
    assert not phone.is_linked


ELSEWHERE = (
    "",
    "https://evil.example/linking/return?a=b",
    "//evil.example/",
    "javascript:alert(1)",
    "http://[",
    "{sandbox}@evil.example/",
    "{sandbox}.evil.example/",
    "{sandbox}1/linking/return",
    "http://evil.example\\@{host}/",
    "https://{host}/linking/return",
    META,
)
META_TAKES = (META, META.replace("www.", ""), META.replace("facebook.com", "messenger.com"))
META_ELSEWHERE = (
    META.replace("https", "http"),
    META.replace("facebook.com", "facebook.com.evil.example"),
    META.replace("facebook.com", "facebook.com:8443"),
    "https://l.facebook.com/l.php?u=https%3A%2F%2Fevil.example",
    "https://www.facebook.com/l.php?u=https%3A%2F%2Fevil.example",
)


def test_nobody_is_sent_anywhere_but_back_to_the_platform(
    portal: Any, sandbox: httpx.Client, signed_in: Any
) -> None:
    base, http = str(sandbox.base_url).rstrip("/"), signed_in(portal.ana)
    for template in ELSEWHERE:
        back = template.format(sandbox=base, host=urlsplit(base).netloc)
        page = http.get(portal.link, {"account_linking_token": "t", "redirect_uri": back})
        assert page.status_code == 400, back
        assert "Linking did not work" in words(page)
        assert http.get(portal.link)["Location"].endswith("/expired")


def test_with_meta_itself_only_its_linking_page_is_gone_back_to(portal: Any, settings: Any) -> None:
    settings.MESSENGER_GRAPH_URL = "https://graph.facebook.com"
    for back, status in [*((url, 302) for url in META_TAKES), *((url, 400) for url in META_ELSEWHERE)]:
        page = Client().get(portal.link, {"account_linking_token": "t", "redirect_uri": back})
        assert page.status_code == status, back


def test_a_link_the_platform_does_not_know_has_expired_and_starts_again(portal: Any, signed_in: Any) -> None:
    http = signed_in(portal.ana)
    back = f"{configured.MESSENGER_GRAPH_URL}/linking/return?account_linking_token=x"
    http.get(portal.link, {"account_linking_token": "nonsense", "redirect_uri": back})
    page = http.get(portal.link, follow=True)
    assert page.redirect_chain == [(f"{portal.start}/expired", 302)]
    assert "This link has expired" in words(page)
    assert f'href="{portal.start}?again=1"' in page.content.decode()


class Graph(BaseHTTPRequestHandler):
    """Answers what it is told to; `server.asked` are the queries, `server.look` runs meanwhile."""

    def do_GET(self) -> None:
        self.server.asked.append(parse_qs(urlsplit(self.path).query))
        self.server.look()
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def graph(portal: Any, settings: Any) -> Iterator[Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Graph)
    server.asked, server.look, server.answer = [], lambda: None, (200, b'{"id": "1", "recipient": "77"}')
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    settings.MESSENGER_GRAPH_URL = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


def begin(http: Client, portal: Any, settings: Any) -> None:
    back = f"{settings.MESSENGER_GRAPH_URL}/back?x=1"
    http.get(portal.link, {"account_linking_token": "tok", "redirect_uri": back})


def test_whose_chat_it_is_is_asked_with_proof_and_outside_any_transaction(
    portal: Any, graph: Any, signed_in: Any, settings: Any
) -> None:
    open_transactions: list[Any] = []

    def look() -> None:
        with psycopg.connect(settings.DATABASE_OWNER_URL) as owner:
            found = owner.execute(
                "SELECT query FROM pg_stat_activity WHERE datname = %s AND state LIKE 'idle in transaction%%'",
                [settings.DATABASES["default"]["NAME"]],
            )
            open_transactions.extend(found.fetchall())

    graph.look = look
    http = signed_in(portal.ana)
    begin(http, portal, settings)
    assert http.get(portal.link).status_code == 200
    secrets = portal.bank.sender_secrets
    proof = hmac.new(secrets["app_secret"].encode(), secrets["access_token"].encode(), hashlib.sha256)
    assert graph.asked == [
        {
            "fields": ["recipient"],
            "account_linking_token": ["tok"],
            "access_token": [secrets["access_token"]],
            "appsecret_proof": [proof.hexdigest()],
        }
    ]
    assert open_transactions == []


def test_a_dead_linking_token_ends_on_the_page_that_says_so(
    portal: Any, graph: Any, signed_in: Any, settings: Any
) -> None:
    http = signed_in(portal.ana)
    for code in (10301, 10303):
        graph.answer = (200, b'{"id": "1", "recipient": "77"}')
        begin(http, portal, settings)
        page = http.get(portal.link)
        graph.answer = (400, json.dumps({"error": {"code": code, "message": "Expiré"}}).encode())
        assert answer(http, portal, page, "link")["Location"].endswith("/expired")
    asked = len(graph.asked)
    assert http.post(portal.link, {"decision": "link"})["Location"].endswith("/expired")
    assert len(graph.asked) == asked


def test_a_platform_that_does_not_tell_whose_chat_it_is_holds_nobody_up(
    portal: Any, graph: Any, signed_in: Any, settings: Any
) -> None:
    http = signed_in(portal.ana)
    for reply in ((500, b"oops"), (200, b"[]"), (400, b'{"error": {"code": 190}}'), (200, b"{}")):
        graph.answer = reply
        begin(http, portal, settings)
        back = answer(http, portal, http.get(portal.link), "link")["Location"]
        wanted = rf"{settings.MESSENGER_GRAPH_URL}/back\?x=1&authorization_code=code-[\w-]+"
        assert re.fullmatch(wanted, back), reply


def test_a_code_works_once_and_only_in_the_chat_it_was_made_for(
    portal: Any, phone: Phone, sandbox: httpx.Client, signed_in: Any, rows: Any
) -> None:
    back = decide(signed_in(portal.ana), portal, phone, "link")
    code = parse_qs(urlsplit(back).query)["authorization_code"][0]
    thief = Phone(sandbox, phone.page, "Mallory")
    linked = {"status": "linked", "authorization_code": code}
    hook(portal, thief.address, account_linking=linked)
    refusal = thief.shows("This link is not known, or it was made for another chat.")
    assert refusal["buttons"][0]["type"] == "account_link"
    assert len(rows(LinkedAccount)) == 3
    sandbox.get(back)
    phone.shows("This chat is now linked.")
    hook(portal, phone.address, account_linking=linked)
    phone.shows("This link has been used. Each link works once")
    assert len(rows(LinkedAccount)) == 4


def test_what_we_refuse_the_platform_forgets(portal: Any, phone: Phone, sandbox: httpx.Client) -> None:
    path = press(phone)
    back = parse_qs(urlsplit(path).query)["redirect_uri"][0]
    assert "Your account is linked" in sandbox.get(f"{back}&authorization_code=made-up").text
    assert phone.is_linked
    phone.shows("This link is not known")
    wait_until(lambda: not phone.is_linked)


def test_a_chat_that_is_somebody_elses_is_refused_politely(
    portal: Any, phone: Phone, sandbox: httpx.Client, signed_in: Any, rows: Any
) -> None:
    sandbox.get(decide(signed_in(portal.ben), portal, phone, "link"))
    phone.shows("This chat is now linked.")
    again = local(sandbox.get("/inbox/open", params=_button(phone)).headers["Location"])
    http = signed_in(portal.ana)
    http.get(again)
    page = http.get(portal.link)
    assert page.status_code == 409
    assert "This chat is linked with somebody else’s Parley account." in words(page)
    assert "Back to Messenger" in words(page)
    assert rows(LinkedAccount)[-1].person_id == portal.ben.person_id
    assert http.post(portal.link, {"decision": "link"})["Location"].endswith("/expired")


def _button(phone: Phone) -> dict[str, str]:
    return {"channel": "messenger", "sender": phone.page, "address": phone.address, "button": "Log in"}


def test_linked_meanwhile_by_somebody_else_it_stays_theirs(
    portal: Any, phone: Phone, sandbox: httpx.Client, signed_in: Any, rows: Any
) -> None:
    late = decide(signed_in(portal.ana), portal, phone, "link")
    sandbox.get(decide(signed_in(portal.ben), portal, phone, "link"))
    phone.shows("This chat is now linked.")
    sandbox.get(late)
    phone.shows("This chat is linked with somebody else’s Parley account. If the chat is yours, write UNLINK")
    assert rows(LinkedAccount)[-1].person_id == portal.ben.person_id
    assert phone.is_linked
    assert [bool(token.used_at) for token in rows(LinkToken)] == [True]


def test_unlinking_in_messenger_ends_the_link_and_what_was_allowed(portal: Any, rows: Any) -> None:
    hook(portal, "2001", account_linking={"status": "unlinked"})
    wait_until(lambda: rows(LinkedAccount)[0].status == "UNLINKED")
    grants = {grant.person_id: grant.status for grant in rows(Grant)}
    assert grants[portal.ana.person_id] == "REVOKED"
    assert grants[portal.ben.person_id] == "ACTIVE"


def test_unlinking_on_our_page_says_what_ends_and_ends_only_that(
    portal: Any, phone: Phone, sandbox: httpx.Client, signed_in: Any, rows: Any
) -> None:
    http = signed_in(portal.ana)
    sandbox.get(decide(http, portal, phone, "link"))
    phone.shows("This chat is now linked.")
    home = http.get("/me/link/")
    assert "Linked chats Norden Bank Linked on" in words(home)
    first, second = re.findall(r'href="(/me/link/chats/lac_\w+/unlink)"', home.content.decode())

    assert "No connection ends" in words(http.get(second))
    assert "Your chat with Norden Bank is unlinked." in words(http.post(second, follow=True))
    wait_until(lambda: not phone.is_linked)
    assert {one.status for one in rows(Grant)} == {"ACTIVE"}

    assert "Your connection with Norden Bank ends" in words(http.get(first))
    http.post(first)
    (ended,) = (one for one in rows(Grant) if one.person_id == portal.ana.person_id)
    assert (ended.status, ended.ended_by, ended.end_reason) == ("REVOKED", "person", "unlinked_on_page")
    assert "You disconnected" in words(http.get(f"/me/grants/{public_id('grt', ended.id)}"))
    trail = [(one.actor_kind, one.person_id) for one in rows(AuditEvent) if one.code == "account.unlinked"]
    assert trail == [("person", portal.ana.person_id)] * 2
    assert http.get(first).headers["Location"] == "/me/link/"
    assert "Linked chats" not in words(http.post(first, follow=True))
    assert [one.code for one in rows(AuditEvent)].count("account.unlinked") == 2


def test_linking_again_after_unlinking(
    portal: Any, phone: Phone, sandbox: httpx.Client, signed_in: Any
) -> None:
    sandbox.get(decide(signed_in(portal.ana), portal, phone, "link"))
    phone.shows("This chat is now linked.")
    phone.writes("unlink")
    phone.shows("Unlinked. Norden Bank can send you nothing here. Nothing else has changed.")
    wait_until(lambda: not phone.is_linked)
    sandbox.get(decide(signed_in(portal.ben), portal, phone, "link"))
    wait_until(lambda: sum("This chat is now linked." in one["text"] for one in phone.messages()) == 2)


def stop_sender(portal: Any) -> None:
    with scope(Principal.system()), transaction.atomic():
        Sender.objects.filter(pk=portal.sender.pk).update(status="PAUSED")


def suspend_bank(portal: Any) -> None:
    change_partner_status(partner_id=portal.bank.partner.id, to="SUSPENDED", actor=portal.staff.reviewer)


@pytest.mark.parametrize("stop", [stop_sender, suspend_bank])
def test_a_bank_that_is_stopped_cannot_be_linked(
    portal: Any, phone: Phone, signed_in: Any, stop: Callable[[Any], None]
) -> None:
    http, path = signed_in(portal.ana), press(phone)
    http.get(path)
    stop(portal)
    page = http.get(portal.link, follow=True)
    assert page.redirect_chain == [(f"{portal.start}/failed", 302)]
    assert "cannot be linked at the moment" in words(page)
    phone.writes("And now?")
    assert phone.shows("It cannot be linked at the moment.")["buttons"] == []


def test_unknown_senders_and_links_begun_for_another_bank(portal: Any, phone: Phone, signed_in: Any) -> None:
    http = signed_in(portal.ana)
    query = {"account_linking_token": "t", "redirect_uri": "http://127.0.0.1:1/"}
    nowhere = "/link/messenger/0197d6f0-0000-7000-8000-000000000000"
    assert http.get(nowhere, query).status_code == 404
    assert http.get(nowhere).status_code == 404
    http.get(press(phone))
    other = f"/link/messenger/{portal.other.sender.id}"
    assert http.post(other, {"decision": "link"})["Location"] == f"/me/link/{portal.other.sender.id}/expired"


def test_a_decision_is_one_of_the_two_buttons_of_the_page_that_was_shown(
    portal: Any, phone: Phone, sandbox: httpx.Client, signed_in: Any, rows: Any
) -> None:
    http = signed_in(portal.ana)
    http.get(press(phone))
    page = http.get(portal.link)
    assert "Link these two?" in words(answer(http, portal, page, "maybe"))
    somebody_elses = press(Phone(sandbox, phone.page, "Mallory"))
    http.get(somebody_elses)  # another site’s page sends the same browser here, meanwhile
    for decision in ("link", "not_now"):
        assert "Link these two?" in words(answer(http, portal, page, decision))
    assert rows(LinkToken) == []
