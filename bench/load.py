"""A load driver: kept connections, each sending its next request when the last is answered.

Written on bare transports, so that it takes a small part of the machine it shares with the server.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

WARM_UP = 1.0  # seconds that are not counted


@dataclass
class Load:
    """What came back in `seconds`: answers by status, and each one's time in seconds."""

    seconds: float
    statuses: Counter[int] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    all_answers: int = 0  # those of the warm-up too

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.times) / self.seconds


def run_load(port: int, request: Callable[[], bytes], *, connections: int, seconds: float) -> Load:
    """Keeps `connections` requests under way; raises ConnectionError when the server drops one."""
    return asyncio.run(_run(port, request, connections, seconds))


def http_request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _run(port: int, request: Callable[[], bytes], connections: int, seconds: float) -> Load:
    loop = asyncio.get_running_loop()
    load = Load(seconds)
    begin = time.perf_counter() + WARM_UP
    end = begin + seconds
    ended = [loop.create_future() for _ in range(connections)]
    for done in ended:
        await loop.create_connection(
            lambda done=done: _Connection(load, request, begin, end, done), "127.0.0.1", port
        )
    await asyncio.gather(*ended)
    return load


class _Connection(asyncio.Protocol):
    def __init__(
        self,
        load: Load,
        request: Callable[[], bytes],
        begin: float,
        end: float,
        done: asyncio.Future[None],
    ) -> None:
        self.load, self.request, self.begin, self.end, self.done = load, request, begin, end, done
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(self.request())

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        _, _, after = head.lower().partition(b"\r\ncontent-length:")
        is_whole = len(rest) >= int(after.split(b"\r\n", 1)[0]) if after else rest.endswith(b"0\r\n\r\n")
        if not is_whole:  # a body without a length comes in chunks, the last of them empty
            return
        self.buffer = b""
        now = time.perf_counter()
        self.load.all_answers += 1
        if self.begin <= now < self.end:
            self.load.statuses[int(head[9:12])] += 1
            self.load.times.append(now - self.sent)
        if now < self.end:
            self.send()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if time.perf_counter() < self.end:
            self.done.set_exception(error or ConnectionError("the server closed a connection"))
        else:
            self.done.set_result(None)
