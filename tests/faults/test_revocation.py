"""Once a revocation has committed, no send of that grant begins; once a cancel is confirmed, none at all."""

import random
import select
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.faults.conftest import RACING
from tests.faults.kit import ARRIVED, from_now, is_reply, until

pytestmark = pytest.mark.faults
EACH = 100
KEPT = 3
BATCH = 1000  # events a request
LATENCY = timedelta(milliseconds=80)  # how long the platform thinks after it has received a send
LAG = timedelta(milliseconds=50)  # by how much a busy machine may wake it late from that
# By our own clock, to the microsecond: what was begun after the revocation of its grant was committed
BEGUN_AFTER = """
SELECT a.at, s.stopped_at FROM notifications_delivery d JOIN notifications_attempt a ON a.delivery_id = d.id
JOIN consents_grantstop s ON s.grant_id = d.grant_id
WHERE d.sender_id = %s AND a.at > s.stopped_at
"""
# What was sent and does not lead to a record of its own grant, given before and valid then
WITHOUT_RECORD = """
SELECT d.id FROM notifications_delivery d JOIN notifications_notification n ON n.id = d.notification_id
JOIN notifications_attempt a ON a.delivery_id = d.id LEFT JOIN consents_consentrecord r ON r.id = n.record_id
WHERE d.sender_id = %s AND (r.id IS NULL OR r.grant_id <> d.grant_id OR a.at NOT BETWEEN r.at AND r.valid_until
                            OR NOT n.cluster = ANY (r.clusters))
"""
SEEN = """
SELECT count(DISTINCT s.id) AS stops, count(DISTINCT a.delivery_id) AS sends
FROM notifications_delivery d JOIN consents_grant g ON g.id = d.grant_id
LEFT JOIN consents_grantstop s ON s.grant_id = g.id
LEFT JOIN notifications_attempt a ON a.delivery_id = d.id WHERE d.sender_id = %s
"""
BACKLOG = 200  # more connections than a listener that accepts none keeps waiting


def test_of_10000_queued_none_begins_to_be_sent_after_its_revocation_committed(demo, banks):
    racing = [banks[slug] for slug in RACING]
    for bank in racing:
        # Receipts of so many would keep what comes after this test waiting
        bank.fault(latency_ms=round(LATENCY.total_seconds() * 1000), drop_receipts=True)
    due = from_now(25)
    with demo.more_workers(3), ThreadPoolExecutor(len(racing)) as pool:
        accepted = list(pool.map(lambda bank: queue_batches(bank, EACH * len(bank.customers), due), racing))
        stopped = list(pool.map(stop_at_random, racing))
        ended = [bank.settle(queued, seconds=120) for bank, queued in zip(racing, accepted, strict=True)]

    assert sum(map(len, ended)) == 10_000
    for bank, moments, rows in zip(racing, stopped, ended, strict=True):
        check_race(demo, bank, moments, rows.values())


def stop_at_random(bank):
    """All but those who are KEPT; returns the moments of their stops."""
    revoked = bank.customers[KEPT:]
    # Early enough: each stop takes messages away that a later one would wait for
    moments = sorted(random.sample(range(20, 800), len(revoked)))
    ways = [write_stop if place % 3 == 0 else revoke for place in range(len(revoked))]
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda *how: stop_at(bank, *how), moments, ways, revoked))


def check_race(demo, bank, moments, ended):
    kept, revoked = bank.customers[:KEPT], bank.customers[KEPT:]
    for customer, moment in zip(revoked, moments, strict=True):
        assert all(at <= moment + LAG for at in begins(bank, customer))
    of_kept = {customer.grant_id for customer in kept}
    assert {row.status for row in ended if row.grant_id.hex in of_kept} <= ARRIVED
    others = [row.status for row in ended if row.grant_id.hex not in of_kept]
    assert set(others) <= {*ARRIVED, "WITHDRAWN"}
    assert others.count("WITHDRAWN") > 100
    assert demo.rows(BEGUN_AFTER, bank.sender_id) == []
    assert demo.rows(WITHOUT_RECORD, bank.sender_id) == []
    [(stops, sends)] = demo.rows(SEEN, bank.sender_id)
    assert stops == len(revoked)
    assert sends >= sum(row.status in ARRIVED for row in ended)


