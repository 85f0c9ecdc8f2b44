"""One event loop and one HTTP client a worker process, kept for its life."""

import asyncio
import atexit
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import aiohttp
from django.conf import settings

T = TypeVar("T")
CONNECTIONS = 800


class Courier:
    """Runs coroutines for threads that wait for them."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._session: aiohttp.ClientSession | None = None
        threading.Thread(target=self._loop.run_forever, name="courier", daemon=True).start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Waits for the result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def session(self) -> aiohttp.ClientSession:
        """Call it inside the loop. No proxy from the environment, no redirects, no cookies kept."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                timeout=aiohttp.ClientTimeout(total=settings.DELIVERY_ANSWER_SECONDS, connect=5),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session

    def close(self) -> None:
        """Ends the connections; the courier is of no use afterwards."""
        if self._session is not None:
            self.run(self._session.close())
        self._loop.call_soon_threadsafe(self._loop.stop)


_lock = threading.Lock()
_courier: Courier | None = None


def courier() -> Courier:
    """This process's. Two threads that ask first at once get the same: a client belongs to one loop."""
    global _courier
    with _lock:
        if _courier is None:
            _courier = Courier()
            atexit.register(_courier.close)
        return _courier
