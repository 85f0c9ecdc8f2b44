"""The processes that are measured: a database of the run's own, and the portal's real children beside it."""

import http.client
import json
import os
import platform
import shutil
import socket
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg

from portal.demo.addresses import HOST, Addresses, answers
from portal.demo.child import Child
from portal.demo.environment import base_environment
from portal.demo.leftovers import end_leftovers
from portal.demo.processes import Processes
from portal.demo.state import State

DATABASE = "parley_bench"
PROFILES = Path("var/bench-run/profiles")
_SERVERS = {"postgres": "PostgreSQL", "valkey-server": "Valkey"}


class Stage:
    """Holds the run's folder, makes its database anew, and ends every process it has started."""

    def __init__(self) -> None:
        self.state = State(Path("var/bench-run"))
        self.port, self.bare_port, self.stub_port = _free_ports(3)
        self._children: list[Child] = []

    def __enter__(self) -> "Stage":
        self.state.hold()
        end_leftovers(self.state.home)
        web, stub = f"http://{HOST}:{self.port}", f"http://{HOST}:{self.stub_port}"
        os.environ |= {
            **{name: _on_our_database(os.environ[name]) for name in ("DATABASE_URL", "DATABASE_OWNER_URL")},
            "BASE_URL": web,
            "SANDBOX_URL": stub,
            "MESSENGER_GRAPH_URL": stub,
            "LOG_FORMAT": "json",
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        }
        self.environment = base_environment()
        self.processes = Processes(self.state, self.environment, Addresses(self.port))
        self._make_database()
        import django

        django.setup()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in reversed(self._children):
            child.stop()
        self.state.release()

    def web(self, *, is_profiled: bool = False) -> Child:
        """The portal's web processes, serving."""
        return self._start(self.processes.web(), is_profiled=is_profiled)

    def bare(self, *, is_usual: bool = False) -> Child:
        """`bench.bare`, under the very command that starts the portal's web."""
        child = Processes(self.state, self.environment, Addresses(self.bare_port)).web()
        command = [str(word).replace("portal.wsgi", "bench.bare") for word in child.command]
        environment = {
            **self.environment,
            "BARE_USUAL": "1" if is_usual else "",
            "BARE_DATABASE": json.dumps(_stock_database()),
        }
        return self._start(
            replace(child, name="bare", command=command, environment=environment, log=self.state.log("bare"))
        )

    def workers(self, *names: str, is_profiled: bool = False) -> list[Child]:
        """The portal's own workers and clock, all of them or those named (`worker-standard`, `beat`)."""
        chosen = [child for child in self.processes.workers() if not names or child.name in names]
        return [self._start(child, is_profiled=is_profiled) for child in chosen]

    def more_workers(self, count: int) -> list[Child]:
        """So many more of the standard lane's."""
        (one,) = (child for child in self.processes.workers() if child.name == "worker-standard")
        made = []
        for number in range(count):
            words = [str(word).replace("standard@", f"more{number}@") for word in one.command]
            name = f"worker-more{number}"
            made.append(self._start(replace(one, name=name, command=words, log=self.state.log(name))))
        return made

    def plain_worker(self, threads: int) -> Child:
        """A thread-pool worker of `bench.plain`."""
        words = [
            "celery",
            "-A",
            "bench.plain",
            "worker",
            "-Q",
            "bench-plain",
            "-n",
            "plain@%h",
            "-l",
            "ERROR",
        ]
        words += ["--pool", "threads", "--concurrency", str(threads), "--prefetch-multiplier", "1"]
        return self._start(self._module("plain", *words, "--without-gossip", "--without-mingle"))

    def stub(self, *, delay_ms: float, hook: Sequence[str] = ()) -> "Stub":
        """The provider, listening; it tells `hook` (address, secret, page) of what was delivered."""
        words = ["bench.stub", str(self.stub_port), "--delay-ms", str(delay_ms)]
        child = self._module("stub", *words, *(["--hook", *hook] if hook else []))
        ready = replace(child, ready=lambda: answers(self.stub_port, "/reset"))
        return Stub(self._start(ready), self.stub_port)

    def stop(self, *children: Child) -> None:
        """Ends some before the others."""
        for child in children:
            child.stop()
            self._children.remove(child)

    def as_owner(self, statement: str) -> None:
        """Runs a statement as the owner of the tables."""
        with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as connection:
            connection.execute(statement)

    def cpu_seconds(self) -> Counter[str]:
        """Processor time used so far, by part; ours is `driver`."""
        used: Counter[str] = Counter(driver=time.process_time())
        for child in self._children:
            if child.process is not None:
                used[child.name] += _cpu_seconds(psutil.Process(child.process.pid))
        for process in psutil.Process(os.getppid()).children():
            if process.name() in _SERVERS:
                used[_SERVERS[process.name()]] += _cpu_seconds(process)
        return used

    def _make_database(self) -> None:
        owner = os.environ["DATABASE_OWNER_URL"]
        with psycopg.connect(owner, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {DATABASE}")
        migrate = self.processes.migrate()
        migrate.start()
        if migrate.process is None or migrate.process.wait():
            raise SystemExit(f"migrate failed. {migrate.last_words()}")

    def _start(self, child: Child, *, is_profiled: bool = False) -> Child:
        if is_profiled:
            folder = PROFILES / child.name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            words = [str(word) for word in child.command]
            words = [
                word.replace("portal.wsgi", "bench.profiled").replace("portal.celery", "bench.profiled")
                for word in words
            ]
            child = replace(
                child, command=words, environment={**self.environment, "BENCH_PROFILE": str(folder)}
            )
        child.start()
        self._children.append(child)
        child.wait_ready(30)
        return child

    def _module(self, name: str, *words: str) -> Child:
        return Child(
            name=name,
            command=[sys.executable, "-m", *words],
            log=self.state.log(name),
            home=self.state.home,
            environment=self.environment,
        )


class Stub:
    """The provider, as seen from here."""

    def __init__(self, child: Child, port: int) -> None:
        self.child, self.port = child, port
        self.url = f"http://{HOST}:{port}"

    def reset(self) -> None:
        """Forgets what came."""
        self._get("/reset", 5)

    def arrived(self, number: int, *, seconds: float = 120) -> float:
        """When the Nth message since the reset came (CLOCK_MONOTONIC); raises TimeoutError."""
        return self._get(f"/arrived/{number}", seconds)

    def count(self) -> int:
        """How many have come since the reset."""
        return self._get("/count", 5)

    def recorded(self) -> list[tuple[str, str]]:
        """Path and body of the first since the reset."""
        return self._get("/recorded", 5)

    def _get(self, path: str, seconds: float) -> Any:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=seconds)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


