"""Reads what the profiled processes wrote: which functions, and which statements, a message's time goes to."""

import json
import pstats
from collections import defaultdict
from pathlib import Path

TOP = 20


def report(folder: Path, *, messages: int = 0) -> str:
    """The costliest functions in microseconds of processor time a message (or, without `messages`, a call),
    and each statement's mean elapsed time.
    """
    files = sorted(folder.glob("*.prof"))
    if not files:
        return f"No profile in {folder}."
    kept = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    calls = messages or sum(one["calls"] for one in kept)
    stats = pstats.Stats(*(str(path) for path in files))
    whole = sum(own for _, _, own, _, _ in stats.stats.values())  # type: ignore[attr-defined]
    lines = [
        f"{1e6 * whole / calls:,.0f} µs of profiled processor time each, over {calls:,}.",
        "Columns: own time, with callees, calls",
    ]
    for order, title in ((3, "by time with callees"), (2, "by own time")):
        lines.append(f"-- {title}")
        chosen = sorted(stats.stats.items(), key=lambda item: -item[1][order])[:TOP]  # type: ignore[attr-defined]
        for (path, line, name), (_, number, own, full, _) in chosen:
            place = f"{_short(path)}:{line} {name}" if line else name
            lines.append(f"{1e6 * own / calls:9.1f} {1e6 * full / calls:9.1f} {number / calls:8.2f}  {place}")
    return "\n".join([*lines, "-- statements: mean ms, times each", *_statements(kept, calls)])


def _statements(kept: list[dict], calls: int) -> list[str]:
    found: dict[str, list[float]] = defaultdict(lambda: [0, 0.0])
    for one in kept:
        for sql, (count, seconds) in one["statements"].items():
            found[sql][0] += count
            found[sql][1] += seconds
    ordered = sorted(found.items(), key=lambda item: -item[1][1])[:12]
    return [f"{1000 * seconds / count:9.2f} {count / calls:8.3f}  {sql}" for sql, (count, seconds) in ordered]


def _short(path: str) -> str:
    for mark in ("/site-packages/", "/lib/python3.11/"):
        if mark in path:
            return path.rpartition(mark)[2]
    return path.removeprefix(f"{Path.cwd()}/")
