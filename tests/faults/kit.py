"""A demo of the tests' own: the real launcher with all its processes, and how to break and question it."""

import fcntl
import hmac
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import psycopg
import redis
from psycopg.rows import namedtuple_row

from portal.demo.addresses import Addresses
from portal.demo.child import Child
from portal.demo.environment import base_environment
from portal.demo.processes import Processes
from portal.demo.state import State
from tests.conftest import migrations_hash
from tests.demo.processes import ROOT, RUN_WITH_SERVICES, alive_in, surroundings

T = TypeVar("T")
logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for every request otherwise
# Seconds, far shorter than in production, so that a test can wait them out; an echo is awaited twice as long.
LEASE = 4
# A server that is killed, or closes an idle connection, must not fail a request that just took that one
NO_KEPT_CONNECTIONS = httpx.Limits(max_keepalive_connections=0)
TIMES = {"DELIVERY_LEASE_SECONDS": str(LEASE)}
SWEEP = 5
CHILDREN = 9  # PostgreSQL, Valkey, sandbox, web, four workers, beat
BALANCE = {
    "account": "acc-1",
    "available": {"value": "10.50", "currency": "USD"},
    "as_of": "2026-11-23T09:30:00Z",
}
ENDED = {"SENT", "DELIVERED", "READ", "FAILED", "EXPIRED", "WITHDRAWN", "CANCELLED", "UNCONFIRMED"}
ARRIVED = {"SENT", "DELIVERED", "READ"}


