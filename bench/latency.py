"""Event to phone: from a bank's POST until the provider has the message, one event at a time, nothing else going on."""

import http.client
import json
import random
import time
from statistics import quantiles

from bench.rounds import Row, show
from bench.stage import Stage, Stub
from bench.world import World
from portal.demo.addresses import HOST

WARM_UP = 10


def measure(stage: Stage, world: World, *, events: int) -> None:
    """Prints percentiles, beside those of a POST that goes straight to the provider."""
    stub = stage.stub(delay_ms=0)
    children = [stage.web(), *stage.workers()]
    portal = _Sender(stage.port, "/api/v1/notifications", world.token(stage.environment["BASE_URL"]))
    straight = _Sender(stage.stub_port, "/straight", "")
    pause = random.Random(1)
    whole, answered, floor = [], [], []
    for number in range(WARM_UP + events):
        time.sleep(pause.uniform(0.05, 0.25))  # so that no beat of the clock is always met, or never
        sent, answer = portal.post(world.event())
        arrived = _arrival(stub) - sent
        direct = -straight.post(world.event())[0] + _arrival(stub)
        if number >= WARM_UP:
            whole.append(arrived)
            answered.append(answer - sent)
            floor.append(direct)
    stage.stop(*reversed(children), stub.child)
    rows = [
        Row("event to phone, all processes idle", percentiles(whole),
            f"{_cut(whole, 50) - _cut(floor, 50):.0f} ms more than straight", "p50 ≤ 100 ms"),
        Row("of it, until the bank has its 202", percentiles(answered)),
        Row("straight to the provider", percentiles(floor), "1"),
    ]  # fmt: skip
    show(f"Event to phone, {events} single events", rows, [])


class _Sender:
    """A kept connection."""

    def __init__(self, port: int, path: str, token: str) -> None:
        self.path = path
        self.headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        self.connection = http.client.HTTPConnection(HOST, port, timeout=10)

    def post(self, body: bytes) -> tuple[float, float]:
        """When it was sent and when it was answered."""
        sent = time.monotonic()
        self.connection.request("POST", self.path, body, self.headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status not in (200, 202):
            raise SystemExit(f"{answer.status}: {json.loads(content)}")
        return sent, time.monotonic()


def _arrival(stub: Stub) -> float:
    arrived = stub.arrived(1, seconds=10)
    stub.reset()
    return arrived


def _cut(seconds: list[float], percent: int) -> float:
    return 1000 * quantiles(seconds, n=100)[percent - 1]


def percentiles(seconds: list[float]) -> str:
    """In milliseconds."""
    return ", ".join(f"p{percent} {_cut(seconds, percent):.1f} ms" for percent in (50, 95, 99))
