"""Test customers: made and removed by a sandbox client, reached on a simulated phone, invisible to live."""

from typing import Any

import httpx
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from consents.actions.sandbox import address_of
from consents.models import ConsentRecord, Customer, Grant
from consents.serializers import NEW_CUSTOMER
from notifications.actions.deliver import deliver_batch
from notifications.models import Lane
from partners.models import Sender
from portal.audit.models import AuditEvent
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

from .conftest import Caller, as_caller

BALANCE = {
    "customer_ref": "TEST-1",
    "template": "balance_update",
    "data": {
        "account": "acc-test-1",
        "available": {"value": "1234.50", "currency": "USD"},
        "as_of": "2026-11-23T09:30:00Z",
    },
}
pytestmark = pytest.mark.usefixtures("phones")


@pytest.fixture
def tester(bank: Any) -> Caller:
    """Norden's sandbox client."""
    return as_caller(bank, "sandbox")


def make(caller: Caller, **more: Any) -> Any:
    return caller.post("/sandbox/customers", {**NEW_CUSTOMER, **more})


def delete(caller: Caller, customer_ref: str = "TEST-1") -> Any:
    return caller.http.delete(f"/api/v1/sandbox/customers/{customer_ref}", headers=caller.headers)


def inbox(made: dict[str, Any]) -> list[str]:
    return [message["text"] for message in httpx.get(made["inbox_url"]).json()["data"]]


def count(model: Any) -> int:
    with scope(Principal.system()):
        return model.objects.count()


def test_what_is_sent_to_a_test_customer_is_on_their_phone(committed_world: Any) -> None:
    caller = as_caller(committed_world.bank, "sandbox")
    made = make(caller).json()
    assert caller.post("/notifications", BALANCE).json()["grant_id"] == made["grant_id"]
    assert deliver_batch(lane=Lane.STANDARD) == 1
    (text,) = inbox(made)
    assert "•• 0001" in text
    assert "$1,234.50" in text
    delete(caller)
    assert inbox(made) == []
    phone = {"page_id": made["sender"]}
    assert (
        httpx.get(
            f"{made['inbox_url'].partition('/inbox')[0]}/people/{made['address']}", params=phone
        ).status_code
        == 404
    )
    with scope(Principal.system()), transaction.atomic():
        codes = list(AuditEvent.objects.filter(actor_id=caller.id).values_list("code", flat=True))
    assert codes == ["account.linked", "consent.given", "notification.accepted", "consent.revoked"]


def test_their_grant_is_a_grant_like_any_other(tester: Caller) -> None:
    made = make(tester).json()
    (grant,) = tester.get("/grants?customer_ref=TEST-1").json()["data"]
    assert (grant["id"], grant["status"], grant["environment"]) == (made["grant_id"], "ACTIVE", "sandbox")
    assert grant["accounts"] == NEW_CUSTOMER["accounts"]
    assert grant["history"][0]["event"] == "ConsentGiven"
    answer = tester.post(f"/grants/{grant['id']}/revoke", {"reason": "tried"})
    assert answer.json()["status"] == "REVOKED"
    assert tester.post("/notifications", BALANCE).json()["code"] == "no_active_grant"


def test_one_page_serves_all_of_a_banks_test_customers(tester: Caller) -> None:
    first, second = make(tester).json(), make(tester, customer_ref="TEST/2 é").json()
    assert first["sender"] == second["sender"]
    assert first["address"] != second["address"]
    with scope(Principal.system()):
        assert Sender.objects.filter(environment="sandbox").count() == 1
    assert delete(tester, "TEST/2%20%C3%A9").json() == {"customer_ref": "TEST/2 é", "deleted": True}


def test_a_reference_is_free_again_after_deletion(tester: Caller) -> None:
    first = make(tester).json()
    again = make(tester)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert "delete it first" in again.json()["detail"]
    assert delete(tester).status_code == 200
    assert tester.get("/grants?customer_ref=TEST-1").json()["data"] == []
    assert tester.get(f"/grants/{first['grant_id']}").json()["status"] == "REVOKED"
    assert tester.post("/notifications", BALANCE).json()["code"] == "no_active_grant"
    assert delete(tester).status_code == 404
    second = make(tester).json()
    assert second["address"] == first["address"]
    assert second["grant_id"] != first["grant_id"]


def test_live_clients_are_told_that_it_is_for_the_sandbox(bank: Any) -> None:
    live = as_caller(bank)
    before = count(Customer)
    for answer in (make(live), delete(live)):
        assert (answer.status_code, answer.json()["code"]) == (403, "sandbox_only")
    assert "sandbox" in answer.json()["detail"]
    assert count(Customer) == before


def test_a_live_customer_is_no_test_customer(bank: Any, tester: Caller) -> None:
    assert delete(tester, "CUST-1001").status_code == 404
    assert make(tester, customer_ref="CUST-1001").status_code == 201
    delete(tester, "CUST-1001")
    (grant,) = as_caller(bank).get("/grants?customer_ref=CUST-1001").json()["data"]
    assert grant["status"] == "ACTIVE"


def test_banks_have_their_own(tester: Caller, make_caller: Any) -> None:
    mine, other = make(tester).json(), make(make_caller()).json()
    assert mine["sender"] != other["sender"]
    assert mine["address"] != other["address"]


def test_the_same_key_gives_the_same_answer(tester: Caller) -> None:
    headers = {**tester.headers, "Idempotency-Key": "one"}
    first, second = (
        tester.http.post("/api/v1/sandbox/customers", NEW_CUSTOMER, "application/json", headers=headers)
        for _ in range(2)
    )
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"clusters": []}, "/clusters"),
        ({"clusters": ["ADS"]}, "/clusters"),
        ({"accounts": []}, "/accounts"),
        ({"accounts": [{"ref": "a", "mask": "m"}]}, "/accounts/0/type"),
        ({"channel": "pigeon"}, "/channel"),
        ({"customer_ref": ""}, "/customer_ref"),
        ({"person": "ana"}, "/person"),
    ],
)
def test_what_does_not_fit_is_named_and_makes_nobody(tester: Caller, more: Any, pointer: str) -> None:
    before = count(Customer)
    answer = make(tester, **more)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert count(Customer) == before


def test_a_full_account_number_has_no_place_in_an_account(tester: Caller) -> None:
    accounts = [{"ref": "acc-1", "mask": "4111 1111 1111 1111", "type": "Card"}]
    answer = make(tester, accounts=accounts)
    assert (answer.status_code, answer.json()["code"]) == (422, "full_account_number")
    assert answer.json()["errors"][0]["pointer"] == "/accounts/0/mask"


def test_without_the_platform_nothing_is_made(tester: Caller, settings: Any) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    before = count(Grant), count(ConsentRecord)
    answer = make(tester)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert (count(Grant), count(ConsentRecord)) == before


def test_a_phone_number_tells_nothing_of_the_reference(tester: Caller) -> None:
    address = address_of(tester.partner_id, "12345")
    assert address.isdigit()
    assert len(address) == 17
    assert "12345" not in address


def test_the_second_costs_as_many_statements_as_the_hundredth(tester: Caller) -> None:
    make(tester)
    counts = []
    for number in (2, 3):
        with CaptureQueriesContext(connection) as queries:
            make(tester, customer_ref=f"TEST-{number}")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 75
