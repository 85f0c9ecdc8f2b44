"""PostgreSQL is the truth: killed under load it takes requests down with it, and nothing else."""

import pytest

from tests.faults.kit import ARRIVED, LEASE, SWEEP, from_now, until

pytestmark = pytest.mark.faults
EVENTS = 120
HALF_WRITTEN = """
SELECT n.id FROM notifications_notification n
LEFT JOIN notifications_delivery d ON d.notification_id = n.id
LEFT JOIN audit_auditevent a ON a.target_id = n.id AND a.code = 'notification.accepted'
WHERE (SELECT sender_id FROM consents_linkedaccount l JOIN consents_grant g ON g.account_id = l.id
       WHERE g.id = n.grant_id) = %s AND (d.id IS NULL OR a.id IS NULL)
"""
WAITING_TO_WRITE = """
SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%UPDATE notifications_delivery%'
"""


@pytest.mark.parametrize("slug", ["database"])
def test_a_database_killed_under_load_leaves_nothing_half_written_and_the_same_keys_work_again(demo, bank):
    def send(number):
        return bank.send(bank.customers[number % len(bank.customers)], key=f"event-{number}")

    def send_and_kill(number):
        if number == 40:
            demo.kill("pginstall/bin/postgres")
        return send(number)

    first = bank.send_many(EVENTS, send_and_kill)
    until(demo.is_whole, seconds=60, what="the recovery")
    assert demo.rows(HALF_WRITTEN, bank.sender_id) == []
    second = bank.send_many(EVENTS, send)

    refused = [answer for answer in first if answer.status != 202]
    assert refused
    assert {answer.status for answer in refused} <= {500, 503}
    assert {answer.kind for answer in refused} == {"application/problem+json"}
    assert {answer.status for answer in second} == {202}
    assert {answer.id for answer in first if answer.status == 202} <= {answer.id for answer in second}
    ended = bank.settle(second, seconds=60)
    assert {row.status for row in ended.values()} <= {*ARRIVED, "UNCONFIRMED"}


@pytest.mark.parametrize("slug", ["unwritten"])
def test_what_the_platform_answered_is_not_lost_when_its_first_writing_fails(demo, bank):
    bank.fault(latency_ms=1500, drop_echoes=True, drop_receipts=True)
    due = from_now(2)
    accepted = [bank.send(customer, send_at=due) for customer in bank.customers]
    until(lambda: bank.statuses()["SENDING"] == len(accepted), seconds=20, what="sends in flight")
    with demo.database() as held, held.transaction():
        held.execute("SELECT 1 FROM notifications_delivery WHERE sender_id = %s FOR UPDATE", [bank.sender_id])
        writers = until(lambda: demo.rows(WAITING_TO_WRITE), seconds=20, what="a worker that writes")
        demo.rows("SELECT pg_terminate_backend(%s)", writers[0].pid)
    bank.fault()

    ended = bank.settle(accepted, seconds=LEASE + SWEEP + 10)

    assert {row.status for row in ended.values()} == {"SENT"}
