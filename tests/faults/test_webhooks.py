"""Webhooks come twice and in any order: a status only rises, and each event is kept once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.kit import until

pytestmark = pytest.mark.faults
# A claim that comes too late to begin goes back to the queue.
RANK = {"QUEUED": 0, "SENDING": 0, "SENT": 1, "DELIVERED": 2, "READ": 3}


@pytest.mark.parametrize("slug", ["shuffled"])
def test_doubled_and_shuffled_events_only_raise_a_status_and_are_kept_once(bank):
    bank.fault(duplicate_webhooks=True, shuffle_webhooks=True)
    accepted = bank.send_many(20)
    highest = dict.fromkeys([answer.id for answer in accepted], 0)

    def all_read():
        now = {note: RANK[row.status] for note, row in bank.deliveries().items()}
        assert all(now[note] >= rank for note, rank in highest.items())
        highest.update(now)
        return set(now.values()) == {RANK["READ"]}

    until(all_read, seconds=30, what="every message to be read")
    bank.settle(accepted, seconds=5)
    until(lambda: not bank.unheard(), seconds=10, what="the work on all events")
    heard = bank.heard()
    assert (heard["echo"], heard["delivery"]) == (20, 20)


@pytest.mark.parametrize("slug", ["forged"])
def test_the_same_event_at_once_from_eight_sides_is_one_and_an_older_one_changes_nothing(demo, bank):
    customer = bank.customers[0]
    bank.fault(drop_echoes=True, drop_receipts=True)
    accepted = bank.send(customer)
    until(lambda: bank.statuses()["SENT"] == 1, seconds=15, what="the send")
    message = bank.phone(customer)[0]
    at = int(bank.deliveries()[accepted.id].sent_at.timestamp() * 1000) + 50
    who = {"sender": {"id": customer.address}, "recipient": {"id": bank.page}}
    read = {**who, "timestamp": at, "read": {"watermark": at}}
    delivered = {**who, "timestamp": at, "delivery": {"watermark": at, "mids": [message["id"]]}}
    echo = {
        "sender": {"id": bank.page},
        "recipient": {"id": customer.address},
        "timestamp": at,
        "message": {"is_echo": True, "mid": message["id"], "metadata": message["raw"]["message"]["metadata"]},
    }

    assert bank.hook(read, secret="somebody else's") == 403
    assert bank.heard().total() == 0
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: bank.hook(read), range(8))) == {200}
    until(lambda: bank.statuses()["READ"] == 1, seconds=15, what="the read")
    for event in (delivered, echo, read):
        assert bank.hook(event) == 200
    until(lambda: not bank.unheard(), seconds=10, what="the work on all events")

    assert bank.heard() == {"read": 1, "delivery": 1, "echo": 1}
    assert bank.settle([accepted], seconds=5)[accepted.id].status == "READ"
