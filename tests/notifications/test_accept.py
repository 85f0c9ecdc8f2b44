"""POST /notifications: what is accepted, and every refusal with nothing written."""

from typing import Any

import pytest
from django.db import transaction

from consents.actions.stop import end_grant, pause_grant
from notifications.models import Delivery, Notification
from partners.actions.partners import change_partner_status
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

from .conftest import BALANCE

pytestmark = pytest.mark.django_db


def count() -> int:
    with scope(Principal.system()), transaction.atomic():
        return Notification.objects.count()


def person(story: Any) -> Principal:
    return Principal(Kind.PERSON, id=story.person.user.pk, person_id=story.person_id)


def test_an_event_is_accepted_and_queued(api: Any, world: Any) -> None:
    answer = api.send()
    assert answer.status_code == 202
    body = answer.json()
    assert body["status"] == "ACCEPTED"
    assert body["cluster"] == "BALANCES"
    assert body["grant_id"] == public_id("grt", world.ana.grant.id)
    shown = api.get(f"/notifications/{body['id']}").json()
    assert shown["status"] == "ACCEPTED"
    assert [one["event"] for one in shown["timeline"]] == ["accepted"]
    assert api.get("/notifications").json()["data"][0]["id"] == body["id"]


def test_by_grant_id(api: Any, world: Any) -> None:
    body = {"grant_id": public_id("grt", world.ana.grant.id), "template": "balance_update", "data": BALANCE}
    assert api.post("/notifications", body).status_code == 202


def test_the_data_is_stored_sealed(api: Any) -> None:
    api.send()
    with scope(Principal.system()), transaction.atomic():
        assert b"acc-ana" not in bytes(Notification.objects.get().data)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"data": {**BALANCE, "advert": "Buy!"}}, 422, "invalid_data"),
        ({"data": {"account": "acc-ana"}}, 422, "invalid_data"),
        ({"data": {**BALANCE, "available": {"value": 12, "currency": "USD"}}}, 422, "invalid_data"),
        ({"data": {**BALANCE, "account": "acc-ben"}}, 403, "account_not_in_grant"),
        ({"template": "nothing"}, 422, "template_not_approved"),
        ({"template": "parcel", "data": {}}, 403, "no_active_grant"),
        ({"customer_ref": "CUST-9"}, 403, "no_active_grant"),
        ({"customer_ref": "CUST-1", "grant_id": "grt_" + "0" * 32}, 400, "invalid_request"),
        ({"send_at": "tomorrow"}, 400, "invalid_request"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, 400, "invalid_request"),
        ({"colour": "red"}, 400, "invalid_request"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    api: Any, change: dict[str, Any], status: int, code: str
) -> None:
    body = {"customer_ref": "CUST-1", "template": "balance_update", "data": BALANCE, **change}
    answer = api.post("/notifications", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]
    assert count() == 0


@pytest.mark.parametrize(
    "merchant", ["4111 1111 1111 1111", "Shop 4111-1111-1111-1111", "DE89 3704 0044 0532 0130 00"]
)
def test_a_full_account_number_is_refused_anywhere(api: Any, merchant: str) -> None:
    data = {
        "merchant": merchant,
        "total": {"value": "12.00", "currency": "USD"},
        "purchased_at": "2026-11-23T09:30:00Z",
        "reference": "R-1",
    }
    answer = api.send("receipt", data)
    assert (answer.status_code, answer.json()["code"]) == (422, "full_account_number")
    assert answer.json()["errors"][0]["pointer"] == "/data/merchant"
    assert count() == 0


def test_broken_json_a_large_body_and_no_token(api: Any) -> None:
    broken = api.http.post("/api/v1/notifications", "{", content_type="application/json", headers=api.headers)
    assert (broken.status_code, broken.json()["code"]) == (400, "invalid_request")
    large = api.post("/notifications", {"template": "x" * 2_000_000})
    assert (large.status_code, large.json()["code"]) == (413, "payload_too_large")
    nobody = api.http.post("/api/v1/notifications", {}, content_type="application/json")
    assert (nobody.status_code, nobody.json()["code"]) == (401, "invalid_token")
    assert count() == 0


def test_a_repeated_key_replays_and_another_body_is_refused(api: Any) -> None:
    body = {"customer_ref": "CUST-1", "template": "balance_update", "data": BALANCE}
    first = api.post("/notifications", body, **{"idempotency-key": "k-1"})
    again = api.post("/notifications", body, **{"idempotency-key": "k-1"})
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    other = api.post("/notifications", {**body, "locale": "es"}, **{"idempotency-key": "k-1"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert count() == 1


def test_paused_revoked_and_suspended_are_told_apart(api: Any, world: Any) -> None:
    pause_grant(grant_id=world.ana.grant.id, actor=person(world.ana))
    assert api.send().json()["code"] == "grant_paused"
    end_grant(grant_id=world.ana.grant.id, actor=person(world.ana), reason="test")
    assert api.send().json()["code"] == "no_active_grant"
    change_partner_status(partner_id=world.bank.partner.id, to="SUSPENDED", actor=world.staff.reviewer)
    assert api.send(customer_ref="CUST-2", data={**BALANCE, "account": "acc-ben"}).json()["code"] == (
        "partner_suspended"
    )


def test_a_stranger_and_a_sandbox_client_see_nothing(api: Any, world: Any, api_of: Any) -> None:
    notification = api.send().json()["id"]
    for client in (world.other.clients["live"], world.bank.clients["sandbox"]):
        stranger = api_of(client)
        assert stranger.get(f"/notifications/{notification}").status_code == 404
        assert stranger.get("/notifications").json()["data"] == []
        assert stranger.post(f"/notifications/{notification}/cancel", {}).status_code == 404
        grant = public_id("grt", world.ana.grant.id)
        assert stranger.get(f"/grants/{grant}").status_code == 404


def test_cancel_before_sending_only(api: Any) -> None:
    notification = api.send(send_at="2026-11-25T09:00:00Z", expires_at="2026-11-26T09:00:00Z").json()
    assert notification["status"] == "SCHEDULED"
    assert api.post(f"/notifications/{notification['id']}/cancel", {}).json()["status"] == "CANCELLED"
    again = api.post(f"/notifications/{notification['id']}/cancel", {})
    assert (again.status_code, again.json()["code"]) == (409, "too_late_to_cancel")


def test_revoking_withdraws_what_is_queued(api: Any, world: Any) -> None:
    notification = api.send().json()["id"]
    end_grant(grant_id=world.ana.grant.id, actor=person(world.ana), reason="test")
    assert api.get(f"/notifications/{notification}").json()["status"] == "WITHDRAWN"
    with scope(Principal.system()), transaction.atomic():
        assert Delivery.objects.get().reason == "grant_ended"


def test_the_bank_ends_a_grant(api: Any, world: Any) -> None:
    grant = public_id("grt", world.ana.grant.id)
    assert api.get(f"/grants/{grant}").json()["accounts"][0]["mask"] == "•• 4821"
    assert api.post(f"/grants/{grant}/revoke", {"reason": "account closed"}).json()["status"] == "REVOKED"
    assert api.post(f"/grants/{grant}/revoke", {"reason": "account closed"}).status_code == 409


def test_accepting_takes_few_statements(api: Any, django_assert_max_num_queries: Any) -> None:
    api.send()  # the token is known from here on
    with django_assert_max_num_queries(8):
        assert api.send().status_code == 202
