"""The API's webhook endpoints, as a bank's developer meets them; every answer is held to the document."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from standardwebhooks import Webhook

from partners.actions.clients import create_client
from partners.models import ApiClient, Production
from partners.webhooks.engine import deliver_due
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.api.conftest import Caller

from .conftest import Bank, answer, ask, let_time_pass, make_bank, verified

HOOK = "/webhook-endpoints"


class Api(Caller):
    """A client, and the calls that the others do not have."""

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        given = {"data": body, "content_type": "application/json"} if body is not None else {}
        return getattr(self.http, method)(f"/api/v1{path}", **given, headers={**self.headers, **headers})

    def add(self, url: str, **more: Any) -> dict[str, Any]:
        found = self.post(HOOK, {"url": url, **more})
        assert found.status_code == 201, found.content
        return found.json()


def api_of(bank: Bank, environment: str = "sandbox", scopes: tuple[str, ...] = ("webhooks:write",)) -> Api:
    client, secret = create_client(
        partner_id=bank.partner.id, name="client", environment=environment, scopes=scopes, actor=bank.owner
    )
    return Api(client.id, bank.partner.id, client.client_id, secret, bank.owner)


@pytest.fixture
def api(bank: Bank) -> Api:
    return api_of(bank)


def code(found: Any) -> tuple[int, str]:
    return found.status_code, found.json()["code"]


def test_an_endpoint_from_its_beginning_to_its_end(api: Api, bank: Any, server: Any) -> None:
    added = api.add(server.url(), description="Mine", event_types=["grant.revoked", "grant.paused"])
    assert added["secret"].startswith("whsec_")
    assert (added["status"], added["verified_at"]) == ("ENABLED", None)
    assert added["challenge"]["status"] == "PENDING"
    deliver_due()
    path = f"{HOOK}/{added['id']}"
    seen = api.get(path).json()
    assert "secret" not in seen
    assert seen["verified_at"] is not None
    assert seen["event_types"] == ["grant.paused", "grant.revoked"]
    assert seen["challenge"] | {"delivery_id": ""} == {
        "status": "DELIVERED",
        "delivery_id": "",
        "response_status": 200,
        "error": None,
    }
    assert api.get(HOOK).json()["data"] == [seen]
    changed = api.send("patch", path, {"description": "Ours", "event_types": [], "status": "DISABLED"}).json()
    assert (changed["description"], changed["event_types"]) == ("Ours", [])
    assert (changed["status"], changed["status_reason"]) == ("DISABLED", "by_team")
    assert api.send("patch", path, {"status": "ENABLED"}).json()["status_reason"] is None
    assert api.send("delete", path).json() == {"id": added["id"], "deleted": True}
    assert code(api.get(path)) == (404, "not_found")
    assert api.get(HOOK).json()["data"] == []


def test_deliveries_tell_what_was_sent_and_what_came_back(api: Api, bank: Any, server: Any) -> None:
    added = api.add(server.url())
    deliver_due()
    server.behaviours["/hook"] = answer(503, b"x" * 5_000)
    bank.tell(status="PAUSED")
    deliver_due()
    path = f"{HOOK}/{added['id']}/deliveries"
    [row] = api.get(f"{path}?status=PENDING").json()["data"]
    assert (row["event_type"], row["attempt_count"], row["response_status"]) == ("grant.paused", 1, 503)
    told = api.get(f"{path}/{row['id']}").json()
    [call] = server.at()
    assert told["payload"] == call.json
    [attempt] = told["attempts"]
    assert attempt["response_body"] == "x" * 4_096
    assert attempt["request_headers"]["webhook-id"] == call.id == row["event_id"]
    assert attempt["request_headers"]["webhook-timestamp"] == call.headers["webhook-timestamp"]
    signature = attempt["request_headers"]["webhook-signature"]
    assert call.headers["webhook-signature"].startswith(signature.removesuffix("…"))
    assert len(signature) == 12
    assert attempt["next_attempt_at"] == row["next_attempt_at"]
    assert [one["event_type"] for one in api.get(f"{path}?event_type=webhook.challenge").json()["data"]] == [
        "webhook.challenge"
    ]
    server.behaviours["/hook"] = answer(204)
    again = api.post(f"{path}/{row['id']}/resend")
    assert again.status_code == 202
    deliver_due()
    told = api.get(f"{path}/{row['id']}").json()
    assert (told["status"], told["attempt_count"], len(told["attempts"])) == ("DELIVERED", 2, 2)


def test_a_secret_is_rotated(api: Api, bank: Any, server: Any) -> None:
    added = api.add(server.url())
    path = f"{HOOK}/{added['id']}/rotate-secret"
    rotated = api.post(path, {"expire_old_in": 600}).json()
    until = datetime.fromisoformat(rotated["old_secret_expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=590) < until < timedelta(seconds=601)
    deliver_due()
    [call] = server.at(challenges=True)
    assert verified(call, added["secret"]) == verified(call, rotated["secret"])
    assert code(api.post(path, {"expire_old_in": 600})) == (409, "conflict")
    assert api.post(path, {"expire_old_in": 0}).json()["old_secret_expires_at"] is None
    for wrong in (-1, 604_801, "600", True, 1.5):
        assert code(api.post(path, {"expire_old_in": wrong})) == (400, "invalid_request")


def test_a_test_event_is_an_example_and_marked(api: Api, bank: Any, server: Any) -> None:
    added = api.add(server.url(), event_types=["grant.paused"])
    path = f"{HOOK}/{added['id']}/test"
    assert code(api.post(path)) == (409, "conflict")
    deliver_due()
    sent = api.post(path, {"event_type": "grant.revoked"})
    assert (sent.status_code, sent.json()["event_type"]) == (202, "grant.revoked")
    deliver_due()
    [call] = server.at()
    assert (call.json["type"], call.json["data"]["test"]) == ("grant.revoked", True)
    assert Webhook(added["secret"]).verify(call.body, call.headers)
    assert code(api.post(path, {"event_type": "grant.unheard"})) == (400, "invalid_request")


def test_what_failed_is_recovered(api: Api, bank: Any, server: Any) -> None:
    added = api.add(server.url())
    deliver_due()
    path = f"{HOOK}/{added['id']}"
    api.send("patch", path, {"status": "DISABLED"})
    for _ in range(3):
        bank.tell()
    since = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    assert code(api.post(f"{path}/recover", {"since": since})) == (409, "conflict")
    api.send("patch", path, {"status": "ENABLED"})
    assert api.post(f"{path}/recover", {"since": since}).json() == {"status": "DONE", "done": 3, "total": 3}
    deliver_due()
    assert len(server.at()) == 3


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "https://10.0.0.1/hook"}, "/url"),
        ({"url": "http://bank.example/hook"}, "/url"),
        ({}, "/url"),
        ({"url": "https://bank.example/", "event_types": ["grant.unheard"]}, "/event_types"),
        ({"url": "https://bank.example/", "event_types": "grant.revoked"}, "/event_types"),
        ({"url": "https://bank.example/", "rate_per_second": 0}, "/rate_per_second"),
        ({"url": "https://bank.example/", "environment": "live"}, "/environment"),
        ({"url": "https://bank.example/", "secret": "whsec_mine"}, "/secret"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_written(
    api: Api, bank: Any, body: Any, pointer: str
) -> None:
    found = api.post(HOOK, body)
    assert code(found) == (400, "invalid_request")
    assert [one["pointer"] for one in found.json()["errors"]] == [pointer]
    assert api.get(HOOK).json()["data"] == []


def test_the_same_key_adds_one_endpoint_and_shows_its_secret_again(api: Api, bank: Any, server: Any) -> None:
    answers = [api.send("post", HOOK, {"url": server.url()}, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert len(api.get(HOOK).json()["data"]) == 1


def test_at_most_twenty(api: Api, bank: Any) -> None:
    for number in range(20):
        api.add(f"https://bank.example/{number}")
    assert code(api.post(HOOK, {"url": "https://bank.example/more"})) == (409, "conflict")


def test_lists_are_pages(api: Api, bank: Any) -> None:
    ids = [api.add(f"https://bank.example/{number}")["id"] for number in range(3)]
    first = api.get(f"{HOOK}?limit=2").json()
    second = api.get(f"{HOOK}?limit=2&cursor={first['next_cursor']}").json()
    assert [one["id"] for one in first["data"] + second["data"]] == ids[::-1]
    assert second["next_cursor"] is None


def test_others_get_404_and_a_token_without_the_scope_403(api: Api, bank: Any, server: Any) -> None:
    added = api.add(server.url())
    row = api.get(f"{HOOK}/{added['id']}/deliveries").json()["data"][0]
    path = f"{HOOK}/{added['id']}"
    calls = [
        ("get", path, None),
        ("patch", path, {"description": "taken"}),
        ("delete", path, None),
        ("post", f"{path}/rotate-secret", {"expire_old_in": 0}),
        ("post", f"{path}/test", {}),
        ("post", f"{path}/recover", {"since": "2026-01-01T00:00:00Z"}),
        ("get", f"{path}/deliveries", None),
        ("get", f"{path}/deliveries/{row['id']}", None),
        ("post", f"{path}/deliveries/{row['id']}/resend", {}),
    ]
    before = ask("SELECT * FROM partners_webhookendpoint")
    others = [api_of(make_bank("harbour")), live_api(bank)]
    own = api.add(server.url("/second"))
    for method, call, body in calls:
        for other in others:
            assert code(other.send(method, call, body)) == (404, "not_found"), call
        assert code(api_of(bank, scopes=("grants:read",)).send(method, call, body)) == (
            403,
            "insufficient_scope",
        )
    crossed = f"{HOOK}/{own['id']}/deliveries/{row['id']}"
    assert code(api.get(crossed)) == (404, "not_found")
    assert code(api.post(f"{crossed}/resend")) == (404, "not_found")
    assert others[0].get(HOOK).json()["data"] == others[1].get(HOOK).json()["data"] == []
    assert ask("SELECT * FROM partners_webhookendpoint ORDER BY id LIMIT 1") == before


def live_api(bank: Bank) -> Api:
    """As if an agreement were in force, and production enabled."""
    api = api_of(bank)
    with scope(Principal.system()), transaction.atomic():
        partner_id = ApiClient.objects.get(pk=api.id).partner_id
        Production.objects.update_or_create(partner_id=partner_id, defaults={"enabled_at": timezone.now()})
    ask("UPDATE partners_apiclient SET environment = 'live' WHERE id = %s", api.id)
    return api


def test_time_passes(api: Api, bank: Any, server: Any) -> None:
    """Five days of failure, seen through the API."""
    server.behaviours["/hook"] = answer(500)
    added = api.add(server.url())
    deliver_due()
    seen = api.get(f"{HOOK}/{added['id']}").json()
    assert seen["failing_since"] is not None
    assert seen["challenge"]["response_status"] == 500
    for _ in range(7):
        let_time_pass()
        deliver_due()
    seen = api.get(f"{HOOK}/{added['id']}").json()
    assert (seen["status"], seen["status_reason"]) == ("DISABLED", "challenge")
