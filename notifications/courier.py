"""One event loop and one HTTP client a worker process, kept for its life."""

import asyncio
import threading
from collections.abc import Coroutine
from functools import lru_cache
from typing import Any, TypeVar

import aiohttp

T = TypeVar("T")
CONNECTIONS = 200
ANSWER_SECONDS = 10


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
                timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS, connect=5),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session


@lru_cache(maxsize=1)
def courier() -> Courier:
    """This process's."""
    return Courier()
