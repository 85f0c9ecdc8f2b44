"""Batches: each item stands alone, the order is kept, and the number of statements does not grow."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from consents.actions.stop import pause_grant
from notifications.actions.deliver import deliver_batch
from notifications.message import render_for
from notifications.models import Delivery, Lane, Notification
from notifications.views import batch_api
from portal.api.models import IdempotencyKey
from portal.audit.models import AuditEvent
from portal.ids import parse_public_id, public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

from .conftest import BALANCE, Api
from .test_engine import bank_api, platform  # noqa: F401 (fixtures)

ITEM = {"customer_ref": "CUST-1", "template": "balance_update", "data": BALANCE}
RECEIPT = {
    "merchant": "Corner Bakery",
    "total": {"value": "12.40", "currency": "USD"},
    "purchased_at": "2026-11-23T09:30:00Z",
    "reference": "R-77123",
}


def item(**more: Any) -> dict[str, Any]:
    return {**ITEM, **more}


def balance(amount: str, account: str = "acc-ana") -> dict[str, Any]:
    return {**BALANCE, "account": account, "available": {"value": amount, "currency": "USD"}}


def batch(api: Api, *items: Any, **headers: str) -> Any:
    return api.post("/notifications/batch", {"notifications": list(items)}, **headers)


def told(answer: Any) -> list[Any]:
    """Of each item its status, or its problem's code."""
    assert answer.status_code == 200, answer.content
    data = answer.json()["data"]
    assert [one["index"] for one in data] == list(range(len(data)))
    return [one["problem"]["code"] if "problem" in one else one["status"] for one in data]


def rows(model: Any) -> list[Any]:
    with scope(Principal.system()), transaction.atomic():
        return list(model.objects.order_by("id"))


def test_each_item_stands_alone_and_the_order_is_kept(api: Api, world: Any) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    by_grant = item(grant_id=public_id("grt", world.ana.grant.id))
    del by_grant["customer_ref"]
    answer = batch(
        api,
        item(),
        item(customer_ref="nobody"),
        item(customer_ref="CUST-2", data=balance("1.00", "acc-ben")),
        item(data={**BALANCE, "offer": "half price"}),
        item(template="receipt", data=RECEIPT),
        by_grant,
        item(send_at=later),
        item(template="nothing"),
        item(template="card_payment", data=BALANCE),
        item(data=balance("1.00", "acc-ben")),
        item(data={**BALANCE, "account": "4111 1111 1111 1111"}),
        item(colour="red"),
        item(grant_id=public_id("grt", world.charlie.grant.id), customer_ref=None),
        "no object",
        item(expires_at="2020-01-01T00:00:00Z"),
    )
    assert told(answer) == [
        "ACCEPTED", "no_active_grant", "ACCEPTED", "invalid_data", "ACCEPTED", "ACCEPTED", "SCHEDULED",
        "template_not_approved", "no_active_grant", "account_not_in_grant", "full_account_number",
        "invalid_request", "no_active_grant", "invalid_request", "invalid_request",
    ]  # fmt: skip
    problem = answer.json()["data"][3]["problem"]
    assert problem["errors"][0]["pointer"] == "/data/offer"
    assert problem["request_id"] == answer["X-Request-Id"]
    taken = [one["id"] for one in answer.json()["data"] if "id" in one]
    assert [public_id("ntf", one.id) for one in rows(Notification)] == taken


