"""Wakes a worker after a commit, without ever holding up the request.

A thread of its own publishes; while one call waits in the broker, no other is sent. Losing one costs seconds:
beat looks at the same rows.
"""

import threading

import structlog

from portal.api import valkey

log = structlog.get_logger(__name__)
KEY = "nudge:webhooks"
PENDING_SECONDS = 2


class _Waker:
    def __init__(self) -> None:
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        self._wanted.set()
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="wake-webhooks", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while self._wanted.wait():
            self._wanted.clear()
            _publish()


def _publish() -> None:
    from partners.tasks import deliver_webhooks

    try:
        if valkey.call(valkey.client().set, KEY, 1, nx=True, ex=PENDING_SECONDS):
            deliver_webhooks.apply_async(queue="events", retry=False, expires=60)
    except Exception as error:
        log.warning("nudge_failed", kind="webhooks", error=type(error).__name__)  # beat will look


_waker = _Waker()


def wake() -> None:
    """Asks for what is due to be sent; returns at once."""
    _waker.ask()


def take_wake() -> None:
    """The worker has begun: what is committed from now on needs a new call."""
    try:
        valkey.call(valkey.client().delete, KEY)
    except valkey.Unreachable:
        log.warning("broker_unreachable", kind="webhooks")