def until(look: Callable[[], T], *, seconds: float, what: str = "") -> T:
    """The first true value of `look()`; fails when none comes in time."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what or look}"
        time.sleep(0.05)
    return found


def from_now(seconds: float) -> str:
    """A time so many seconds ahead, as the API writes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def free_port() -> int:
    """A port that is free, and the next one too."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def clean_environment(**more: str) -> dict[str, str]:
    """Ours, without anything the test run itself was lent. As under `make`, the demo dies with its parent."""
    ours = {name: value for name, value in surroundings().items() if not name.startswith("PARLEY_")}
    ours.pop("SECRET_KEY", None)
    return {**ours, "MAKELEVEL": "1", **more}


class Demo:
    """`python -m portal.demo` in `home`, on ports of its own."""

    def __init__(self, home: Path, **more: str) -> None:
        self.home = home
        self.given = clean_environment(DEMO_DIR=str(home), **more)
        self.choose_ports()
        self.launcher: subprocess.Popen[bytes] | None = None
        self.http = httpx.Client(timeout=20, limits=NO_KEPT_CONNECTIONS)

    def choose_ports(self) -> None:
        """For the next start."""
        self.port = free_port()
        self.web, self.sandbox = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.port + 1}"
        self.given["PORT"] = str(self.port)

    @property
    def facts(self) -> dict[str, Any]:
        """What it says of itself, in `demo.json`."""
        return json.loads((self.home / "demo.json").read_text())

    @property
    def output(self) -> str:
        """What the launcher printed, over all its starts."""
        return self._console.read_text()

    @property
    def _console(self) -> Path:
        return self.home.with_name(self.home.name + ".out")

    def start(self) -> None:
        """Returns once the story is told and every child runs."""
        told = self.output.count("Ctrl-C stops everything") if self._console.exists() else 0
        with self._console.open("ab") as console:
            command = [sys.executable, "-m", "portal.demo"]
            self.launcher = subprocess.Popen(
                command, cwd=ROOT, env=self.given, stdout=console, stderr=console
            )
        until(lambda: self._has_told(told), seconds=90, what="the demo's start")

    def _has_told(self, before: int) -> bool:
        return bool(self._children()) and self.output.count("Ctrl-C stops everything") > before

    def stop(self) -> int:
        """By SIGTERM; returns the exit code."""
        assert self.launcher is not None
        self.launcher.terminate()
        return self.launcher.wait(60)

    def clear(self) -> None:
        """Leaves nothing behind, whatever happened."""
        self.http.close()
        if self.launcher is not None and self.launcher.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.launcher.kill()
                self.launcher.wait()
        until(lambda: alive_in(self.home) == [], seconds=20, what="the end of all processes")

    def _children(self) -> list[psutil.Process]:
        assert self.launcher is not None
        assert self.launcher.poll() is None, f"the demo ended by itself:\n{self.output}"
        return psutil.Process(self.launcher.pid).children()

    def child(self, words: str) -> psutil.Process | None:
        """The launcher's own child whose command line holds `words`."""
        for process in self._children():
            try:
                if words in " ".join(process.cmdline()):
                    return process
            except psutil.Error:
                continue
        return None

    def kill(self, words: str) -> None:
        """SIGKILL to a child; the launcher starts it again after its pause."""
        found = until(lambda: self.child(words), seconds=30, what=words)
        found.kill()

    def is_whole(self) -> bool:
        """Whether every child runs, and the web finds the database and the broker."""
        if len(self._children()) < CHILDREN:
            return False
        try:
            checks = self.http.get(f"{self.web}/health/ready").json()["checks"]
            return set(checks.values()) == {"ok"} and self.http.get(f"{self.sandbox}/stats").is_success
        except (httpx.HTTPError, KeyError, ValueError):
            return False

    @contextmanager
    def more_workers(self, count: int) -> Iterator[None]:
        """So many more processes that deliver, beside the lane's own."""
        with ExitStack() as stack:
            for number in range(count):
                stack.enter_context(self._worker(f"more{number}"))
            yield

    @contextmanager
    def _worker(self, name: str) -> Iterator[None]:
        state = State(self.home)
        environment = {**base_environment(self.given), **state.read("environment.json")}
        workers = Processes(state, environment, Addresses(self.port)).workers()
        worker: Child = next(one for one in workers if one.name == "worker-standard")
        worker.command = [str(part).replace("standard@", f"{name}@") for part in worker.command]
        worker.start()
        try:
            yield
        finally:
            worker.stop()

    def environment(self) -> dict[str, str]:
        """What the demo's processes run with."""
        return json.loads((self.home / "environment.json").read_text())

    def database(self) -> psycopg.Connection[Any]:
        """A connection as superuser: row-level security hides nothing. It commits each statement by itself."""
        url = self.environment()["DATABASE_URL"].replace("//parley_app@", "//postgres@")
        return psycopg.connect(url, autocommit=True, row_factory=namedtuple_row)

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """Asks the database."""
        with self.database() as connection:
            return connection.execute(sql, values or None).fetchall()

    def troubles(self) -> str:
        """What the launcher printed last, and the last errors in the logs."""
        logs = sorted((self.home / "log").glob("*.log"))
        lines = [
            f"{log.stem}: {line}" for log in logs for line in log.read_text(errors="replace").splitlines()
        ]
        errors = [line for line in lines if "[error" in line or "ERROR" in line]
        return "\n".join([*self.output.splitlines()[-20:], *errors[-40:]])

    def deadlocks(self) -> int:
        """How often PostgreSQL had to end a transaction because two waited for each other."""
        return (self.home / "log" / "postgres.log").read_text().count("deadlock detected")

    def valkey(self) -> redis.Redis:
        """A client of the broker."""
        return redis.Redis.from_url(self.environment()["REDIS_URL"].replace("redis+socket://", "unix://"))

    def make_banks(self, wanted: dict[str, int]) -> dict[str, "Bank"]:
        """By slug, each with so many customers."""
        environment = {**base_environment(self.given), **self.environment(), "PARLEY_ENV": "test"}
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.world", json.dumps(wanted)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return {slug: Bank.of(self, facts) for slug, facts in json.loads(done.stdout).items()}


def is_reply(message: dict[str, Any]) -> bool:
    """Whether a message on a phone answers what the person wrote."""
    return message["raw"]["message"]["metadata"].startswith("reply-")


