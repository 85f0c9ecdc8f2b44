"""One signed POST to an address that a bank named, and what came back, in words its developers can use."""

import asyncio
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp

from portal.outbound import NotAllowed, NotPublic, check_url, read_some, session

T = TypeVar("T")
ANSWER_SECONDS = 15
LONGEST_WAIT = 86_400  # seconds that an endpoint may ask us to wait
AGENT = "Parley-Webhooks/1"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `status` is None where nothing did, and `error` says why; `wait` is in seconds."""

    at: datetime
    duration_ms: int
    status: int | None = None
    body: bytes = b""
    error: str = ""
    wait: float = 0.0

    @property
    def is_success(self) -> bool:
        """2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """410: it wants no more of us."""
        return self.status == HTTPStatus.GONE


class Postman:
    """One event loop and one HTTP client, for as long as there is something to send."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="webhooks", daemon=True)

    def __enter__(self) -> "Postman":
        self._thread.start()
        self._http = self._run(self._open()).result()
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def post(self, url: str, headers: dict[str, str], body: bytes, at: datetime) -> Future[Answer]:
        """Begins at once; the answer comes within ANSWER_SECONDS."""
        return self._run(post(self._http, url, headers, body, at))

    def _run(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _open(self) -> aiohttp.ClientSession:
        return session(seconds=ANSWER_SECONDS, limit=0)

    async def _close(self) -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._http.close()


async def post(
    http: aiohttp.ClientSession, url: str, headers: dict[str, str], body: bytes, at: datetime
) -> Answer:
    """Never raises: whatever goes wrong is an answer too."""
    began = time.monotonic()
    status, content, error, wait = None, b"", "", 0.0
    headers = {
        "Content-Type": "application/json",
        "User-Agent": AGENT,
        "Accept-Encoding": "identity",
        **headers,
    }
    try:
        sending = http.post(check_url(url), data=body, headers=headers, allow_redirects=False)
        async with sending as response:
            status, wait = response.status, _wait(response.headers.get("Retry-After", ""), at)
            content = await read_some(response)
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as problem:
        error = _words(problem) if status is None else ""  # the status is what counts, even with half a body
    if status is not None and 300 <= status < 400:
        error = "It answered with a redirect. Redirects are not followed: give the final address."
    return Answer(at, round((time.monotonic() - began) * 1000), status, content, error, wait)


def _wait(retry_after: str, now: datetime) -> float:
    """Seconds: `Retry-After` holds them, or a date (RFC 9110 §10.2.3); 0 when it is neither."""
    if retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max((aware - now).total_seconds(), 0.0), LONGEST_WAIT)


def _words(problem: Exception) -> str:
    cause = getattr(problem, "os_error", problem)
    if isinstance(problem, NotAllowed):
        return str(problem)
    if isinstance(cause, NotPublic) or "not a public address" in str(cause):
        return "The host name leads to an address that is not on the public internet, so nothing was sent."
    if isinstance(problem, TimeoutError):
        return f"No answer came within {ANSWER_SECONDS} seconds."
    if isinstance(problem, aiohttp.ClientConnectorCertificateError):
        return "The certificate could not be verified: check the host name, the dates and the chain."
    if isinstance(problem, aiohttp.ClientSSLError):
        return "The TLS handshake failed."
    if isinstance(problem, aiohttp.ClientConnectorDNSError):
        return "The host name was not found."
    if isinstance(problem, aiohttp.ClientConnectorError):
        return "No connection could be made."
    if isinstance(problem, aiohttp.ServerDisconnectedError | ConnectionError):
        return "The connection was closed before an answer came."
    return "What came back was not HTTP."
