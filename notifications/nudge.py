"""Wakes a lane's worker after a commit, without ever holding up the request.

A thread of its own publishes; while one nudge of a lane waits in the broker, no other is sent. Losing a nudge
costs seconds: beat sweeps the same rows.
"""

import threading
import time
from functools import lru_cache

import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)
PENDING_SECONDS = 2
EVENTS = "events"
RECOVERIES = "recoveries"
SOCKET_SECONDS = 0.2
PAUSE_SECONDS = 0.02  # one question to the broker for all that was committed meanwhile


@lru_cache(maxsize=1)
def valkey() -> redis.Redis:
    """The connection pool of this process; it gives up after 200 ms."""
    url = settings.REDIS_URL.replace("redis+socket://", "unix://")
    return redis.Redis.from_url(url, socket_timeout=SOCKET_SECONDS, socket_connect_timeout=SOCKET_SECONDS)


class _Nudger:
    def __init__(self) -> None:
        self._wanted: set[str] = set()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    def ask(self, lane: str) -> None:
        with self._wake:
            self._wanted.add(lane)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="nudge", daemon=True)
                self._thread.start()
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._wanted:
                    self._wake.wait()
                lanes, self._wanted = self._wanted, set()
            for lane in lanes:
                _publish(lane)
            time.sleep(PAUSE_SECONDS)


def _publish(lane: str) -> None:
    from notifications.tasks import deliver_due, recover_lost, work_inbound

    try:
        if not valkey().set(f"nudge:{lane}", 1, nx=True, ex=PENDING_SECONDS):
            return
        if lane == EVENTS:
            work_inbound.apply_async(queue=EVENTS, retry=False, expires=60)
        elif lane == RECOVERIES:
            recover_lost.apply_async(queue=EVENTS, retry=False, expires=60)
        else:
            deliver_due.apply_async(args=[lane], queue=lane, retry=False, expires=60)
    except Exception as error:
        log.warning("nudge_failed", lane=lane, error=type(error).__name__)  # beat will sweep


_nudger = _Nudger()


def nudge(lane: str) -> None:
    """Asks for the lane to be worked on; returns at once."""
    _nudger.ask(lane)


def take_nudge(lane: str) -> None:
    """The worker has begun: what is committed from now on needs a new nudge."""
    try:
        valkey().delete(f"nudge:{lane}")
    except redis.RedisError:
        log.warning("broker_unreachable", lane=lane)
