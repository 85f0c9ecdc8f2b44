"""What a client asked for lately: its last requests and how many a day, kept in Valkey for its own bank to see.

Neither a query nor a body is kept, and nothing here is a record: with Valkey away there is a gap, and what
another process has answered shows a second later.
"""

import atexit
import json
import threading
import time
from collections import Counter, deque
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone

from portal.api import valkey

LAST = 50  # requests of a client that are remembered
DAYS = 30
_A_DAY = 86_400
_LONGEST_PATH = 200
_EVERY = 1.0  # seconds
_MOST_KEPT = 10_000  # requests, should Valkey be away


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


class _Noted(NamedTuple):
    client_id: UUID
    at: datetime
    asked: tuple[str, str, int, str, str]


class _Notebook:
    """Requests of this process that Valkey has not been told of. A thread tells it once a second: a trip for
    each request would be a tenth of what answering it costs.
    """

    def __init__(self) -> None:
        self._noted: deque[_Noted] = deque(maxlen=_MOST_KEPT)
        self._writing = threading.Lock()
        self._has_some = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, noted: _Noted) -> None:
        self._noted.append(noted)
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
            self._thread.start()
        self._has_some.set()

    def _run(self) -> None:
        while self._has_some.wait():
            self._has_some.clear()
            self.write()
            time.sleep(_EVERY)

    def write(self) -> None:
        with self._writing, suppress(valkey.Unreachable):
            taken = [self._noted.popleft() for _ in range(len(self._noted))]
            if taken:
                valkey.call(_commands(taken).execute)


_notebook = _Notebook()
atexit.register(_notebook.write)


def note(client_id: UUID, *, method: str, path: str, status: int, code: str, request_id: str) -> None:
    """Remembers a request that was answered; at worst it does not."""
    asked = (method, path[:_LONGEST_PATH], status, code, request_id)
    _notebook.add(_Noted(client_id, timezone.now(), asked))


def _commands(taken: list[_Noted]) -> Any:
    pipe = valkey.client().pipeline(transaction=False)
    counts: Counter[tuple[str, str]] = Counter()
    lists: dict[str, list[str]] = {}
    for client_id, at, asked in taken:
        counts[f"use:{client_id}:{at:%Y%m%d}", str(asked[2] // 100)] += 1
        lists.setdefault(f"asked:{client_id}", []).append(json.dumps([at.isoformat(), *asked]))
    for (day, kind), count in counts.items():
        pipe.hincrby(day, kind, count)
        pipe.expire(day, DAYS * _A_DAY)
    for key, rows in lists.items():
        pipe.lpush(key, *rows[-LAST:])
        pipe.ltrim(key, 0, LAST - 1)
        pipe.expire(key, DAYS * _A_DAY)
    return pipe


def last_requests(client_id: UUID) -> list[Asked]:
    """The newest first. Raises valkey.Unreachable."""
    _notebook.write()
    rows = valkey.call(valkey.client().lrange, f"asked:{client_id}", 0, LAST - 1)
    return [Asked(datetime.fromisoformat(at), *rest) for at, *rest in map(json.loads, rows)]


def days(client_id: UUID, count: int = 14) -> list[Day]:
    """The last `count` days, today first. Raises valkey.Unreachable."""
    _notebook.write()
    dates = [timezone.now().date() - timedelta(days=ago) for ago in range(count)]
    pipe = valkey.client().pipeline(transaction=False)
    for one in dates:
        pipe.hgetall(f"use:{client_id}:{one:%Y%m%d}")
    counts = [{kind: int(number) for kind, number in row.items()} for row in valkey.call(pipe.execute)]
    return [
        Day(one, sum(row.values()), row.get("4", 0), row.get("5", 0))
        for one, row in zip(dates, counts, strict=True)
    ]