def resident_mb(child: Child) -> list[float]:
    """The resident size of a process and each of its children, in MB (10⁶ bytes), largest first."""
    if child.process is None:
        return []
    main = psutil.Process(child.process.pid)
    return sorted(
        (one.memory_info().rss / 1e6 for one in [main, *main.children(recursive=True)]), reverse=True
    )


def machine() -> str:
    """What the figures were measured on, in one line."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        server = connection.info.server_version // 10000
        durable = connection.execute(
            "SELECT current_setting('fsync') || '/' || current_setting('synchronous_commit')"
        ).fetchone()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} × {model}, {memory:.0f} GiB, Linux {platform.release()}, Python {platform.python_version()},"
        f" PostgreSQL {server} (fsync/synchronous_commit {durable[0] if durable else '?'}); load average {load}"
    )


def _cpu_seconds(process: psutil.Process) -> float:
    """Its own, its children's, and that of children which have ended (a database session is one)."""
    ended = process.cpu_times()
    total = ended.children_user + ended.children_system
    for one in [process, *process.children(recursive=True)]:
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _stock_database() -> dict[str, Any]:
    """The portal's own connection, by Django's own backend."""
    from django.conf import settings

    chosen = settings.DATABASES["default"]
    names = ("NAME", "USER", "PASSWORD", "HOST", "PORT", "CONN_MAX_AGE", "DISABLE_SERVER_SIDE_CURSORS")
    return {name: chosen[name] for name in names} | {"ENGINE": "django.db.backends.postgresql"}


def _on_our_database(url: str) -> str:
    return urlsplit(url)._replace(path=f"/{DATABASE}").geturl()


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
