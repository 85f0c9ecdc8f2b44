"""Thin: a task takes ids, calls one action, returns an outcome. Beat runs the same tasks as the nudges do."""

import time

from notifications.actions.claim import BATCH
from notifications.actions.deliver import deliver_batch
from notifications.actions.empty import empty_messages, partners_with_messages
from notifications.actions.inbound import process_inbound
from notifications.actions.recover import work_on_recovery
from notifications.actions.replies import send_due_replies
from notifications.actions.sweep import sweep
from notifications.actions.tend import BATCH as TEND_BATCH
from notifications.actions.tend import tend_grants
from notifications.models import Lane
from notifications.nudge import EVENTS, RECOVERIES, nudge, take_nudge
from portal.celery import app

LONGEST_RUN = 20.0  # seconds; then the task hands over to a fresh one


@app.task
def deliver_due(lane: str) -> int:
    """Sends what is due in a lane, batch after batch; returns how many deliveries it took."""
    take_nudge(lane)
    end, total = time.monotonic() + LONGEST_RUN, 0
    if lane == Lane.URGENT:
        send_due_replies()
    while count := deliver_batch(lane=lane):
        if total == 0 and count >= BATCH:
            nudge(lane)  # there is work for another thread
        total += count
        if time.monotonic() > end:
            nudge(lane)
            break
    return total


@app.task
def work_inbound() -> int:
    """Works on the events that the hooks have stored; returns how many are done."""
    take_nudge(EVENTS)
    end, total = time.monotonic() + LONGEST_RUN, 0
    while count := process_inbound():
        total += count
        if time.monotonic() > end:
            nudge(EVENTS)
            break
    return total


@app.task
def recover_lost() -> int:
    """Works on the recoveries that banks have asked for; returns how many deliveries were judged."""
    take_nudge(RECOVERIES)
    end, total = time.monotonic() + LONGEST_RUN, 0
    while count := work_on_recovery():
        total += count
        if time.monotonic() > end:
            nudge(RECOVERIES)
            break
    return total


@app.task
def sweep_time() -> dict[str, int]:
    """See `notifications.actions.sweep`."""
    return sweep()


@app.task
def tend_all() -> int:
    """Looks after the grants that are due; returns how many."""
    end, total = time.monotonic() + LONGEST_RUN, 0
    while count := tend_grants():
        total += count
        if count < TEND_BATCH or time.monotonic() > end:
            break
    return total


@app.task
def empty_old_messages() -> int:
    """Empties what was kept as long as was promised, a part of each bank in turn; returns how many it looked at."""
    end, total, banks = time.monotonic() + LONGEST_RUN, 0, partners_with_messages()
    while banks and time.monotonic() < end:
        parts = {bank: empty_messages(partner_id=bank) for bank in banks}
        total += sum(parts.values())
        banks = [bank for bank, count in parts.items() if count]
    return total
