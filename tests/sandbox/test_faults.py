"""Faults on demand, and the counts that show what happened."""

import time

import httpx
import pytest


def stats(bank) -> dict:
    answer = bank.http.get("/stats")
    assert answer.status_code == 200
    return answer.json()


def mine(bank) -> dict:
    """This bank's own counts."""
    return next(s for s in stats(bank)["senders"] if s["sender"] == bank.page)


def test_error_defaults_to_a_transient_500(bank, error_of):
    bank.fault("error", count=1)
    answer = bank.send()
    assert error_of(answer, status=500) == (2, None)
    assert answer.json()["error"]["is_transient"] is True
    assert bank.inbox() == []
    assert bank.send().status_code == 200


@pytest.mark.parametrize(
    ("fields", "status", "expected"),
    [
        ({"code": 1200}, 400, (1200, None)),
        ({"code": 190, "subcode": 463}, 400, (190, 463)),
        ({"code": 10, "subcode": 2018278}, 400, (10, 2018278)),
        ({"code": 200, "subcode": 1545041}, 400, (200, 1545041)),
        ({"status": 503}, 503, (2, None)),
        ({"code": 100, "status": 200}, 200, (100, None)),
    ],
)
def test_error_as_asked(bank, error_of, fields, status, expected):
    if status == 200:
        body = {"channel": "messenger", "mode": "error", "sender": bank.page, **fields}
        assert bank.http.post("/faults", json=body).status_code == 200
    else:
        bank.fault("error", **fields)
    assert error_of(bank.send(), status=status) == expected
    bank.fault("none")


def test_rate_limit(bank, error_of):
    bank.fault("rate_limit", count=1)
    answer = bank.send()
    assert error_of(answer) == (613, None)
    assert "X-Business-Use-Case-Usage" in answer.headers
    bank.fault("rate_limit", code=80006)
    assert error_of(bank.send()) == (80006, None)
    assert error_of(bank.send()) == (80006, None)
    bank.fault("none")
    assert bank.send().status_code == 200


def test_blocked(bank, error_of):
    bank.fault("blocked", count=1)
    assert error_of(bank.send()) == (551, 1545041)


def test_down_closes_the_connection(bank):
    bank.fault("down", count=2)
    for _ in range(2):
        with pytest.raises(httpx.TransportError):
            bank.send()
    assert bank.send().status_code == 200
    assert len(bank.inbox()) == 1


def test_down_with_a_status_answers_it(bank):
    bank.fault("down", status=503)
    assert bank.send().status_code == 503
    assert bank.graph("GET", "me").status_code == 503
    bank.fault("none")


@pytest.mark.parametrize("accepted", [True, False])
def test_timeout_may_or_may_not_have_taken_the_message(hooked, receiver, accepted):
    hooked.fault("timeout", count=1, accepted=accepted)
    body = {"recipient": {"id": hooked.psid}, "messaging_type": "UPDATE"}
    body["message"] = {"text": "Anyone?", "metadata": "dlv_9"}
    url = f"/v26.0/me/messages?access_token={hooked.token}"
    with pytest.raises(httpx.ReadTimeout):
        hooked.http.post(url, json=body, timeout=0.3)
    hooked.send({"text": "After", "metadata": "dlv_10"})
    expected = ["dlv_9", "dlv_10"] if accepted else ["dlv_10"]
    receiver.wait_for("echo", len(expected))
    assert sorted(e["message"]["metadata"] for e in receiver.events("echo")) == sorted(expected)
    assert len(hooked.inbox()) == len(expected)


def test_timeout_with_latency_closes_after_it(bank):
    bank.fault("timeout", count=1, latency_ms=50)
    started = time.monotonic()
    with pytest.raises(httpx.RemoteProtocolError):
        bank.send()
    assert 0.05 <= time.monotonic() - started < 2


def test_latency_alone(bank):
    bank.fault("none", latency_ms=150, count=1)
    started = time.monotonic()
    assert bank.send().status_code == 200
    assert time.monotonic() - started >= 0.15


def test_a_senders_fault_leaves_others_alone(bank, new_bank, error_of):
    other = new_bank(bank.http)
    bank.fault("error", code=1200)
    assert error_of(bank.send()) == (1200, None)
    assert other.send().status_code == 200
    bank.fault("none")


def test_channel_wide_fault_and_clearing(bank, error_of):
    put = {"channel": "messenger", "mode": "error", "code": 1200}
    answer = bank.http.post("/faults", json=put)
    assert answer.json()["data"][0]["mode"] == "error"
    assert bank.http.get("/faults").json() == answer.json()
    assert error_of(bank.send()) == (1200, None)
    cleared = bank.http.post("/faults", json={"channel": "messenger", "mode": "none"})
    assert cleared.json() == {"data": []}
    assert bank.send().status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"channel": "pigeon", "mode": "none"},
        {"channel": "messenger", "mode": "explode"},
        {"channel": "messenger", "mode": "error", "status": 42},
        {"channel": "messenger", "mode": "error", "code": "190"},
        {"channel": "messenger", "mode": "error", "count": 0},
        {"channel": "messenger", "mode": "error", "latency_ms": -1},
        {"channel": "messenger", "mode": "error", "lattency_ms": 1},
    ],
)
def test_bad_faults_are_refused(http, body):
    answer = http.post("/faults", json=body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "invalid_request"
    assert answer.json()["errors"]


def test_stats_count_outcomes_per_sender(bank):
    bank.send("One")
    bank.fault("error", code=1200, count=1)
    bank.send("Two")
    bank.send({"text": "x" * 2000})
    counts = mine(bank)
    assert counts["name"] == "First Bank"
    assert counts["total"] == 3
    assert counts["accepted"] == 1
    assert counts["outcomes"] == {"accepted": 1, "1200": 1, "100": 1}
    whole = stats(bank)
    assert whole["sends"]["total"] >= 3
    assert {"p50", "p95", "p99", "max"} <= set(whole["sends"]["latency_ms"])
    assert whole["phones"] >= 1
