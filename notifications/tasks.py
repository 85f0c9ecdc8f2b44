"""Thin: a task takes ids, calls one action, returns an outcome. Beat runs the same tasks as the nudges do."""

import time
from collections.abc import Callable
from datetime import timedelta

from notifications.actions.claim import BATCH
from notifications.actions.deliver import deliver_batch
from notifications.actions.empty import empty_messages, partners_with_messages
from notifications.actions.inbound import hear_people, take_reports
from notifications.actions.recover import work_on_recovery
from notifications.actions.replies import send_due_replies
from notifications.actions.sweep import sweep
from notifications.actions.tend import BATCH as TEND_BATCH
from notifications.actions.tend import tend_grants
from notifications.models import Lane
from notifications.nudge import EVENTS, PEOPLE, RECOVERIES, nudge, take_nudge
from portal.celery import app

LONGEST_RUN = 20.0  # seconds; then the task hands over to a fresh one
UNHEARD_AFTER = timedelta(seconds=2)


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
def listen() -> int:
    """Works on what people did in their chats; returns how many events are done."""
    return _work_on(PEOPLE, hear_people)


@app.task
def work_inbound() -> int:
    """Works on what platforms report; returns how many events are done. What nobody has heard of what people did comes
    first: their own worker may be gone.
    """
    return hear_people(waited=UNHEARD_AFTER) + _work_on(EVENTS, take_reports)


@app.task
def recover_lost() -> int:
    """Works on the recoveries that banks have asked for; returns how many deliveries were judged."""
    return _work_on(RECOVERIES, work_on_recovery)


def _work_on(lane: str, step: Callable[[], int]) -> int:
    take_nudge(lane)
    end, total = time.monotonic() + LONGEST_RUN, 0
    while count := step():
        total += count
        if time.monotonic() > end:
            nudge(lane)
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
