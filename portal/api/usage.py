"""What a client asked for lately: its last requests and how many a day, kept in Valkey for its own bank to see.

Neither a query nor a body is kept, and nothing here is a record: with Valkey away there is a gap.
"""

import json
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.utils import timezone

from portal.api import valkey

LAST = 50  # requests of a client that are remembered
DAYS = 30
_A_DAY = 86_400
_LONGEST_PATH = 200


class Asked(NamedTuple):
    """One request."""

    at: datetime
    method: str
    path: str
    status: int
    code: str  # of the problem, if it was one
    request_id: str


class Day(NamedTuple):
    """How many requests a day (UTC) had, and how many of them were refused (4xx) or failed (5xx)."""

    date: date
    total: int
    refused: int
    failed: int


def note(client_id: UUID, *, method: str, path: str, status: int, code: str, request_id: str) -> None:
    """Remembers a request that was answered; at worst it does not."""
    now = timezone.now()
    day, asked = f"use:{client_id}:{now:%Y%m%d}", f"asked:{client_id}"
    pipe = valkey.client().pipeline(transaction=False)
    pipe.hincrby(day, str(status // 100), 1)
    pipe.expire(day, DAYS * _A_DAY)
    pipe.lpush(asked, json.dumps([now.isoformat(), method, path[:_LONGEST_PATH], status, code, request_id]))
    pipe.ltrim(asked, 0, LAST - 1)
    pipe.expire(asked, DAYS * _A_DAY)
    try:
        valkey.call(pipe.execute)
    except valkey.Unreachable:
        pass


def last_requests(client_id: UUID) -> list[Asked]:
    """The newest first. Raises valkey.Unreachable."""
    rows = valkey.call(valkey.client().lrange, f"asked:{client_id}", 0, LAST - 1)
    return [Asked(datetime.fromisoformat(at), *rest) for at, *rest in map(json.loads, rows)]


def days(client_id: UUID, count: int = 14) -> list[Day]:
    """The last `count` days, today first. Raises valkey.Unreachable."""
    dates = [timezone.now().date() - timedelta(days=ago) for ago in range(count)]
    pipe = valkey.client().pipeline(transaction=False)
    for one in dates:
        pipe.hgetall(f"use:{client_id}:{one:%Y%m%d}")
    counts = [{kind: int(number) for kind, number in row.items()} for row in valkey.call(pipe.execute)]
    return [
        Day(one, sum(row.values()), row.get("4", 0), row.get("5", 0))
        for one, row in zip(dates, counts, strict=True)
    ]
