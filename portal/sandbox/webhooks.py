"""Webhooks back to the bank's server, as Meta sends them.

The body is JSON with escaped unicode (and `\\/`), signed as it goes over the wire: `X-Hub-Signature-256:
sha256=<hex HMAC-SHA256 of the raw bytes, keyed with the app secret>`. Events that pile up while a request is
under way go together in the next one, as Meta batches. An answer other than 200 within 5 seconds is retried a
few times; an address that fails for an hour is unsubscribed until it is verified again.
"""

import asyncio
import hmac
import json
import logging
import random
import secrets
import time
from collections import deque
from dataclasses import dataclass, field

import aiohttp

from portal.sandbox.faults import Fault
from portal.sandbox.state import Page
from portal.sandbox.stats import Stats
from portal.sandbox.times import now_ms

log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 5
RETRY_AFTER_S = (0.2, 1, 3, 10, 30)
UNSUBSCRIBE_AFTER_S = 3600
MOST_EVENTS_IN_ONE = 50
MOST_WAITING = 50_000
MOST_RETRYING = 500
CHANCE = random.SystemRandom()


@dataclass(slots=True)
class Outbox:
    """One page's waiting events. Items are `entry` parts: `("messaging", event)` or `("changes", …)`."""

    waiting: deque[tuple[str, dict]] = field(default_factory=deque)
    working: bool = False
    failing_since: float | None = None


