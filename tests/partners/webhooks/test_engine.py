"""What a bank's server receives: signed, in order, again after a failure, and never twice as something new."""

import threading
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from standardwebhooks import Webhook, WebhookVerificationError

from partners.webhooks import Event, EventType, emit_many
from partners.webhooks.actions.claim import LEASE, claim_due
from partners.webhooks.actions.outcome import RETRY_SECONDS
from partners.webhooks.engine import deliver_due
from portal.tenancy.context import scope

from .conftest import (
    PATIENCE,
    SYSTEM,
    answer,
    ask,
    deliveries,
    echo,
    fresh,
    let_time_pass,
    seconds_until,
    verified,
)


def test_an_event_comes_signed_once_and_at_once(bank: Any, server: Any) -> None:
    endpoint, secret = bank.add(server.url())
    deliver_due()
    bank.tell(EventType.GRANT_REVOKED, grant_id=uuid4(), status="REVOKED")
    deliver_due()
    [call] = server.at()
    body = verified(call, secret)
    assert body == call.json
    assert set(body) == {"type", "timestamp", "data", "environment"}
    assert (body["type"], body["environment"]) == ("grant.revoked", "sandbox")
    assert body["data"] == {"status": "REVOKED", "sequence": 1}
    assert call.headers["content-type"] == "application/json"
    [row] = deliveries(endpoint)
    assert (row.status, row.attempts) == ("DELIVERED", 1)
    assert call.id == f"evt_{row.message_id.hex}"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(call.body + b" ", call.headers)


def test_only_the_types_that_were_asked_for_come(bank: Any, server: Any) -> None:
    bank.listen(server.url("/some"), event_types=["grant.revoked"])
    bank.listen(server.url("/all"))
    bank.tell(EventType.GRANT_PAUSED)
    bank.tell(EventType.GRANT_REVOKED)
    deliver_due()
    assert [call.json["type"] for call in server.at("/some")] == ["grant.revoked"]
    assert sorted(call.json["type"] for call in server.at("/all")) == ["grant.paused", "grant.revoked"]
    assert {call.id for call in server.at("/some")} < {call.id for call in server.at("/all")}


def test_a_failure_is_tried_again_after_each_pause_with_the_same_id_and_body(bank: Any, server: Any) -> None:
    endpoint = bank.listen(server.url())
    server.behaviours["/hook"] = answer(500, b"out of order")
    bank.tell(grant_id=uuid4())
    for pause in RETRY_SECONDS:
        deliver_due()
        [row] = deliveries(endpoint)
        assert row.status == "PENDING"
        assert pause - 1 <= seconds_until(row.next_attempt_at) <= pause * 1.2
        let_time_pass()
    deliver_due()
    [row] = deliveries(endpoint)
    assert (row.status, row.reason, row.attempts) == ("FAILED", "exhausted", 8)
    assert len(server.at()) == 8
    assert len({(call.id, call.body) for call in server.at()}) == 1
    let_time_pass()
    deliver_due()
    assert len(server.at()) == 8


def test_retry_after_holds_the_endpoint(bank: Any, server: Any) -> None:
    endpoint = bank.listen(server.url())
    server.behaviours["/hook"] = answer(429, Retry_After="600")
    bank.tell()
    deliver_due()
    bank.tell()
    deliver_due()
    assert len(server.at()) == 1
    assert 590 < seconds_until(deliveries(endpoint)[0].next_attempt_at) <= 600
    assert 590 < seconds_until(fresh(endpoint).held_until) <= 600


def test_retry_after_may_be_a_date_and_is_never_longer_than_a_day(bank: Any, server: Any) -> None:
    endpoint = bank.listen(server.url())
    server.behaviours["/hook"] = answer(503, Retry_After="Fri, 01 Jan 2100 00:00:00 GMT")
    bank.tell()
    deliver_due()
    assert 86_390 < seconds_until(deliveries(endpoint)[0].next_attempt_at) <= 86_400


def test_redirects_are_not_followed_and_count_as_failures(bank: Any, server: Any) -> None:
    endpoint = bank.listen(server.url())
    server.behaviours["/hook"] = answer(307, Location=server.url("/elsewhere"))
    bank.tell()
    deliver_due()
    assert server.at("/elsewhere") == []
    assert deliveries(endpoint)[0].status == "PENDING"
    [[status, error]] = ask(
        "SELECT response_status, error FROM partners_webhookattempt ORDER BY id DESC LIMIT 1"
    )
    assert status == 307
    assert "redirect" in error