@contextmanager
def own_folder() -> Iterator[Path]:
    """For a demo, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="parley-faults-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)  # the servers' account has to reach its own folders inside
        yield Path(folder) / "demo"


def lay_tables(home: Path) -> None:
    """Puts a database without any rows of the story into a demo's folder, so that its start has nothing to migrate. It
    is made once and kept in `var` while the migrations stay as they are.
    """
    kept = ROOT / "var" / f"demo-pg-{migrations_hash()}"
    with kept.with_name("demo-pg.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not kept.exists():
            for old in kept.parent.glob("demo-pg-*"):
                shutil.rmtree(old)
            _migrate(kept)
    home.mkdir()
    subprocess.run(["cp", "-a", kept, home / "pg"], check=True)  # it belongs to the servers' account


def _migrate(target: Path) -> None:
    with own_folder() as home:
        command = [
            *RUN_WITH_SERVICES,
            "--dir",
            str(home),
            "--",
            sys.executable,
            "manage.py",
            "migrate",
            "-v0",
        ]
        subprocess.run(
            command, cwd=ROOT, env=clean_environment(PARLEY_DB_AS="owner"), timeout=180, check=True
        )
        draft = target.with_name("demo-pg.new")
        shutil.rmtree(draft, ignore_errors=True)
        subprocess.run(["cp", "-a", home / "pg", draft], check=True)
        draft.rename(target)


@contextmanager
def own_demo(*, is_from_nothing: bool = False, **more: str) -> Iterator[Demo]:
    """A demo in a folder of its own, not yet started; whatever happens, all of it is gone afterwards."""
    with own_folder() as home:
        if not is_from_nothing:
            lay_tables(home)
        demo = Demo(home, **more)
        try:
            yield demo
        finally:
            demo.clear()


@dataclass(frozen=True)
class Customer:
    """Somebody with an active grant of BALANCES and FRAUD_ALERTS."""

    ref: str
    address: str
    grant_id: str


@dataclass(frozen=True)
class Answer:
    """What the API said to one event, and after how many seconds."""

    status: int
    body: dict[str, Any]
    kind: str
    seconds: float

    @property
    def id(self) -> str:
        """The notification's UUID in hex."""
        return self.body["id"].removeprefix("ntf_")


