"""The broker is a wake-up: emptied, killed or frozen, it costs latency and nothing else."""

import pytest

from tests.faults.kit import ARRIVED

pytestmark = pytest.mark.faults
EVENTS = 100
LONGEST_POST = 1.5  # seconds; a tenth of it on an idle machine


@pytest.mark.parametrize("slug", ["emptied"])
def test_what_is_accepted_while_the_broker_is_emptied_is_delivered(demo, bank):
    def send(number):
        if number % 25 == 0:
            demo.valkey().flushall()
        return bank.send(bank.customers[number % len(bank.customers)])

    all_arrive(bank, bank.send_many(EVENTS, send))


@pytest.mark.parametrize("slug", ["broken"])
def test_what_is_accepted_while_the_broker_is_down_is_delivered(demo, bank):
    demo.kill("valkey-server")
    all_arrive(bank, bank.send_many(EVENTS))


@pytest.mark.parametrize("slug", ["frozen"])
def test_what_is_accepted_while_the_broker_does_not_answer_is_delivered(demo, bank):
    broker = demo.child("valkey-server")
    broker.suspend()
    try:
        accepted = bank.send_many(EVENTS)
    finally:
        broker.resume()
    all_arrive(bank, accepted)


def all_arrive(bank, accepted):
    assert {answer.status for answer in accepted} == {202}
    assert max(answer.seconds for answer in accepted) < LONGEST_POST
    ended = bank.settle(accepted, seconds=30)
    assert {row.status for row in ended.values()} <= ARRIVED
