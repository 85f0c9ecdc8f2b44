"""The pages of a bank's members: who gets in, what they see, and that nothing typed is lost."""

import html
import json
import re
from typing import Any
from uuid import uuid4

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client
from standardwebhooks import Webhook

from partners.actions.partners import add_member
from partners.webhooks import EventType
from partners.webhooks.engine import deliver_due
from portal.accounts.models import User
from portal.ids import public_id

from .conftest import Bank, answer, ask, deliveries, fresh, make_bank, verified

LIST = "/partners/norden/webhooks"


def browser(user: User) -> Client:
    if not user.authenticator_set.exists():
        TOTP.activate(user, generate_totp_secret())
    http = Client()
    http.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return http


@pytest.fixture
def owner(bank: Bank) -> Client:
    return browser(bank.user)


def page_of(endpoint: Any, more: str = "") -> str:
    return f"{LIST}/{public_id('whk', endpoint.id)}{more}"


def text_of(response: Any) -> str:
    """What a person reads, in one line."""
    words = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(words).split())


def secret_in(response: Any) -> str:
    [secret] = set(re.findall(r"whsec_[A-Za-z0-9+/=]{44}", html.unescape(response.content.decode())))
    return secret


def test_an_endpoint_is_added_its_secret_shown_once_and_its_challenge_seen(
    bank: Bank, owner: Client, server: Any
) -> None:
    assert "No endpoint yet" in text_of(owner.get(LIST))
    form = {"url": server.url(), "environment": "sandbox", "description": "Ours", "rate_per_second": 10}
    added = owner.post(f"{LIST}/add", {**form, "event_types": ["grant.revoked", "grant.paused"]})
    assert added.status_code == 200
    assert "no-store" in added["Cache-Control"]
    secret = secret_in(added)
    [link] = set(re.findall(rf"{LIST}/whk_[0-9a-f]+", added.content.decode()))
    seen = owner.get(link)
    assert secret not in seen.content.decode()
    assert "The challenge has not been answered, so events wait. It is on its way." in text_of(seen)
    assert 'hx-trigger="every 3s"' in seen.content.decode()
    deliver_due()
    proven = owner.get(f"{link}/challenge")
    assert "It answered its challenge" in text_of(proven)
    assert "hx-trigger" not in proven.content.decode()
    bank.tell(EventType.GRANT_REVOKED)
    deliver_due()
    assert verified(server.at()[0], secret)
    assert "2 delivered, 0 failed, 0 waiting: 100.0 %" in text_of(owner.get(link))


def test_what_was_typed_is_kept_when_it_does_not_fit(bank: Bank, owner: Client) -> None:
    form = {
        "url": "https://10.0.0.1/hook", "environment": "live", "description": "Ours & theirs",
        "rate_per_second": 7, "event_types": ["template.approved"],
    }  # fmt: skip
    back = owner.post(f"{LIST}/add", form)
    shown = back.content.decode()
    assert back.status_code == 422
    assert "<title>Error:" in shown
    assert text_of(back).count("The address must be on the public internet.") == 2
    assert 'href="#id_url"' in shown
    assert 'value="https://10.0.0.1/hook"' in shown
    assert 'value="Ours &amp; theirs"' in shown
    assert re.search(r'value="template.approved"[^>]* checked', shown)
    assert re.search(r'value="live" selected', shown)
    assert ask("SELECT count(*) FROM partners_webhookendpoint") == [(0,)]


def test_a_challenge_that_fails_shows_status_and_body(bank: Bank, owner: Client, server: Any) -> None:
    server.behaviours["/hook"] = answer(404, b"<b>No such page</b>")
    endpoint, _ = bank.add(server.url())
    deliver_due()
    seen = text_of(owner.get(page_of(endpoint)))
    assert "The endpoint answered 404." in seen
    log = owner.get(page_of(endpoint, f"/deliveries/{public_id('dlv', endpoint.challenge_id)}"))
    assert "Answered 404 after" in text_of(log)
    assert "&lt;b&gt;No such page&lt;/b&gt;" in log.content.decode()
    del server.behaviours["/hook"]
    owner.post(page_of(endpoint, f"/deliveries/{public_id('dlv', endpoint.challenge_id)}/resend"))
    deliver_due()
    assert fresh(endpoint).verified_at is not None