def test_what_was_taken_is_what_a_call_of_its_own_would_have_written(api: Api) -> None:
    alone, together = api.send().json()["id"], batch(api, ITEM).json()["data"][0]["id"]
    with scope(Principal.system()), transaction.atomic():
        first, second = (
            Delivery.objects.select_related("notification__grant", "notification__template_version").get(
                notification_id=parse_public_id("ntf", one)
            )
            for one in (alone, together)
        )
        texts = {render_for(one.notification) for one in (first, second)}
        events = [
            list(
                AuditEvent.objects.filter(target_id=one.notification_id).values_list(
                    "code", "actor_id", "person_id"
                )
            )
            for one in (first, second)
        ]
    assert len(texts) == 1
    assert events[0] == events[1]
    same = [
        field.attname for field in Delivery._meta.fields if field.attname not in ("id", "notification_id")
    ]
    times = {"next_attempt_at", "expires_at"}
    for name in set(same) - times:
        assert getattr(first, name) == getattr(second, name), name
    for name in times:
        assert abs(getattr(first, name) - getattr(second, name)) < timedelta(seconds=20)
    for field in Notification._meta.fields:
        if field.attname not in ("id", "data", "created_at"):
            assert getattr(first.notification, field.attname) == getattr(second.notification, field.attname)


def test_a_batch_reaches_the_phones(bank_api: Api, platform: Any) -> None:  # noqa: F811
    batch(bank_api, *(item(data=balance(f"{number}.00")) for number in range(1, 6)))
    assert deliver_batch(lane=Lane.STANDARD) == 5
    assert sorted(
        body["message"]["attachment"]["payload"]["text"].split("$")[1][0] for body in platform.seen
    ) == list("12345")


def test_the_scope_is_asked_of_each_item(world: Any) -> None:
    api = Api(world.bank.clients["live"])
    token = api.http.post(
        "/oauth/token",
        {
            "grant_type": "client_credentials",
            "scope": "notify:balances",
            "client_id": world.bank.clients["live"].client_id,
            "client_secret": world.bank.clients["live"].client_secret,
        },
    ).json()["access_token"]
    api.headers = {"authorization": f"Bearer {token}"}
    answer = batch(api, item(template="receipt", data=RECEIPT), item())
    assert told(answer) == ["insufficient_scope", "ACCEPTED"]
    assert "notify:receipts" in answer.json()["data"][0]["problem"]["detail"]


def test_a_grant_that_was_paused_is_refused_and_the_others_pass(api: Api, world: Any) -> None:
    pause_grant(grant_id=world.ana.grant.id, actor=Principal(Kind.PERSON, person_id=world.ana.person_id))
    ben = item(customer_ref="CUST-2", data=balance("1.00", "acc-ben"))
    assert told(batch(api, item(), ben, item())) == ["grant_paused", "ACCEPTED", "grant_paused"]


def test_advertising_is_refused_and_noted(api: Api) -> None:
    answer = batch(api, item(template="receipt", data={**RECEIPT, "merchant": "Buy now!!"}), item())
    assert told(answer) == ["invalid_data", "ACCEPTED"]
    assert "promotion.refused" in [event.code for event in rows(AuditEvent)]


