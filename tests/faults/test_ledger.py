"""Everything at once: while processes die at random, each event is kept once, ends once and is shown once."""

import random

import httpx
import pytest

from tests.faults.kit import ARRIVED, until

pytestmark = pytest.mark.faults
EVENTS = 300
# Every child but the platform itself, whose phones are what we count by.
VICTIMS = [
    "pginstall/bin/postgres",
    "valkey-server",
    "granian",
    "standard@",
    "people@",
    "events@",
    "urgent@",
    "beat",
]


@pytest.mark.parametrize("slug", ["ledger"])
def test_random_kills_lose_and_double_nothing(demo, bank):
    victims = random.sample(VICTIMS, len(VICTIMS))
    moments = dict(zip(random.sample(range(20, EVENTS - 20), len(victims)), victims, strict=True))

    def send(number):
        if victim := moments.get(number):
            demo.kill(victim)
        return until(lambda: try_once(bank, number), seconds=60, what=f"event {number} to be accepted")

    accepted = bank.send_many(EVENTS, send, at_once=6)
    until(demo.is_whole, seconds=60, what="every process of the demo")

    ended = bank.settle(accepted, seconds=60)

    assert len(ended) == EVENTS
    assert {row.status for row in ended.values()} <= {*ARRIVED, "UNCONFIRMED"}


def try_once(bank, number):
    """As a bank does: when there is no answer, or an error of ours, the same key again."""
    try:
        answer = bank.send(bank.customers[number % len(bank.customers)], key=f"event-{number}")
    except httpx.TransportError:
        return None
    assert answer.status in (202, 429, 500, 503), answer
    return answer if answer.status == 202 else None
