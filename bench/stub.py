"""`python -m bench.stub PORT [--delay-ms N]`: a provider that takes every message.

It answers a POST after the delay with an id, as Graph would, and keeps when each one came. `GET /arrived/N`
waits for the Nth since the last `GET /reset` and tells its time (CLOCK_MONOTONIC, the same for every process
of the machine); `GET /recorded` gives the first requests again, for the baselines to repeat.
"""

import argparse
import asyncio
import json
import time

RECORDED = 1000


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

    def __init__(self, arrivals: Arrivals, delay: float) -> None:
        self.arrivals, self.delay = arrivals, delay
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


async def serve(port: int, delay: float) -> None:
    arrivals = Arrivals()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Provider(arrivals, delay), "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--delay-ms", type=float, default=0)
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.delay_ms / 1000))