class TestIdempotency:
    def test_an_item_with_a_key_is_taken_once(self, api: Api) -> None:
        first = batch(api, item(idempotency_key="a"), item(), item(idempotency_key="b"))
        again = batch(api, item(idempotency_key="b"), item(idempotency_key="c"), item(idempotency_key="a"))
        one, _, two = first.json()["data"]
        assert (again.json()["data"][0]["id"], again.json()["data"][2]["id"]) == (two["id"], one["id"])
        assert len(rows(Notification)) == 4

    def test_a_key_with_another_content_is_refused(self, api: Api) -> None:
        batch(api, item(idempotency_key="a"))
        other = item(idempotency_key="a", data=balance("2.00"))
        assert told(batch(api, other, item(idempotency_key="a"))) == ["idempotency_key_reused", "ACCEPTED"]
        assert len(rows(Notification)) == 1

    def test_within_one_batch_too(self, api: Api) -> None:
        same, other = item(idempotency_key="a"), item(idempotency_key="a", data=balance("2.00"))
        answer = batch(api, same, other, same)
        assert told(answer) == ["ACCEPTED", "idempotency_key_reused", "ACCEPTED"]
        data = answer.json()["data"]
        assert data[0]["id"] == data[2]["id"]
        assert len(rows(Notification)) == 1

    def test_a_refused_item_can_be_sent_again(self, api: Api) -> None:
        assert told(batch(api, item(idempotency_key="a", template="nothing"))) == ["template_not_approved"]
        assert told(batch(api, item(idempotency_key="a"))) == ["ACCEPTED"]

    def test_a_key_of_a_call_is_not_one_of_an_item(self, api: Api) -> None:
        api.post("/notifications", ITEM, **{"Idempotency-Key": "a"})
        assert told(batch(api, item(idempotency_key="a"))) == ["idempotency_key_reused"]
        assert len(rows(Notification)) == 1

    def test_keys_belong_to_their_client(self, api: Api, api_of: Any, world: Any) -> None:
        batch(api, item(idempotency_key="a"))
        other = api_of(world.other.clients["live"])
        assert told(batch(other, item(idempotency_key="a", data=balance("1.00", "acc-charlie")))) == [
            "ACCEPTED"
        ]

    def test_the_whole_batch_has_a_key_as_well(self, api: Api) -> None:
        first = batch(api, item(), item(customer_ref="nobody"), **{"Idempotency-Key": "whole"})
        again = batch(api, item(), item(customer_ref="nobody"), **{"Idempotency-Key": "whole"})
        assert again.json() == first.json()
        assert again["Idempotent-Replayed"] == "true"
        assert len(rows(Notification)) == 1

    def test_a_lost_race_replays_the_winners_answer(self, api: Api, monkeypatch: Any) -> None:
        winner, look = batch(api, item(idempotency_key="a")).json(), batch_api.replay_items
        looks = count(1)
        monkeypatch.setattr(
            batch_api, "replay_items", lambda **asked: {} if next(looks) == 1 else look(**asked)
        )
        assert batch(api, item(idempotency_key="a"), item()).json()["data"][0] == winner["data"][0]
        assert next(looks) == 3
        assert len(rows(Notification)) == 2

    def test_what_is_kept_is_sealed(self, api: Api) -> None:
        batch(api, item(idempotency_key="a"))
        (kept,) = rows(IdempotencyKey)
        assert b"ACCEPTED" not in bytes(kept.body)


def test_what_is_collapsed_is_cancelled_before_and_within_the_batch(api: Api) -> None:
    api.send(collapse_key="balance")
    ben = item(customer_ref="CUST-2", data=balance("1.00", "acc-ben"), collapse_key="balance")
    api.send(collapse_key="other")
    batch(api, item(collapse_key="balance"), ben, item(collapse_key="balance"), item(), item())
    found = [(one.status, one.reason) for one in rows(Delivery)]
    gone, queued = ("CANCELLED", "collapsed"), ("QUEUED", "")
    assert found == [gone, queued, gone, queued, queued, queued, queued]
    assert [one.ended_at is not None for one in rows(Delivery)] == [one == gone for one in found]


@pytest.mark.parametrize("items", [[], [ITEM] * 1001, "all", None])
def test_a_batch_has_one_to_a_thousand_items(api: Api, items: Any) -> None:
    answer = api.post("/notifications/batch", {"notifications": items})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert answer.json()["errors"][0]["pointer"] == "/notifications"


def test_more_than_a_megabyte_is_too_large(api: Api) -> None:
    large = json.dumps({"notifications": [{"x": "y" * 1_100_000}]})
    answer = api.http.post("/api/v1/notifications/batch", large, "application/json", headers=api.headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


def test_a_thousand_items_take_as_many_statements_as_two(api: Api) -> None:
    def statements(number: int, name: str) -> int:
        items = [
            item(idempotency_key=f"{name}-{place}", collapse_key=str(place % 7)) for place in range(number)
        ]
        with CaptureQueriesContext(connection) as queries:
            assert set(told(batch(api, *items))) == {"ACCEPTED"}
        return len(queries)

    batch(api, item(idempotency_key="first"))
    assert statements(2, "few") == statements(400, "many") <= 12
