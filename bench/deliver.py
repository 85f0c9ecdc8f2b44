"""Delivering: the real worker against an aiohttp loop that only posts, and against a Celery task a message."""

import asyncio
import itertools
import time
from collections.abc import Sequence

import aiohttp

from bench import plain
from bench.profiles import report
from bench.rounds import Costs, Row, play, rate, ratio, show
from bench.stage import PROFILES, Stage, Stub
from bench.world import World
from notifications.nudge import nudge

DELAY_MS = 20
CONNECTIONS = 400  # of the baselines: more made them slower
PLAIN_MESSAGES = 3000
COUNTED_FROM = 0.1  # of the messages: the start of a round is not counted


def measure(stage: Stage, world: World, *, rounds: int, messages: int) -> None:
    """Prints messages a second, each round a run of `messages` queued ones."""
    stub = stage.stub(delay_ms=DELAY_MS)
    children = stage.workers("worker-standard", "beat")
    engine = Engine(stage, world, stub, messages)
    engine()
    stage.as_owner("ANALYZE")  # as autovacuum would have, on tables that did not fill up a minute ago
    recorded = [(stub.url + path, body) for path, body in stub.recorded()]
    engine.costs = Costs(stage)
    ceiling, celery = Ceiling(stage, stub, recorded, messages), PlainCelery(stage, stub, recorded)
    found = play(rounds, {"engine": engine, "aiohttp": ceiling, "task a message": celery})
    stage.stop(*children, stub.child)
    world.clear(stage)
    mine = found["engine"]
    rows = [
        Row("engine, one standard worker", rate(mine), "1"),
        Row(
            f"aiohttp loop, {CONNECTIONS} connections",
            rate(found["aiohttp"]),
            f"engine is {ratio(mine, found['aiohttp']):.2f} × this",
            "≥ 0.4",
        ),
        Row(
            f"one Celery task a message, {CONNECTIONS} threads",
            rate(found["task a message"]),
            f"engine is {ratio(mine, found['task a message']):.1f} × this",
            "≥ 5",
        ),
    ]
    notes = [
        f"Processor ms a message: engine: {engine.costs}; aiohttp: {ceiling.costs}; task a message: {celery.costs}."
    ]
    show("Delivering", rows, notes)


def profile(stage: Stage, world: World, *, messages: int) -> None:
    """Prints what a delivered message costs in the worker, function by function."""
    stub = stage.stub(delay_ms=DELAY_MS)
    children = [*stage.workers("worker-standard", is_profiled=True), *stage.workers("beat")]
    speed = Engine(stage, world, stub, messages)()
    time.sleep(2)
    stage.stop(*children, stub.child)
    world.clear(stage)
    found = report(PROFILES / "worker-standard", messages=messages)
    print(f"\n### Profile of delivering ({speed:,.0f}/s under it)\n{found}", flush=True)


class Engine:
    """Queues messages, wakes the worker and waits until all are sent."""

    def __init__(self, stage: Stage, world: World, stub: Stub, messages: int) -> None:
        self.world, self.stub, self.messages = world, stub, messages
        self.costs = Costs(stage)

    def __call__(self) -> float:
        self.stub.reset()
        self.world.queue(self.messages)
        with self.costs:
            nudge("standard")
            try:
                speed = _speed(self.stub, self.messages)
            finally:
                self._settle()
        self.costs.messages += self.messages
        return speed

    def _settle(self) -> None:
        """The last results are written after their messages came. Nothing may be sent twice, or fail."""
        end = time.monotonic() + 10
        while (left := {*self.world.statuses()} - {"SENT"}) and time.monotonic() < end:
            time.sleep(0.05)
        if left or self.stub.count() != self.messages:
            raise SystemExit(f"{self.stub.count()} came of {self.messages}: {self.world.statuses()}")


class Ceiling:
    """The same requests from one aiohttp loop: nothing is read, judged or written."""

    def __init__(self, stage: Stage, stub: Stub, recorded: Sequence[tuple[str, str]], messages: int) -> None:
        self.stub, self.recorded, self.messages = stub, recorded, messages
        self.costs = Costs(stage)

    def __call__(self) -> float:
        self.stub.reset()
        with self.costs:
            asyncio.run(self._post_all())
        self.costs.messages += self.messages
        return _speed(self.stub, self.messages)

    async def _post_all(self) -> None:
        left = itertools.islice(itertools.cycle(self.recorded), self.messages)
        headers = {"Content-Type": "application/json"}
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        async with aiohttp.ClientSession(connector=connector, headers=headers) as http:

            async def post_some() -> None:
                for url, body in left:
                    async with http.post(url, data=body) as answer:
                        await answer.json()

            await asyncio.gather(*(post_some() for _ in range(CONNECTIONS)))


class PlainCelery:
    """The same requests, a task each. All are queued before the worker starts, so publishing costs nothing."""

    def __init__(self, stage: Stage, stub: Stub, recorded: Sequence[tuple[str, str]]) -> None:
        self.stage, self.stub, self.recorded = stage, stub, recorded
        self.costs = Costs(stage)

    def __call__(self) -> float:
        self.stub.reset()
        plain.app.control.purge()
        for url, body in itertools.islice(itertools.cycle(self.recorded), PLAIN_MESSAGES):
            plain.post.delay(url, body)
        with self.costs:
            worker = self.stage.plain_worker(CONNECTIONS)
            speed = _speed(self.stub, PLAIN_MESSAGES)
            self.costs.messages += PLAIN_MESSAGES
        self.stage.stop(worker)
        return speed


def _speed(stub: Stub, messages: int) -> float:
    """Messages a second, from the tenth part on."""
    first = int(messages * COUNTED_FROM)
    began, ended = stub.arrived(first), stub.arrived(messages)
    return (messages - first) / (ended - began)
