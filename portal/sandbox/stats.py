"""Counts and latencies of the simulated platform, in memory, since the start or the last reset."""

from collections import Counter, deque

from portal.sandbox.times import now_ms, rfc3339

SAMPLES = 5000


class Stats:
    """Outcomes are `accepted`, `timeout`, `down`, or an error as `code/subcode` (`10/2018278`, `613`)."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.since = now_ms()
        self.outcomes: Counter[str] = Counter()
        self.by_sender: dict[str, Counter[str]] = {}
        self.hooks: Counter[str] = Counter()
        self.send_ms: deque[float] = deque(maxlen=SAMPLES)
        self.hook_ms: deque[float] = deque(maxlen=SAMPLES)

    def sent(self, sender: str, outcome: str, ms: float) -> None:
        self.outcomes[outcome] += 1
        counts = self.by_sender.get(sender)
        if counts is None:
            counts = self.by_sender[sender] = Counter()
        counts[outcome] += 1
        self.send_ms.append(ms)

    def hook(self, outcome: str, events: int = 0, ms: float | None = None) -> None:
        """`outcome` is one of posted, failed, gave_up, not_subscribed."""
        self.hooks[outcome] += 1
        self.hooks["events"] += events
        if ms is not None:
            self.hook_ms.append(ms)

    def as_json(self, names: dict[str, str]) -> dict:
        """`names` maps sender ids to the names of their pages."""
        return {
            "since": rfc3339(self.since),
            "sends": {
                "total": self.outcomes.total(),
                "accepted": self.outcomes["accepted"],
                "outcomes": dict(self.outcomes.most_common()),
                "latency_ms": spread(self.send_ms),
            },
            "senders": [
                {
                    "sender": sender,
                    "name": names.get(sender, ""),
                    "total": counts.total(),
                    "accepted": counts["accepted"],
                    "outcomes": dict(counts.most_common()),
                }
                for sender, counts in sorted(self.by_sender.items())
            ],
            "webhooks": {**dict(self.hooks), "latency_ms": spread(self.hook_ms)},
        }


def spread(samples: deque[float]) -> dict:
    """Median, 95th and 99th percentile and maximum of the newest samples, in ms; nulls without any."""
    if not samples:
        return {"count": 0, "p50": None, "p95": None, "p99": None, "max": None}
    ranked = sorted(samples)
    last = len(ranked) - 1
    at = {f"p{p}": round(ranked[round(last * p / 100)], 2) for p in (50, 95, 99)}
    return {"count": len(ranked), **at, "max": round(ranked[-1], 2)}
