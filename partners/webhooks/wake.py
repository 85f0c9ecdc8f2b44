"""Wakes the worker of webhooks after a commit; see `portal.wake`."""

from portal import wake as waking

NAME = "webhooks"


def _publish() -> None:
    from partners.tasks import deliver_webhooks

    deliver_webhooks.apply_async(queue="events", retry=False, expires=60)


def wake() -> None:
    """Asks for what is due to be sent; returns at once."""
    waking.wake(NAME, _publish)


def take_wake() -> None:
    """The worker has begun: what is committed from now on needs a new call."""
    waking.take_wake(NAME)
