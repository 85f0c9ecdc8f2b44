"""Writes down the outcomes that were not waited for: one silent platform must not hold up the others' messages."""

import atexit
import queue
import threading
import time

import structlog

from notifications.actions.outcome import Result, write_results
from notifications.courier import courier

log = structlog.get_logger(__name__)
LONGEST_WAIT = 15.0  # seconds, when the process ends


class LateResults:
    """A thread of its own that writes what comes, as much at once as there is."""

    def __init__(self) -> None:
        self._come: queue.SimpleQueue[list[Result]] = queue.SimpleQueue()
        self._expected = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._write_for_ever, name="late-results", daemon=True).start()

    def expect(self, count: int) -> None:
        """So many calls of `put` are to come."""
        with self._lock:
            self._expected += count

    def put(self, results: list[Result]) -> None:
        """Results to write."""
        self._come.put(results)

    def finish(self) -> None:
        """Waits until what is expected has come and is written."""
        end = time.monotonic() + LONGEST_WAIT
        while self._expected and time.monotonic() < end:
            time.sleep(0.02)

    def _write_for_ever(self) -> None:
        while True:
            lists = [self._come.get()]
            while not self._come.empty():
                lists.append(self._come.get())
            try:
                write_results([result for results in lists for result in results])
            except Exception:
                log.exception("late_results_lost")  # their echoes and receipts can still tell
            with self._lock:
                self._expected -= len(lists)


_lock = threading.Lock()
_late: LateResults | None = None


def late_results() -> LateResults:
    """This process's."""
    global _late
    with _lock:
        if _late is None:
            courier()  # ends after us: what is registered last is run first
            _late = LateResults()
            atexit.register(_late.finish)
        return _late
