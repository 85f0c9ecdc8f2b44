"""A worker that dies in the middle of sending loses nothing and doubles nothing."""

import pytest

from tests.faults.kit import ARRIVED, LEASE, SWEEP, until

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("slug", ["killed"])
def test_a_worker_killed_in_mid_send_leaves_each_event_one_end_and_no_phone_a_second_copy(demo, bank):
    bank.fault(latency_ms=3000)
    accepted = bank.send_many(60)
    until(lambda: bank.statuses()["SENDING"], seconds=30, what="requests the platform has not taken yet")
    demo.kill("standard@")
    bank.fault("timeout", latency_ms=9000)
    accepted += bank.send_many(60)
    until(bank.received, seconds=30, what="messages the platform took without an answer")
    demo.kill("standard@")
    bank.fault()
    accepted += bank.send_many(60)

    ended = bank.settle(accepted, seconds=LEASE + SWEEP + 30)

    assert {row.status for row in ended.values()} <= {*ARRIVED, "UNCONFIRMED"}
    assert {ended[answer.id].status for answer in accepted[-60:]} <= ARRIVED
