"""Time as the wire wants it: milliseconds for Graph, RFC 3339 UTC with milliseconds for our own API."""

import time
from datetime import UTC, datetime


def now_ms() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


def rfc3339(ms: int) -> str:
    """`1700000000123` -> `"2023-11-14T22:13:20.123Z"`."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