@pytest.mark.parametrize("slug", ["unreached"])
def test_a_send_that_waits_for_its_connection_when_the_grant_is_revoked_does_not_begin(demo, bank):
    demo.kill("portal.sandbox")  # and with it the connections the workers have open
    until(demo.is_whole, seconds=30, what="the platform's return")
    platform, worker = demo.child("portal.sandbox"), demo.child("standard@")
    platform.suspend()
    with ExitStack() as stack:
        stack.callback(platform.resume)
        fill_backlog(demo, stack)
        accepted = bank.send_many(len(bank.customers))
        until(lambda: connecting(worker) == len(accepted), seconds=15, what="sends without a connection")
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda customer: end_grant(bank, customer), bank.customers))
        assert {answer.body["status"] for answer in answers} == {"REVOKED"}

    ended = bank.settle(accepted, seconds=30)

    assert bank.received().total() == 0
    assert {row.status for row in ended.values()} == {"WITHDRAWN"}


@pytest.mark.parametrize("slug", ["talkative"])
def test_a_stop_in_the_chat_does_not_wait_for_receipts(demo, bank):
    """Whoever works on those stands still meanwhile."""
    stopping, busy = bank.customers[-1], demo.child("events@")
    busy.suspend()
    try:
        bank.send_many(8 * len(bank.customers))
        until(lambda: bank.unheard() >= 16 * len(bank.customers), seconds=30, what="echoes and receipts")
        waiting = bank.unheard()
        bank.writes(stopping, "STOP")
        until(lambda: bank.get(f"/grants/grt_{stopping.grant_id}")["status"] == "REVOKED", seconds=60)
        assert bank.unheard() >= waiting
    finally:
        busy.resume()


@pytest.mark.parametrize("slug", ["cancelled"])
def test_what_is_confirmed_as_cancelled_is_not_sent_and_what_is_too_late_is(bank):
    accepted = queue(bank, 8 * len(bank.customers), seconds=3)
    until(lambda: bank.sends()["accepted"], seconds=20, what="the first send")
    random.shuffle(accepted)

    cancel = "/notifications/ntf_{}/cancel"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: bank.post(cancel.format(one.id), {}), accepted))

    ended = bank.settle(accepted, seconds=30)
    for one, answer in zip(accepted, answers, strict=True):
        assert (answer.status, ended[one.id].status in ARRIVED) in ((200, False), (409, True))


def queue(bank, count, *, seconds):
    """So many events, accepted at the rate the API allows and due together after `seconds`."""
    due = from_now(seconds)

    def send(number):
        customer = bank.customers[number % len(bank.customers)]
        return until(lambda: try_once(bank, customer, due), seconds=30, what="a place in the rate limit")

    return bank.send_many(count, send)


def queue_batches(bank, count, due):
    """So many events in as few requests as can be, all due at once."""
    bodies = [
        bank.event(bank.customers[number % len(bank.customers)], send_at=due) for number in range(count)
    ]
    batches = [bodies[place : place + BATCH] for place in range(0, count, BATCH)]
    answers = [bank.post("/notifications/batch", {"notifications": batch}) for batch in batches]
    return [replace(answer, body=item) for answer in answers for item in answer.body["data"]]


def try_once(bank, customer, due):
    answer = bank.send(customer, send_at=due)
    assert answer.status in (202, 429), answer
    return answer if answer.status == 202 else None


def stop_at(bank, count, stop, customer):
    """Stops the grant once the platform has taken `count` messages. Returns, by the platform's clock, a moment
    when the revocation had just committed.
    """
    until(lambda: bank.sends()["accepted"] >= count, seconds=60, what=f"{count} messages")
    return stop(bank, customer)


def revoke(bank, customer):
    assert end_grant(bank, customer).body["status"] == "REVOKED"
    return bank.platform_time(customer)


def end_grant(bank, customer):
    return bank.post(f"/grants/grt_{customer.grant_id}/revoke", {"reason": "closed"})


def write_stop(bank, customer):
    bank.writes(customer, "STOP")
    answers = until(lambda: list(filter(says_stopped, bank.phone(customer))), seconds=60, what="“Stopped.”")
    return began(answers[0])


def says_stopped(message):
    return is_reply(message) and message["text"].startswith("Stopped.")


def begins(bank, customer):
    return [began(message) for message in bank.notices(customer)]


def began(message):
    return datetime.fromisoformat(message["at"]) - LATENCY


def fill_backlog(demo, stack):
    """Opens connections to the platform until the kernel answers no more of them."""
    for _ in range(BACKLOG):
        attempt = stack.enter_context(socket.socket())
        attempt.setblocking(False)
        attempt.connect_ex(("127.0.0.1", demo.port + 1))
    assert not select.select([], [attempt], [], 0)[1], "the listener still takes connections"


def connecting(worker):
    """How many of a process's connections are not established yet."""
    return [one.status for one in worker.net_connections("tcp")].count("SYN_SENT")
