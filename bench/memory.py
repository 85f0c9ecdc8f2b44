"""Resident size: of the web processes after load, and of a delivery worker as it goes on delivering."""

from bench.accept import CONNECTIONS
from bench.deliver import DELAY_MS, Engine
from bench.load import run_load
from bench.rounds import Row, show
from bench.stage import Stage, resident_mb
from bench.world import World

EARLY = 10_000  # deliveries


def measure(stage: Stage, world: World, *, late: int, seconds: float) -> None:
    """Prints MB (10⁶ bytes) of each process; the worker after 10,000 and after `late` deliveries."""
    stub = stage.stub(delay_ms=DELAY_MS)
    worker, beat = stage.workers("worker-standard", "beat")
    deliver = Engine(stage, world, stub, EARLY)
    sizes = []
    for _ in range(late // EARLY):
        deliver()
        sizes.append(resident_mb(worker)[0])
    stage.stop(beat, worker, stub.child)
    web = stage.web()
    load = run_load(
        stage.port, world.events(stage.environment["BASE_URL"]), connections=CONNECTIONS, seconds=seconds
    )
    serving = resident_mb(web)
    stage.stop(web)
    world.clear(stage)
    growth = sizes[-1] / sizes[0] - 1
    rows = [
        Row(
            f"web processes after {load.all_answers:,} events",
            ", ".join(f"{one:.0f} MB" for one in serving),
            "",
            "≤ 250 MB each",
        ),
        Row(f"delivery worker after {EARLY:,} deliveries", f"{sizes[0]:.0f} MB", "1"),
        Row(
            f"delivery worker after {late:,}", f"{sizes[-1]:.0f} MB", f"{100 * growth:+.1f} %", "within 10 %"
        ),
    ]
    show("Memory", rows, [])