def test_a_delivery_shows_request_answers_and_next_try_and_can_be_sent_again(
    bank: Bank, owner: Client, server: Any
) -> None:
    endpoint, grant = bank.listen(server.url()), uuid4()
    server.behaviours["/hook"] = answer(500, b"Out of order")
    bank.tell(grant_id=grant, status="PAUSED")
    deliver_due()
    [row] = deliveries(endpoint)
    path = page_of(endpoint, f"/deliveries/{public_id('dlv', row.id)}")
    assert public_id("dlv", row.id) in owner.get(page_of(endpoint)).content.decode()
    shown = owner.get(path)
    words = text_of(shown)
    assert "Answered 500 after" in words
    assert "Next try" in words
    assert "Out of order" in words
    assert f"webhook-id: {public_id('evt', row.message_id)}" in words
    assert re.search(r"webhook-signature: v1,\S{8}… ", words)
    assert '"status": "PAUSED"' in words
    server.behaviours["/hook"] = answer(200)
    again = owner.post(f"{path}/resend", follow=True)
    assert "It is being sent again." in text_of(again)
    deliver_due()
    assert deliveries(endpoint)[0].status == "DELIVERED"
    assert text_of(owner.get(path)).count("Answered") == 2


def test_disable_enable_recover_rotate_test_and_delete(bank: Bank, owner: Client, server: Any) -> None:
    endpoint = bank.listen(server.url())
    path = page_of(endpoint)
    disabled = owner.post(f"{path}/switch", {"to": "DISABLED"}, follow=True)
    assert "Nothing is sent to it. Your team disabled it." in text_of(disabled)
    bank.tell()
    assert "The endpoint is disabled: enable it first." in text_of(
        owner.post(f"{path}/test", {"event_type": "grant.paused"}, follow=True)
    )
    assert "Enabled." in text_of(owner.post(f"{path}/switch", {"to": "ENABLED"}, follow=True))
    assert "1 event will be sent again." in text_of(owner.post(f"{path}/recover", {"hours": 24}, follow=True))
    owner.post(f"{path}/test", {"event_type": "template.approved"})
    deliver_due()
    assert sorted(call.json["type"] for call in server.at()) == ["grant.paused", "template.approved"]
    rotated = owner.post(f"{path}/secret", {"expire_old_in": 3600})
    secret = secret_in(rotated)
    assert "each request carries two signatures" in text_of(rotated)
    bank.tell()
    deliver_due()
    assert verified(server.at()[-1], secret)
    refused = owner.post(f"{path}/secret", {"expire_old_in": 3600})
    assert refused.status_code == 422
    assert "Two secrets live already" in text_of(refused)
    assert "Delete this endpoint?" in text_of(owner.get(f"{path}/delete"))
    assert "The endpoint is deleted." in text_of(owner.post(f"{path}/delete", follow=True))
    assert owner.get(path).status_code == 404


def test_changing_the_address_says_that_a_challenge_follows(bank: Bank, owner: Client, server: Any) -> None:
    endpoint = bank.listen(server.url())
    form = {"url": server.url("/new"), "description": "", "rate_per_second": 50}
    saved = owner.post(page_of(endpoint, "/edit"), form, follow=True)
    assert "The new address gets a challenge first." in text_of(saved)
    deliver_due()
    assert len(server.at("/new", challenges=True)) == 1
    assert 'value="http' in owner.get(page_of(endpoint, "/edit")).content.decode()


def test_the_inbox_shows_what_arrives_by_itself_until_it_is_paused(bank: Bank, owner: Client) -> None:
    opened = owner.post(f"{LIST}/inbox", {"environment": "sandbox"})
    inbox = opened["Location"]
    assert owner.post(f"{LIST}/inbox", {"environment": "sandbox"})["Location"] == inbox
    first = owner.get(inbox)
    assert "Nothing has arrived yet" in text_of(first)
    [poll] = re.findall(r'hx-get="([^"]+)" hx-trigger="every 2s"', first.content.decode())
    assert owner.get(poll).status_code == 204
    grant = uuid4()
    bank.tell(EventType.GRANT_ACTIVATED, grant_id=grant, customer_ref="CUST-7")
    came = owner.get(poll)
    assert '"customer_ref": "CUST-7"' in text_of(came)
    [poll] = re.findall(r'hx-get="([^"]+)"', came.content.decode())
    assert owner.get(html.unescape(poll)).status_code == 204
    bank.tell(EventType.GRANT_REVOKED, grant_id=grant)
    came = text_of(owner.get(html.unescape(poll)))
    assert "grant.revoked" in came
    assert "grant.activated" not in came
    paused = owner.get(f"{inbox}?paused")
    assert "hx-trigger" not in paused.content.decode()
    assert "grant.revoked" in text_of(paused)