class Webhooks:
    """Posts events to each page's webhook address. Start inside a running loop; `close()` when done."""

    def __init__(self, stats: Stats) -> None:
        self.stats = stats
        self._outboxes: dict[str, Outbox] = {}
        self._tasks: set[asyncio.Task] = set()
        self._retrying = 0
        self._session: aiohttp.ClientSession
        self._closed = False

    async def start(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        self._session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=64))

    async def close(self) -> None:
        self._closed = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    def waiting(self) -> int:
        return sum(len(outbox.waiting) for outbox in self._outboxes.values()) + self._retrying

    def emit(self, page: Page, event: dict, fault: Fault | None = None) -> None:
        """Send one messaging event. `fault` may double it, shuffle it or hand it to `standby`."""
        if fault is None:
            self._put(page, "messaging", event)
            return
        part = "messaging"
        if fault.standby_webhooks:
            part, event = "standby", _for_standby(event)
        loop = asyncio.get_running_loop()
        if fault.shuffle_webhooks:
            loop.call_later(CHANCE.uniform(0, 0.4), self._put, page, part, event)
        else:
            self._put(page, part, event)
        if fault.duplicate_webhooks:
            loop.call_later(CHANCE.uniform(0.02, 0.2), self._put, page, part, event)

    def emit_change(self, page: Page, name: str, value: dict) -> None:
        """Send a `changes[]` event, such as `message_template_status_update`."""
        self._put(page, "changes", {"field": name, "value": value})

    async def emit_and_wait(self, page: Page, event: dict) -> bool:
        """Send one messaging event now, with quick retries; whether the bank's server acknowledged it."""
        if not page.subscribed:
            self.stats.hook("not_subscribed")
            return False
        body = envelope(page, [("messaging", event)])
        for pause in (0, 0.2, 1):
            await asyncio.sleep(pause)
            if await self._post(page, body, events=1):
                return True
        return False

    def _put(self, page: Page, part: str, event: dict) -> None:
        if self._closed:
            return
        if not page.subscribed:
            self.stats.hook("not_subscribed")
            return
        outbox = self._outboxes.get(page.id)
        if outbox is None:
            outbox = self._outboxes[page.id] = Outbox()
        if len(outbox.waiting) >= MOST_WAITING:
            outbox.waiting.popleft()
            self.stats.hook("gave_up")
        outbox.waiting.append((part, event))
        if not outbox.working:
            outbox.working = True
            self._spawn(self._work(page, outbox))

    def _spawn(self, work) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, page: Page, outbox: Outbox) -> None:
        try:
            while outbox.waiting:
                count = min(len(outbox.waiting), MOST_EVENTS_IN_ONE)
                parts = [outbox.waiting.popleft() for _ in range(count)]
                body = envelope(page, parts)
                if not await self._post(page, body, events=count):
                    self._retry_later(page, body, count)
        finally:
            outbox.working = False

    def _retry_later(self, page: Page, body: bytes, events: int) -> None:
        if self._retrying >= MOST_RETRYING:
            self.stats.hook("gave_up")
            return
        self._retrying += 1
        self._spawn(self._retry(page, body, events))

    async def _retry(self, page: Page, body: bytes, events: int) -> None:
        try:
            for pause in RETRY_AFTER_S:
                await asyncio.sleep(pause * CHANCE.uniform(0.8, 1.2))
                if not page.subscribed:
                    break
                if await self._post(page, body, events=events):
                    return
            self.stats.hook("gave_up")
        finally:
            self._retrying -= 1

    async def _post(self, page: Page, body: bytes, *, events: int) -> bool:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": "sha256=" + sign(page.app_secret, body),
        }
        started = time.perf_counter()
        try:
            async with self._session.post(
                page.webhook_url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                acknowledged = answer.status == 200
        except (aiohttp.ClientError, TimeoutError, ValueError):
            acknowledged = False
        ms = (time.perf_counter() - started) * 1000
        self.stats.hook("posted" if acknowledged else "failed", events if acknowledged else 0, ms)
        self._note_health(page, acknowledged)
        return acknowledged

    def _note_health(self, page: Page, acknowledged: bool) -> None:
        outbox = self._outboxes.setdefault(page.id, Outbox())
        if acknowledged:
            outbox.failing_since = None
        elif outbox.failing_since is None:
            outbox.failing_since = time.monotonic()
        elif time.monotonic() - outbox.failing_since > UNSUBSCRIBE_AFTER_S:
            page.subscribed = False
            page.subscription_detail = "Unsubscribed: the address failed for an hour. Verify it again."
            log.warning("page %s unsubscribed: its webhook address failed for an hour", page.id)

    async def verify(self, page: Page) -> None:
        """Ask the address to echo a challenge; note the outcome in `subscribed` and `subscription_detail`."""
        challenge = str(secrets.randbelow(10**10))
        query = {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": page.verify_token,
        }
        page.subscribed = False
        try:
            async with self._session.get(page.webhook_url, params=query, allow_redirects=False) as answer:
                body = (await answer.content.read(200)).decode(errors="replace").strip()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            page.subscription_detail = f"The address could not be reached: {type(error).__name__}."
            return
        if answer.status == 200 and body == challenge:
            page.subscribed = True
            page.subscription_detail = "The address echoed the challenge."
            self._outboxes.setdefault(page.id, Outbox()).failing_since = None
        else:
            page.subscription_detail = (
                f"Expected 200 and the challenge; got {answer.status} and {body[:60]!r}."
            )


def envelope(page: Page, parts: list[tuple[str, dict]]) -> bytes:
    """The raw webhook body: `{object, entry: [{id, time, messaging|standby|changes: […]}]}`.

    Runs of the same part share an entry, so several entries may come in one body.
    """
    entries: list[dict] = []
    at = now_ms()
    for part, event in parts:
        if entries and part in entries[-1]:
            entries[-1][part].append(event)
        else:
            entries.append({"id": page.id, "time": at, part: [event]})
    text = json.dumps({"object": "page", "entry": entries}, separators=(",", ":"))
    return text.replace("/", "\\/").encode()


def sign(app_secret: str, body: bytes) -> str:
    """Hex HMAC-SHA256 of the raw body."""
    return hmac.new(app_secret.encode(), body, "sha256").hexdigest()


def _for_standby(event: dict) -> dict:
    """Another app has the thread: postbacks arrive without their payload."""
    if "postback" not in event:
        return event
    content = {key: value for key, value in event["postback"].items() if key != "payload"}
    return {**event, "postback": content}
