"""Wakes a lane's worker after a commit; see `portal.wake`."""

from functools import partial

from portal.wake import take_wake, wake

EVENTS = "events"
PEOPLE = "people"
RECOVERIES = "recoveries"


def _publish(lane: str) -> None:
    from notifications.tasks import deliver_due, listen, recover_lost, work_inbound

    if lane == EVENTS:
        work_inbound.apply_async(queue=EVENTS, retry=False, expires=60)
    elif lane == PEOPLE:
        listen.apply_async(queue=PEOPLE, retry=False, expires=60)
    elif lane == RECOVERIES:
        recover_lost.apply_async(queue=EVENTS, retry=False, expires=60)
    else:
        deliver_due.apply_async(args=[lane], queue=lane, retry=False, expires=60)


def nudge(lane: str) -> None:
    """Asks for the lane to be worked on; returns at once."""
    wake(lane, partial(_publish, lane))


def take_nudge(lane: str) -> None:
    """The worker has begun: what is committed from now on needs a new nudge."""
    take_wake(lane)