def test_an_inbox_signs_like_a_real_request(bank: Bank, owner: Client) -> None:
    endpoint, secret = bank.add()
    bank.tell(EventType.GRANT_ACTIVATED, grant_id=uuid4(), customer_ref="CUST-7")
    [row] = deliveries(endpoint)
    words = html.unescape(
        owner.get(page_of(endpoint, f"/deliveries/{public_id('dlv', row.id)}")).content.decode()
    )
    headers = dict(re.findall(r"(webhook-\w+): (\S+)", words))
    shown = json.loads(re.search(r"<code>(\{.*?\n\})</code>", words, re.DOTALL)[1])
    body = json.dumps(shown, separators=(",", ":"), ensure_ascii=False).encode()
    assert Webhook(secret).verify(body, headers) == shown


@pytest.mark.parametrize("role", ["analyst", "compliance"])
def test_a_colleague_without_the_permission_gets_403_with_the_roles_that_could(
    bank: Bank, server: Any, role: str
) -> None:
    colleague = User.objects.create(email=f"{role}@norden.example")
    add_member(partner_id=bank.partner.id, user=colleague, role=role, actor=bank.owner)
    endpoint = bank.listen(server.url())
    http = browser(colleague)
    before = ask("SELECT * FROM partners_webhookendpoint")
    for method, path in routes(endpoint):
        refused = getattr(http, method)(path)
        assert refused.status_code == 403, path
        assert "Developer" in text_of(refused)
    assert ask("SELECT * FROM partners_webhookendpoint") == before


def test_a_stranger_gets_404_and_so_does_a_member_for_another_banks_endpoint(bank: Bank, server: Any) -> None:
    other = make_bank("harbour")
    endpoint = bank.listen(server.url())
    stranger = browser(other.user)
    before = ask("SELECT * FROM partners_webhookendpoint")
    for method, path in routes(endpoint):
        assert getattr(stranger, method)(path).status_code == 404, path
        if "whk_" in path:
            mine = path.replace("/partners/norden/", "/partners/harbour/")
            assert getattr(stranger, method)(mine).status_code == 404, mine
    assert ask("SELECT * FROM partners_webhookendpoint") == before


def routes(endpoint: Any) -> list[tuple[str, str]]:
    """Every page and form, with a real delivery."""
    [[delivery]] = ask("SELECT id FROM partners_webhookdelivery WHERE endpoint_id = %s LIMIT 1", endpoint.id)
    dlv = f"/deliveries/{public_id('dlv', delivery)}"
    reads = ["", "/arrivals", "/challenge", "/edit", "/secret", "/delete", dlv]
    writes = ["/edit", "/secret", "/test", "/switch", "/recover", "/delete", f"{dlv}/resend"]
    return [
        ("get", LIST),
        ("get", f"{LIST}/add"),
        ("post", f"{LIST}/add"),
        ("post", f"{LIST}/inbox"),
        *(("get", page_of(endpoint, one)) for one in reads),
        *(("post", page_of(endpoint, one)) for one in writes),
    ]


def test_the_guide_is_public_and_explains_every_type(client: Client, db: None) -> None:
    words = text_of(client.get("/docs/webhooks"))
    for event_type in EventType:
        assert event_type.value in words
    assert "We try 8 times" in words


def test_a_long_log_has_pages_and_a_filter(bank: Bank, owner: Client, server: Any) -> None:
    endpoint = bank.listen(server.url())
    for _ in range(30):
        bank.tell()
    first = owner.get(page_of(endpoint, "?status=PENDING")).content.decode()
    assert len(set(re.findall(r"/deliveries/(dlv_\w+)", first))) == 25
    [older] = re.findall(r'href="\?(before=[^"]+)"', first)
    second = owner.get(page_of(endpoint, f"?{html.unescape(older)}")).content.decode()
    assert len(set(re.findall(r"/deliveries/(dlv_\w+)", second))) == 5
    assert "No deliveries" in text_of(owner.get(page_of(endpoint, "?status=FAILED")))
