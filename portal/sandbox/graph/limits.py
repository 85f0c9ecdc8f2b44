"""Rate limits per page and the usage headers that go with them."""

import json
import time
from dataclasses import dataclass

from portal.sandbox.state import Page

BUSINESS_USAGE_FROM_CALL = 10


@dataclass(slots=True)
class Bucket:
    """Tokens left, in calls; refilled at the page's rate, full after one second of quiet."""

    tokens: float
    at: float
    calls: int = 0
    used: int = 0


class Limits:
    """One bucket per page, `rate_per_second` wide."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def take(self, page: Page) -> bool:
        """Count a call; False when the page calls faster than its rate allows."""
        now = time.monotonic()
        rate = page.rate_per_second
        bucket = self._buckets.get(page.id)
        if bucket is None:
            bucket = self._buckets[page.id] = Bucket(tokens=rate, at=now)
        bucket.tokens = min(rate, bucket.tokens + (now - bucket.at) * rate)
        bucket.at = now
        bucket.calls += 1
        allowed = bucket.tokens >= 1
        if allowed:
            bucket.tokens -= 1
        bucket.used = min(100, round(100 * (1 - bucket.tokens / rate)))
        return allowed

    def headers(self, page: Page, *, throttled: bool = False) -> dict[str, str]:
        """`X-App-Usage` always; `X-Business-Use-Case-Usage` once the page has called often enough."""
        bucket = self._buckets.get(page.id)
        used = 100 if throttled else bucket.used if bucket else 0
        headers = {"X-App-Usage": f'{{"call_count":{used},"total_time":{used},"total_cputime":{used // 2}}}'}
        if throttled or (bucket and bucket.calls >= BUSINESS_USAGE_FROM_CALL):
            usage = {
                "type": "messenger",
                "call_count": used,
                "total_cputime": used // 2,
                "total_time": used,
                "estimated_time_to_regain_access": 1 if throttled else 0,
            }
            headers["X-Business-Use-Case-Usage"] = json.dumps({page.id: [usage]}, separators=(",", ":"))
        return headers
