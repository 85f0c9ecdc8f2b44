"""Entry of the measured processes under `--profile`: the portal's own, with every path timed.

Functions are timed in processor time, thread by thread, so that waiting for a lock or for the network counts
nothing; statements in elapsed time. What was found is written to a file a thread, once a second.
"""

import cProfile
import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

django.setup()

from django.db.backends.signals import connection_created  # noqa: E402

import notifications.tasks  # noqa: E402
from notifications.courier import courier  # noqa: E402
from portal.celery import app as app  # noqa: E402 - what `celery -A bench.profiled` looks for
from portal.tenancy import prepared  # noqa: E402
from portal.tenancy.backend.base import DatabaseWrapper  # noqa: E402
from portal.wsgi import application as _application  # noqa: E402

FOLDER = Path(os.environ["BENCH_PROFILE"])
EVERY = 1.0  # seconds
SKIPPED = 5  # calls of a thread, in which it imports and connects
_kept = threading.local()
_calls: dict[int, int] = {}  # by thread
_statements: dict[str, list[float]] = defaultdict(lambda: [0, 0.0])


class _Profile:
    """One thread's. It is switched on for the work alone, not for waiting for work."""

    def __init__(self) -> None:
        self.profile = cProfile.Profile(time.thread_time)
        self.thread, self.calls, self.written = threading.get_ident(), 0, 0.0

    def run(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        if self.calls <= SKIPPED:
            return work(*args, **kwargs)
        self.profile.enable()
        try:
            return work(*args, **kwargs)
        finally:
            self.profile.disable()
            if time.monotonic() - self.written > EVERY:
                self.write()

    def write(self) -> None:
        _calls[self.thread] = self.calls - SKIPPED
        self.profile.dump_stats(FOLDER / f"{os.getpid()}-{self.thread}.prof")
        content = {"calls": sum(_calls.values()), "statements": _statements}
        (FOLDER / f"{os.getpid()}.json").write_text(json.dumps(content))
        self.written = time.monotonic()


def _profile() -> _Profile:
    if not hasattr(_kept, "profile"):
        _kept.profile = _Profile()
    return _kept.profile


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
    return _profile().run(_application, environ, start_response)


def _timed(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            return work(*args, **kwargs)
        finally:
            _count(name, began)

    return run


def _count(name: str, began: float) -> None:
    entry = _statements[name]
    entry[0] += 1
    entry[1] += time.perf_counter() - began


def _time_statement(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    began = time.perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        _count(" ".join(sql.split())[:110], began)


def _watch(connection: Any, **_: Any) -> None:
    if _time_statement not in connection.execute_wrappers:  # it was connected before
        connection.execute_wrappers.append(_time_statement)


def _profile_courier() -> None:
    """Its loop runs in a thread of its own for ever: its profile stays on, and is written by the loop itself."""
    loop = courier()._loop
    profile = cProfile.Profile(time.thread_time)

    def write() -> None:
        profile.disable()
        profile.dump_stats(FOLDER / f"{os.getpid()}-courier.prof")
        loop.call_later(EVERY, write)
        profile.enable()

    write()


connection_created.connect(_watch)
_run_prepared = prepared.run


def _time_prepared(statement: str, values: Any) -> Any:
    return _time_statement(lambda sql, params, *_: _run_prepared(sql, params), statement, values, False, None)


prepared.run = _time_prepared
DatabaseWrapper._begin = _timed("BEGIN with role and tenant", DatabaseWrapper._begin)  # type: ignore[method-assign]
DatabaseWrapper._commit = _timed("COMMIT", DatabaseWrapper._commit)  # type: ignore[method-assign]
_deliver_batch = notifications.tasks.deliver_batch
_is_watched = False


def _deliver(*, lane: str) -> int:
    global _is_watched
    if not _is_watched:
        _is_watched = True
        courier()._loop.call_soon_threadsafe(_profile_courier)
    return _profile().run(_deliver_batch, lane=lane)


notifications.tasks.deliver_batch = _deliver
