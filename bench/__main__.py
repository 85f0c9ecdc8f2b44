"""`make bench`, or one measure of it: `make bench ARGS="accept --rounds 7"`. docs/performance.md says what each is."""

import argparse
import time
from collections.abc import Callable

from bench.stage import Stage, machine
from portal.demo.refusal import Refusal

MEASURES = ("accept", "deliver", "latency", "memory", "race")
PROFILED = ("accept", "deliver")


def main() -> None:
    """Prints a section a measure, in Markdown."""
    options = _options()
    chosen = MEASURES if options.what == "all" else (options.what,)
    try:
        with Stage() as stage:
            print(machine(), flush=True)
            steps = _steps(stage, options)
            for name in chosen:
                if not options.profile or name in PROFILED:
                    steps[name]()
    except Refusal as refusal:
        raise SystemExit(str(refusal)) from refusal


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measures the portal against its baselines.")
    parser.add_argument("what", nargs="?", default="all", choices=("all", *MEASURES))
    parser.add_argument("--rounds", type=int, default=5, help="of each contestant, in turn (5)")
    parser.add_argument("--seconds", type=float, default=4, help="of load a round, accepting (4)")
    parser.add_argument("--messages", type=int, default=10_000, help="a round, delivering (10,000)")
    parser.add_argument("--events", type=int, default=200, help="one at a time, for the latency (200)")
    parser.add_argument("--stops", type=int, default=300, help="in the race (300)")
    parser.add_argument("--full", action="store_true", help="memory after 100,000 deliveries, not 30,000")
    parser.add_argument(
        "--profile", action="store_true", help="instead, where accepting and delivering spend their time"
    )
    return parser.parse_args()


def _steps(stage: Stage, options: argparse.Namespace) -> dict[str, Callable[[], None]]:
    """What there is to measure, or to profile. Django is set up by now, so the rest can be imported."""
    from bench import accept, deliver, latency, memory, race
    from bench.world import World

    began = time.monotonic()
    world = World()
    stage.as_owner("ANALYZE")
    print(f"A bank with {len(world.customers):,} customers, {time.monotonic() - began:.0f} s", flush=True)
    if options.profile:
        return {
            "accept": lambda: accept.profile(stage, world, seconds=options.seconds),
            "deliver": lambda: deliver.profile(stage, world, messages=options.messages),
        }
    late = 100_000 if options.full else 30_000
    return {
        "accept": lambda: accept.measure(stage, world, rounds=options.rounds, seconds=options.seconds),
        "deliver": lambda: deliver.measure(stage, world, rounds=options.rounds, messages=options.messages),
        "latency": lambda: latency.measure(stage, world, events=options.events),
        "memory": lambda: memory.measure(stage, world, late=late, seconds=5 * options.seconds),
        "race": lambda: race.measure(stage, world, messages=options.messages, stops=options.stops),
    }


if __name__ == "__main__":
    main()
