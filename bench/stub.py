"""`python -m bench.stub PORT [--delay-ms N] [--hook URL SECRET PAGE]`: a provider that takes every message.

It answers a POST after the delay with an id, as Graph would, and keeps when each one came. `GET /arrived/N`
waits for the Nth since the last `GET /reset` and tells its time (CLOCK_MONOTONIC, the same for every process
of the machine); `GET /recorded` gives the first requests again, for the baselines to repeat. With a hook, it tells there
that each message was delivered, as a busy platform does: many in one call.
"""

import argparse
import asyncio
import hmac
import json
import time
from typing import Any

import aiohttp

RECORDED = 1000
TOLD_AT_ONCE = 100  # receipts in one call of the hook
TELL_EVERY = 0.1  # seconds


class Receipts:
    """What the hook is to be told."""

    def __init__(self, url: str, secret: str, page: str) -> None:
        self.url, self.secret, self.page = url, secret.encode(), page
        self.waiting: list[dict[str, Any]] = []

    def add(self, body: bytes, mid: str) -> None:
        receipt = {"mids": [mid], "watermark": time.time_ns() // 1_000_000}
        whose = {"sender": json.loads(body)["recipient"], "recipient": {"id": self.page}}
        self.waiting.append({**whose, "timestamp": receipt["watermark"], "delivery": receipt})

    async def tell(self) -> None:
        """Without end."""
        async with aiohttp.ClientSession() as session:
            while True:
                told, self.waiting = self.waiting[:TOLD_AT_ONCE], self.waiting[TOLD_AT_ONCE:]
                if told:
                    await self._post(session, told)
                if len(self.waiting) < TOLD_AT_ONCE:
                    await asyncio.sleep(TELL_EVERY)

    async def _post(self, session: aiohttp.ClientSession, told: list[dict[str, Any]]) -> None:
        entry = {"id": self.page, "time": 0, "messaging": told}
        body = json.dumps({"object": "page", "entry": [entry]}).encode()
        signed = hmac.new(self.secret, body, "sha256").hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={signed}", "Content-Type": "application/json"}
        try:
            async with session.post(self.url, data=body, headers=headers) as answer:
                is_taken = answer.status == 200
        except aiohttp.ClientError:
            is_taken = False
        if not is_taken:
            self.waiting += told  # as the platform would: again
            await asyncio.sleep(TELL_EVERY)


class Arrivals:
    """What came since the last reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.times: list[float] = []
        self.recorded: list[tuple[str, str]] = []
        self.waiting: dict[int, list[asyncio.Future[float]]] = {}

    def add(self, path: bytes, body: bytes) -> int:
        now = time.monotonic()
        self.times.append(now)
        if len(self.recorded) < RECORDED:
            self.recorded.append((path.decode(), body.decode()))
        for future in self.waiting.pop(len(self.times), ()):
            if not future.done():
                future.set_result(now)
        return len(self.times)

    async def nth(self, number: int) -> float:
        """When the Nth came; waits for it."""
        if len(self.times) >= number:
            return self.times[number - 1]
        future = asyncio.get_running_loop().create_future()
        self.waiting.setdefault(number, []).append(future)
        return await future


class Provider(asyncio.Protocol):
    """One kept connection, one request at a time. By hand, because the provider's own cost must be small."""

    def __init__(self, arrivals: Arrivals, delay: float, receipts: Receipts | None) -> None:
        self.arrivals, self.delay, self.receipts = arrivals, delay, receipts
        self.buffer = b""
        self.tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        _, _, after = head.lower().partition(b"content-length:")
        length = int(after.split(b"\r\n", 1)[0]) if after else 0
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        method, path, _ = head.split(b" ", 2)
        if method == b"POST":
            number = self.arrivals.add(path, rest[:length])
            if self.receipts is not None:
                self.loop.call_later(self.delay, self.receipts.add, rest[:length], f"m_{number}")
            answer = b'{"recipient_id":"1","message_id":"m_%d"}' % number
            self.loop.call_later(self.delay, self.answer, answer)
        else:
            task = self.loop.create_task(self.tell(path.decode()))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def answer(self, body: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body)
        )

    async def tell(self, path: str) -> None:
        found: object = None
        if path == "/reset":
            self.arrivals.reset()
        elif path == "/count":
            found = len(self.arrivals.times)
        elif path == "/recorded":
            found = self.arrivals.recorded
        elif path.startswith("/arrived/"):
            found = await self.arrivals.nth(int(path.rpartition("/")[2]))
        self.answer(json.dumps(found).encode())


async def serve(port: int, delay: float, receipts: Receipts | None) -> None:
    arrivals = Arrivals()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Provider(arrivals, delay, receipts), "127.0.0.1", port, backlog=1024
    )
    await asyncio.gather(server.serve_forever(), *([receipts.tell()] if receipts else []))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--hook", nargs=3, metavar=("URL", "SECRET", "PAGE"))
    options = parser.parse_args()
    receipts = Receipts(*options.hook) if options.hook else None
    asyncio.run(serve(options.port, options.delay_ms / 1000, receipts))
