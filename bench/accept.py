"""Accepting: `POST /notifications` with all its checks, against a DRF view that inserts one row."""

import json
from collections.abc import Callable
from statistics import quantiles

from bench.load import Load, http_request, run_load
from bench.profiles import report
from bench.rounds import Costs, Row, play, rate, ratio, show
from bench.stage import PROFILES, Stage
from bench.world import TEMPLATE, World
from portal.demo.story import balance

BARE_TABLES = """
CREATE TABLE bench_event (id uuid PRIMARY KEY, customer_ref text NOT NULL, template text NOT NULL,
    data jsonb NOT NULL, created_at timestamptz NOT NULL);
CREATE TABLE bench_token (key text PRIMARY KEY, client text NOT NULL);
INSERT INTO bench_token VALUES ('bench', 'bench');
GRANT SELECT, INSERT ON bench_event, bench_token TO parley_app;
"""
_NOTHING = http_request("GET", "/health/ready")
CONNECTIONS = 16  # twice the server's threads, so that none waits for the driver


def measure(stage: Stage, world: World, *, rounds: int, seconds: float) -> None:
    """Prints accepted events a second, with and without an Idempotency-Key."""
    stage.as_owner(BARE_TABLES)
    web, bare = stage.web(), stage.bare()
    nothing = run_load(stage.bare_port, lambda: _NOTHING, connections=CONNECTIONS, seconds=2)
    url = stage.environment["BASE_URL"]
    accept = _Contestant(stage, stage.port, world.events(url), seconds)
    keyed = _Contestant(stage, stage.port, world.events(url, with_key=True), seconds)
    least = _Contestant(stage, stage.bare_port, _bare_event(), seconds)
    found = play(rounds, {"accept": accept, "accept with key": keyed, "bare": least})
    stage.stop(bare)
    bare = stage.bare(is_usual=True)
    usual = _Contestant(stage, stage.bare_port, _bare_event(), seconds)
    beside = play(max(rounds // 2, 1), {"accept": accept, "usual": usual})
    stage.stop(bare, web)
    world.clear(stage)
    rows = [
        Row(
            "accept, all checks",
            rate(found["accept"]),
            f"{ratio(found['accept'], found['bare']):.2f} × bare"
            f" ({least.costs.served / accept.costs.served:.2f} by processor time)",
            "≥ 0.8",
        ),
        Row(
            "accept, and an Idempotency-Key",
            rate(found["accept with key"]),
            f"{ratio(found['accept with key'], found['bare']):.2f} × bare",
        ),
        Row("bare DRF insert", rate(found["bare"]), "1"),
        Row(
            "DRF insert with Django's usual middleware and a token look-up",
            rate(beside["usual"]),
            f"accept is {ratio(beside['accept'], beside['usual']):.2f} × this",
        ),
        Row("a view that does nothing: the driver's reach", f"{nothing.rate:,.0f}/s"),
    ]
    notes = [
        f"Processor ms a request: accept: {accept.costs}; with key: {keyed.costs}; bare: {least.costs};"
        f" usual: {usual.costs}.",
        f"Answer times at {CONNECTIONS} connections: accept {accept.times()}; bare {least.times()}.",
    ]
    show("Accepting", rows, notes)


def profile(stage: Stage, world: World, *, seconds: float) -> None:
    """Prints what an accepted event costs, function by function. The clock runs slower under it."""
    web = stage.web(is_profiled=True)
    load = run_load(
        stage.port, world.events(stage.environment["BASE_URL"]), connections=CONNECTIONS, seconds=3 * seconds
    )
    stage.stop(web)
    world.clear(stage)
    print(f"\n### Profile of accepting ({load.rate:,.0f}/s under it)\n{report(PROFILES / 'web')}", flush=True)


def _bare_event() -> Callable[[], bytes]:
    """The same event, for the view that only inserts it."""
    body = json.dumps(
        {"customer_ref": "CUST-1", "template": TEMPLATE, "data": balance("acc-1", "1234.50")}
    ).encode()
    request = http_request("POST", "/bare", "Authorization: Bearer bench", body=body)
    return lambda: request


class _Contestant:
    """One server's turn; keeps the answer times and the costs of all rounds."""

    def __init__(self, stage: Stage, port: int, request: Callable[[], bytes], seconds: float) -> None:
        self.port, self.request, self.seconds = port, request, seconds
        self.costs = Costs(stage)
        self.loads: list[Load] = []

    def __call__(self) -> float:
        with self.costs:
            load = run_load(self.port, self.request, connections=CONNECTIONS, seconds=self.seconds)
        self.costs.messages += load.all_answers
        if unexpected := set(load.statuses) - {201, 202}:
            raise SystemExit(f"Answers with status {sorted(unexpected)}: nothing was measured.")
        self.loads.append(load)
        return load.rate

    def times(self) -> str:
        """Percentiles of the answer times over all rounds."""
        cuts = quantiles([time for load in self.loads for time in load.times], n=100)
        return f"p50 {1000 * cuts[49]:.0f} ms, p99 {1000 * cuts[98]:.0f} ms"
