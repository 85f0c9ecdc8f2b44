"""Wakes a worker after a commit, without ever holding up the request.

A thread of its own publishes; while one call of a name waits in the broker, no other is sent. Losing one costs
seconds: beat looks at the same rows.
"""

import threading
import time
from collections.abc import Callable

import structlog

from portal.api import valkey

log = structlog.get_logger(__name__)
PENDING_SECONDS = 2
PAUSE_SECONDS = 0.02  # one question to the broker for all that was committed meanwhile


class _Waker:
    def __init__(self) -> None:
        self._wanted: dict[str, Callable[[], object]] = {}
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    def ask(self, name: str, publish: Callable[[], object]) -> None:
        with self._wake:
            self._wanted[name] = publish
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="wake", daemon=True)
                self._thread.start()
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._wanted:
                    self._wake.wait()
                wanted, self._wanted = self._wanted, {}
            for name, publish in wanted.items():
                _publish(name, publish)
            time.sleep(PAUSE_SECONDS)


def _publish(name: str, publish: Callable[[], object]) -> None:
    try:
        if valkey.call(valkey.client().set, f"nudge:{name}", 1, nx=True, ex=PENDING_SECONDS):
            publish()
    except Exception as error:
        log.warning("nudge_failed", lane=name, error=type(error).__name__)  # beat will look


_waker = _Waker()


def wake(name: str, publish: Callable[[], object]) -> None:
    """Has `publish` send the task that works on what is due; returns at once."""
    _waker.ask(name, publish)


def take_wake(name: str) -> None:
    """The worker has begun: what is committed from now on needs a new call."""
    try:
        valkey.call(valkey.client().delete, f"nudge:{name}")
    except valkey.Unreachable:
        log.warning("broker_unreachable", lane=name)