@dataclass
class Bank:
    """A live bank and its page on the simulated platform."""

    demo: Demo
    page: str
    sender_id: str
    app_secret: str
    client_id: str
    client_secret: str
    customers: list[Customer]
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, demo: Demo, facts: dict[str, Any]) -> "Bank":
        """With an access token."""
        customers = [Customer(**one) for one in facts.pop("customers")]
        bank = cls(demo, **facts, customers=customers)
        answer = demo.http.post(
            f"{demo.web}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(bank.client_id, bank.client_secret),
        )
        bank.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return bank

    def post(self, path: str, body: dict[str, Any], **headers: str) -> Answer:
        """Calls the API."""
        began = time.monotonic()
        answer = self.demo.http.post(
            f"{self.demo.web}/api/v1{path}", json=body, headers={**self.headers, **headers}
        )
        seconds = time.monotonic() - began
        return Answer(answer.status_code, answer.json(), answer.headers["Content-Type"], seconds)

    def get(self, path: str) -> dict[str, Any]:
        """Reads from the API."""
        return self.demo.http.get(f"{self.demo.web}/api/v1{path}", headers=self.headers).json()

    def send(self, customer: Customer, *, key: str = "", **more: Any) -> Answer:
        """One balance, which takes the standard lane."""
        return self.post(
            "/notifications", self.event(customer, **more), **({"Idempotency-Key": key} if key else {})
        )

    @staticmethod
    def event(customer: Customer, **more: Any) -> dict[str, Any]:
        """A balance, as the API takes it."""
        return {"customer_ref": customer.ref, "template": "balance_update", "data": BALANCE, **more}

    def send_many(self, count: int, send: Callable[[int], T] | None = None, *, at_once: int = 8) -> list[T]:
        """So many events, spread over the customers, `at_once` at a time."""
        chosen = send or (lambda number: self.send(self.customers[number % len(self.customers)]))
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(chosen, range(count)))

    def fault(self, mode: str = "none", **more: Any) -> None:
        """Makes the platform misbehave towards this bank; without arguments it behaves again."""
        body = {"channel": "messenger", "sender": self.page, "mode": mode, **more}
        self.demo.http.post(f"{self.demo.sandbox}/faults", json=body).raise_for_status()

    def sends(self) -> Counter[str]:
        """What the platform made of our requests, by outcome."""
        senders = self.demo.http.get(f"{self.demo.sandbox}/stats").json()["senders"]
        return Counter(next((one["outcomes"] for one in senders if one["sender"] == self.page), {}))

    def phone(self, customer: Customer) -> list[dict[str, Any]]:
        """The messages on one phone, oldest first."""
        query = {"channel": "messenger", "sender": self.page, "address": customer.address}
        return self.demo.http.get(f"{self.demo.sandbox}/inbox", params=query).json()["data"]

    def received(self) -> Counter[str]:
        """How often each delivery (its UUID in hex) came to a phone."""
        shown = [message for customer in self.customers for message in self.notices(customer)]
        return Counter(message["raw"]["message"]["metadata"] for message in shown)

    def notices(self, customer: Customer) -> list[dict[str, Any]]:
        """What came as a notification, not as the answer to something the person wrote."""
        return [one for one in self.phone(customer) if not is_reply(one)]

    def deliveries(self) -> dict[str, Any]:
        """By notification: id, status, reason, grant and attempts, from the database."""
        found = self.demo.rows(
            "SELECT d.notification_id, d.id, d.status, d.reason, d.grant_id, d.attempts, d.sent_at"
            " FROM notifications_delivery d WHERE d.sender_id = %s",
            self.sender_id,
        )
        return {row.notification_id.hex: row for row in found}

    def statuses(self) -> Counter[str]:
        """How many deliveries have each status."""
        return Counter(row.status for row in self.deliveries().values())

    def settle(self, accepted: Iterable[Answer], *, seconds: float) -> dict[str, Any]:
        """The bank's deliveries, once each has a final state and each message on a phone is known to have
        arrived. Checks that they are what was accepted, no more and no less, and that no phone got one twice.
        """
        until(lambda: set(self.statuses()) <= ENDED, seconds=seconds, what="a final state for all")
        until(lambda: self._arrived() == set(self.received()), seconds=45, what="the platform's echoes")
        ended = self.deliveries()
        assert set(ended) == {answer.id for answer in accepted}
        assert set(self.received().values()) <= {1}
        return ended

    def _arrived(self) -> set[str]:
        return {row.id.hex for row in self.deliveries().values() if row.status in ARRIVED}

    def writes(self, customer: Customer, text: str) -> None:
        """The person writes to the bank."""
        body = {"channel": "messenger", "sender": self.page, "address": customer.address, "text": text}
        self.demo.http.post(f"{self.demo.sandbox}/inbox/reply", json=body).raise_for_status()

    def platform_time(self, customer: Customer) -> datetime:
        """The platform's clock, read in the one loop that also handles the sends."""
        body = {"page_id": self.page, "window_open": True}
        answer = self.demo.http.put(f"{self.demo.sandbox}/people/{customer.address}", json=body).json()
        return datetime.fromisoformat(answer["last_action_at"])

    def unheard(self) -> int:
        """How many inbound events have not been worked on yet."""
        sql = "SELECT 1 FROM notifications_inboundevent WHERE sender_id = %s AND processed_at IS NULL"
        return len(self.demo.rows(sql, self.sender_id))

    def hook(self, *events: dict[str, Any], secret: str = "") -> int:
        """Posts events as the platform does, signed; returns the answer's status."""
        body = json.dumps({"object": "page", "entry": [{"id": self.page, "time": 0, "messaging": events}]})
        signature = hmac.new((secret or self.app_secret).encode(), body.encode(), "sha256").hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={signature}", "Content-Type": "application/json"}
        url = f"{self.demo.web}/hooks/messenger/{self.sender_id}"
        return self.demo.http.post(url, content=body, headers=headers).status_code

    def heard(self) -> Counter[str]:
        """How many inbound events are kept, by kind."""
        sql = "SELECT kind, count(*) AS count FROM notifications_inboundevent WHERE sender_id = %s GROUP BY kind"
        return Counter({row.kind: row.count for row in self.demo.rows(sql, self.sender_id)})
