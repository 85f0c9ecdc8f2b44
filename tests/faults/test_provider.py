"""A messaging platform that fails, throttles, refuses, is away or says nothing."""

import time
from datetime import UTC, datetime

import pytest

from tests.faults.kit import ARRIVED, LEASE, SWEEP, from_now, until

pytestmark = pytest.mark.faults


def detail(bank, answer):
    return bank.get(f"/notifications/ntf_{answer.id}")


def arrives(bank):
    """Sends one event and returns the seconds until it is known to have arrived."""
    began = time.monotonic()
    sent = bank.send(bank.customers[0])
    until(lambda: bank.deliveries()[sent.id].status in ARRIVED, seconds=30, what="a neighbour's message")
    return time.monotonic() - began


def first_attempt(bank, answer):
    """The first attempt, once there is one."""
    return until(lambda: detail(bank, answer)["attempts"], seconds=15, what="an attempt")[0]


def seconds_until(moment):
    return (datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds()


@pytest.mark.parametrize("slug", ["failing"])
def test_a_failing_platform_is_asked_again_later_and_spared_meanwhile(demo, bank):
    breaker = "SELECT breaker_open_until AS moment FROM partners_sender WHERE id = %s"
    bank.fault("error", latency_ms=1500)
    accepted = bank.send_many(12)
    until(lambda: bank.statuses()["SENDING"], seconds=15, what="a first batch under way")
    accepted += bank.send_many(24)
    opened = until(lambda: demo.rows(breaker, bank.sender_id)[0].moment, seconds=20, what="the breaker")
    spared = bank.send_many(3)
    failed = [attempt for answer in accepted for attempt in detail(bank, answer)["attempts"]]
    assert {attempt["outcome"] for attempt in failed} == {"transient"}
    assert all(attempt["next_attempt_at"] > attempt["at"] for attempt in failed)
    bank.fault()

    # However many were under way when the breaker opened, its first pause is the short one.
    ended = bank.settle(accepted + spared, seconds=30)

    assert {row.status for row in ended.values()} <= ARRIVED
    for answer in spared:
        assert datetime.fromisoformat(first_attempt(bank, answer)["at"]) >= opened
    assert demo.rows(breaker, bank.sender_id)[0].moment is None


@pytest.mark.parametrize("slug", ["late"])
def test_expiry_comes_before_another_try(bank):
    bank.fault("error", count=1)
    late = bank.send(bank.customers[0], expires_at=from_now(4))
    until(lambda: bank.statuses()["EXPIRED"], seconds=15, what="expiry")
    on_time = bank.send(bank.customers[0])

    ended = bank.settle([late, on_time], seconds=20)

    assert (ended[late.id].status, ended[late.id].attempts) == ("EXPIRED", 1)
    assert ended[on_time.id].status in ARRIVED


@pytest.mark.parametrize("slug", ["throttled"])
def test_a_throttled_send_waits_as_long_as_the_platform_says_and_can_be_taken_back_meanwhile(bank):
    bank.fault("rate_limit", count=1)
    throttled = bank.send(bank.customers[0])

    attempt = first_attempt(bank, throttled)

    assert (attempt["outcome"], attempt["code"]) == ("throttled", "613")
    assert seconds_until(attempt["next_attempt_at"]) > 50
    assert bank.post(f"/notifications/ntf_{throttled.id}/cancel", {}).body["status"] == "CANCELLED"


@pytest.mark.parametrize("slug", ["limited"])
def test_a_page_over_its_limit_is_left_alone_because_more_calls_lengthen_the_block(banks, bank):
    bank.fault("rate_limit")
    first_attempt(bank, bank.send(bank.customers[0]))
    for customer in bank.customers[1:]:
        bank.send(customer)

    # Another bank's events pass through the same lane, so these have had their turn.
    for _ in range(2):
        arrives(banks["neighbour"])
    assert bank.sends() == {"613": 1}


@pytest.mark.parametrize("slug", ["blocked"])
def test_who_blocked_the_bank_is_not_asked_again_until_they_write(bank):
    bank.fault("blocked", count=1)
    first = bank.send(bank.customers[0])
    until(lambda: bank.statuses()["FAILED"] == 1, seconds=15, what="the refusal")
    second = bank.send(bank.customers[0])
    until(lambda: bank.statuses()["FAILED"] == 2, seconds=15, what="the second event's end")
    assert bank.sends() == {"551/1545041": 1}
    assert detail(bank, second)["attempts"] == []

    bank.writes(bank.customers[0], "HELP")
    until(lambda: bank.phone(bank.customers[0]), seconds=15, what="the answer to HELP")
    third = bank.send(bank.customers[0])

    assert bank.settle([first, second, third], seconds=20)[third.id].status in ARRIVED


@pytest.mark.parametrize("slug", ["away"])
def test_what_comes_while_the_platform_is_away_is_sent_when_it_is_back(demo, bank):
    demo.kill("portal.sandbox")
    accepted = bank.send_many(5)
    assert {first_attempt(bank, answer)["outcome"] for answer in accepted} == {"transient"}
    until(demo.is_whole, seconds=30, what="the platform's return")

    assert {row.status for row in bank.settle(accepted, seconds=30).values()} <= ARRIVED


@pytest.mark.parametrize("slug", ["silent"])
def test_a_send_without_an_answer_is_never_sent_again(bank):
    heard, unheard, cut_off = bank.customers
    faults = [("timeout", heard, True), ("timeout", unheard, False), ("down", cut_off, True)]
    accepted = []
    for tried, (mode, customer, taken) in enumerate(faults, start=1):
        bank.fault(mode, accepted=taken, latency_ms=300)
        accepted.append(bank.send(customer))
        until(lambda tried=tried: bank.sends().total() == tried, seconds=15, what=mode)
    bank.fault()

    ended = bank.settle(accepted, seconds=2 * LEASE + SWEEP + 15)

    echoed, *silent = (ended[answer.id] for answer in accepted)
    assert echoed.status in ARRIVED
    assert {row.status for row in silent} == {"UNCONFIRMED"}
    assert {row.attempts for row in ended.values()} == {1}
    assert bank.sends() == {"timeout": 2, "down": 1}
    assert [attempt["outcome"] for attempt in detail(bank, accepted[1])["attempts"]] == ["unknown"]


@pytest.mark.parametrize("slug", ["hung"])
def test_one_banks_silent_platform_does_not_hold_up_another_banks_messages(banks, bank):
    bank.fault("timeout", accepted=False)
    for _ in range(2):
        bank.send_many(30)
        until(lambda: bank.statuses()["SENDING"], seconds=10, what="sends nobody answers")

    assert arrives(banks["neighbour"]) < 5