def test_the_events_of_a_grant_come_one_after_the_other_others_meanwhile(bank: Any, server: Any) -> None:
    endpoint = bank.listen(server.url())
    stuck, free = uuid4(), uuid4()
    server.behaviours["/hook"] = lambda call: (
        500 if call.json["data"] == {"n": 1, "sequence": 1} else 200,
        {},
        b"",
    )
    for number in (1, 2, 3):
        bank.tell(grant_id=stuck, n=number)
    for number in (4, 5, 6):
        bank.tell(grant_id=free, n=number)
    deliver_due()
    assert [call.json["data"]["n"] for call in server.at()].count(1) == 1
    assert sorted(row.status for row in deliveries(endpoint)) == ["DELIVERED"] * 3 + ["PENDING"] * 3
    server.behaviours["/hook"] = answer()
    let_time_pass()
    deliver_due()
    order = [call.json["data"] for call in server.at()]
    assert [data["n"] for data in order if data["n"] >= 4] == [4, 5, 6]
    assert [data["n"] for data in order if data["n"] <= 3] == [1, 1, 2, 3]
    assert [data["sequence"] for data in order if data["n"] >= 4] == [1, 2, 3]


def test_a_worker_that_dies_in_mid_send_loses_nothing(bank: Any, server: Any) -> None:
    endpoint = bank.listen(server.url())
    bank.tell(grant_id=uuid4())
    [claimed] = claim_due(10)
    assert 0 < seconds_until(fresh(deliveries(endpoint)[0]).lease_until) <= LEASE
    deliver_due()
    assert server.at() == []
    ask(
        "UPDATE partners_webhookdelivery SET lease_until = now(), next_attempt_at = now() WHERE id = %s",
        claimed.id,
    )
    deliver_due()
    [call] = server.at()
    assert call.id == f"evt_{claimed.message_id.hex}"
    [row] = deliveries(endpoint)
    assert (row.status, row.attempts) == ("DELIVERED", 2)


def test_one_slow_endpoint_holds_up_no_other_and_gets_a_few_at_a_time(bank: Any, server: Any) -> None:
    slow, quick = bank.listen(server.url("/slow")), bank.listen(server.url("/quick"))
    gate, most, inside, lock = threading.Event(), [0], [0], threading.Lock()

    def wait(call: Any) -> tuple[int, dict[str, str], bytes]:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        gate.wait(PATIENCE)
        with lock:
            inside[0] -= 1
        return 200, {}, b""

    def count(call: Any) -> tuple[int, dict[str, str], bytes]:
        if len(server.at("/quick")) == 40:
            gate.set()
        return echo(call)

    server.behaviours |= {"/slow": wait, "/quick": count}
    for _ in range(40):
        bank.tell()
    deliver_due(seconds=PATIENCE)
    assert gate.is_set()
    assert most[0] == 5
    for endpoint in (slow, quick):
        assert {row.status for row in deliveries(endpoint)} == {"DELIVERED"}


def test_an_endpoint_that_does_not_answer_is_given_up_in_time(
    bank: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = bank.listen(server.url())
    monkeypatch.setattr("partners.webhooks.post.ANSWER_SECONDS", 0.2)
    gate = threading.Event()
    server.behaviours["/hook"] = lambda call: (200 if gate.wait(PATIENCE) else 500, {}, b"")
    bank.tell()
    deliver_due()
    gate.set()
    assert deliveries(endpoint)[0].status == "PENDING"
    [[error]] = ask("SELECT error FROM partners_webhookattempt ORDER BY id DESC LIMIT 1")
    assert error.startswith("No answer came within")


def test_a_closed_port_is_a_failure_with_a_sentence(bank: Any, server: Any) -> None:
    endpoint, _ = bank.add("http://127.0.0.1:9/hook")
    deliver_due()
    [[error]] = ask("SELECT error FROM partners_webhookattempt")
    assert error == "No connection could be made."
    assert fresh(endpoint).verified_at is None


def test_an_endpoint_gets_no_more_a_second_than_it_wants(bank: Any, server: Any) -> None:
    endpoint = bank.listen(server.url(), rate_per_second=2)
    ask("UPDATE partners_webhookendpoint SET rate_due = NULL")
    for _ in range(6):
        bank.tell()
    assert len(claim_due(100)) == 2
    assert claim_due(100) == []
    assert seconds_until(fresh(endpoint).rate_due) <= 1


def test_what_waits_behind_a_grants_first_event_hides_no_other_grant(bank: Any, server: Any) -> None:
    endpoint, stuck = bank.listen(server.url()), uuid4()
    waiting = [
        Event(EventType.GRANT_PAUSED, bank.partner.id, "sandbox", {"n": number}, grant_id=stuck)
        for number in range(1_100)
    ]
    with scope(SYSTEM), transaction.atomic():
        emit_many(waiting)
    [first] = claim_due(10)
    bank.tell(grant_id=uuid4(), n="other")
    deliver_due()
    assert [call.json["data"]["n"] for call in server.at()] == ["other"]
    ask(
        "UPDATE partners_webhookdelivery SET lease_until = now(), next_attempt_at = now() WHERE id = %s",
        first.id,
    )
    deliver_due(seconds=0.5)
    came = [call.json["data"]["n"] for call in server.at()][1:]
    assert came[:2] == [0, 1]
    assert came == list(range(len(came)))
    assert deliveries(endpoint)[0].attempts == 2
