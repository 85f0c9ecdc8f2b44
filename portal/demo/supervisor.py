"""Keeps a set of children running: starts them, restarts what crashes, stops all in reverse order.

Nothing may be left behind. A clean stop waits for each child; when the launcher itself is killed, the kernel
signals every child; and what even that leaves (workers of a worker) is ended by the next start
(leftovers.py).
"""

import signal
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import FrameType

from portal.demo.child import Child
from portal.demo.refusal import Cancelled, Refusal
from portal.demo.state import State

POLL_SECONDS = 0.2
LONGEST_BACK_OFF_SECONDS = 30
HEALTHY_AFTER_SECONDS = 60  # a child that ran this long starts its back-off anew
START_SECONDS = 90

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Console:
    """Prints what happens, with the seconds since the start. A terminal that has gone away is no error."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    def say(self, text: str) -> None:
        try:
            print(f"{time.monotonic() - self.started:7.2f}s  {text}", flush=True)
        except OSError:
            pass


class StopRequest:
    """Set by Ctrl-C, SIGTERM or a closed terminal. The second time means: at once."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.is_urgent = False

    def install(self) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.is_urgent = self._event.is_set()
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        return self._event.wait(seconds)


@dataclass
class _Watched:
    child: Child
    batch: int
    started: float
    crashes: int = 0
    restart_at: float | None = None


class Supervisor:
    """Runs children for one state folder. Use from the main thread."""

    def __init__(self, state: State, console: Console, stop: StopRequest) -> None:
        self.state = state
        self.console = console
        self.stop_request = stop
        self._watched: list[_Watched] = []

    def start(self, children: Iterable[Child]) -> None:
        """Starts the children side by side, without waiting for them."""
        batch = 1 + max((watched.batch for watched in self._watched), default=0)
        for child in children:
            self._watched.append(_Watched(child, batch, time.monotonic()))
            child.start()

    def wait_ready(self, children: Iterable[Child]) -> None:
        """Returns once all of them serve; raises Refusal when one does not, Cancelled when asked to stop
        meanwhile.
        """
        for child in children:
            child.wait_ready(START_SECONDS, is_cancelled=lambda: self.stop_request.is_set)

    def run(self) -> None:
        """Watches until asked to stop; raises Refusal when a child crashed more often than it may."""
        while not self.stop_request.wait(POLL_SECONDS):
            self.watch_once()

    def watch_once(self) -> None:
        """Notices the children that ended, and starts again those whose pause is over."""
        now = time.monotonic()
        for watched in self._watched:
            if watched.restart_at is not None:
                if now >= watched.restart_at:
                    self._restart(watched)
            elif not watched.child.is_running:
                self._plan_restart(watched, now)

    def _plan_restart(self, watched: _Watched, now: float) -> None:
        child = watched.child
        code = child.finish(grace=0)
        if now - watched.started > HEALTHY_AFTER_SECONDS:
            watched.crashes = 0
        watched.crashes += 1
        if child.restarts is not None and watched.crashes > child.restarts:
            raise Refusal(f"{child.name} ended {watched.crashes} times. {child.last_words()}")
        pause = min(2 ** (watched.crashes - 1), LONGEST_BACK_OFF_SECONDS)
        watched.restart_at = now + pause
        self.console.say(
            f"{child.name} ended ({_in_words(code)}); starting it again in {pause} s. Log: {child.log}"
        )

    def _restart(self, watched: _Watched) -> None:
        watched.restart_at = None
        watched.started = time.monotonic()
        watched.child.start()
        self.console.say(f"{watched.child.name} started again")

    def run_to_end(self, child: Child, *, may_fail: bool = False) -> int:
        """Runs one command while the others are watched; returns its exit code.

        Raises Refusal when it fails, unless it may, and Cancelled when asked to stop meanwhile.
        """
        child.start()
        while child.is_running:
            if self.stop_request.wait(0.02):
                child.stop()
                raise Cancelled
            self.watch_once()
        code = child.finish(grace=0) or 0
        if code and not may_fail:
            raise Refusal(f"{child.name} failed ({_in_words(code)}). {child.last_words()}")
        return code if code >= 0 else 128 - code

    @property
    def is_empty(self) -> bool:
        return not self._watched

    def stop(self) -> None:
        """Stops the children, those started last first: a server goes only when its clients are gone."""
        for batch in self._batches():
            for watched in batch:
                watched.child.ask_to_stop()
            for watched in batch:
                self._finish(watched)
        self._watched.clear()

    def _batches(self) -> list[list[_Watched]]:
        """What was started together stops together, in reverse order."""
        numbers = sorted({watched.batch for watched in self._watched}, reverse=True)
        return [[w for w in reversed(self._watched) if w.batch == number] for number in numbers]

    def _finish(self, watched: _Watched) -> None:
        child = watched.child
        deadline = time.monotonic() + child.grace
        while child.is_running and time.monotonic() < deadline and not self.stop_request.is_urgent:
            time.sleep(0.02)
        was_killed = child.is_running
        child.finish(grace=0)
        if was_killed:
            self.console.say(f"{child.name} did not end in time and was killed")


def _in_words(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
