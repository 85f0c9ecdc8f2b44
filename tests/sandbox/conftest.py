"""A real sandbox process, a real webhook receiver, and a bank with one phone. No database, no Django."""

import itertools
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

ROOT = Path(__file__).parents[2]
VERSION = "v26.0"
_numbers = itertools.count(int(time.time()) * 1000)


def wait_until(condition: Callable, *, seconds: float = 8.0):
    """The first true value of `condition()`; fails the test when none comes in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    pytest.fail("the condition did not come true in time")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running_sandbox(*arguments: str) -> Iterator[str]:
    """Start `python -m portal.sandbox`; yields its address; stops it with SIGTERM and checks its end."""
    port = free_port()
    command = [sys.executable, "-m", "portal.sandbox", "--port", str(port), *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""})
    base = f"http://127.0.0.1:{port}"

    def is_up() -> bool:
        assert process.poll() is None, "the sandbox ended by itself"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_until(is_up, seconds=15)
        yield base
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def sandbox_url() -> Iterator[str]:
    with running_sandbox() as base:
        yield base


@dataclass
class Hook:
    """One webhook request as it arrived."""

    body: bytes
    headers: dict[str, str]
    at: float

    @property
    def document(self) -> dict:
        return json.loads(self.body)


@dataclass
class Receiver:
    """The bank's webhook server. `answers` are the next status codes to give; 200 after that."""

    verify_token: str
    url: str = ""
    hooks: list[Hook] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    challenges: int = 0

    def parts(self, part: str) -> list[dict]:
        """All events of `messaging`, `standby` or `changes`, over all hooks and entries, as they arrived."""
        return [
            event
            for hook in list(self.hooks)
            for entry in hook.document["entry"]
            for event in entry.get(part, [])
        ]

    def events(self, kind: str) -> list[dict]:
        """Messaging events of a kind: message, postback, delivery, read, referral, account_linking, echo."""
        found = self.parts("messaging")
        if kind == "echo":
            return [e for e in found if e.get("message", {}).get("is_echo")]
        if kind == "message":
            return [e for e in found if "message" in e and not e["message"].get("is_echo")]
        return [e for e in found if kind in e]

    def wait_for(self, kind: str, count: int = 1) -> list[dict]:
        return wait_until(lambda: len(self.events(kind)) >= count and self.events(kind))


@contextmanager
def webhook_receiver() -> Iterator[Receiver]:
    receiver = Receiver(verify_token=secrets.token_hex(8))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            receiver.challenges += 1
            query = parse_qs(urlsplit(self.path).query)
            right = query.get("hub.verify_token") == [receiver.verify_token]
            body = query["hub.challenge"][0] if right and query.get("hub.mode") == ["subscribe"] else "no"
            self._answer(200 if right else 403, body.encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.answers.pop(0) if receiver.answers else 200
            if status == 200:
                receiver.hooks.append(Hook(body, dict(self.headers), time.monotonic()))
            self._answer(status, b"ok")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hooks"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as running:
        yield running


@dataclass
class Bank:
    """A page with one phone, and the calls a bank's server makes."""

    http: httpx.Client
    page: str
    token: str
    secret: str
    psid: str
    webhooks: Receiver | None = None

    def graph(self, method: str, path: str, params: dict | None = None, **options) -> httpx.Response:
        token = {"access_token": self.token}
        return self.http.request(method, f"/{VERSION}/{path}", params={**token, **(params or {})}, **options)

    def post(self, body: dict, path: str = "") -> httpx.Response:
        return self.graph("POST", path or f"{self.page}/messages", json=body)

    def send(self, message: dict | str = "Hello", **changes) -> httpx.Response:
        if isinstance(message, str):
            message = {"text": message}
        body = {"recipient": {"id": self.psid}, "messaging_type": "UPDATE", "message": message, **changes}
        return self.post({key: value for key, value in body.items() if value is not None})

    def inbox(self, **query: str) -> list[dict]:
        asked = {"channel": "messenger", "address": self.psid, "sender": self.page, **query}
        answer = self.http.get("/inbox", params=asked)
        assert answer.status_code == 200
        return answer.json()["data"]

    def phone_does(self, action: str, **fields: str) -> httpx.Response:
        where = {"channel": "messenger", "sender": self.page, "address": self.psid}
        return self.http.post(f"/inbox/{action}", json={**where, **fields})

    def put_person(self, **fields) -> dict:
        answer = self.http.put(f"/people/{self.psid}", json={"page_id": self.page, **fields})
        assert answer.status_code in (200, 201)
        return answer.json()

    def put_page(self, **fields) -> dict:
        answer = self.http.put(f"/pages/{self.page}", json=fields)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def fault(self, mode: str, **fields) -> None:
        body = {"channel": "messenger", "mode": mode, "sender": self.page, **fields}
        assert self.http.post("/faults", json=body).status_code == 200

    def register(self, components: list[dict], *, name: str = "account_update", **changes) -> httpx.Response:
        body = {"name": name, "language": "en", "category": "UTILITY", "components": components, **changes}
        return self.post(body, f"{self.page}/message_templates")

    def approved(self, components: list[dict], **changes) -> None:
        """Register a template and wait for its approval."""
        assert self.register(components, **changes).status_code == 200
        wait_until(lambda: all(t["status"] == "APPROVED" for t in self.templates()))

    def templates(self) -> list[dict]:
        return self.graph("GET", f"{self.page}/message_templates").json()["data"]


def new_bank(http: httpx.Client, receiver: Receiver | None = None, **fields) -> Bank:
    number = next(_numbers)
    bank = Bank(
        http=http,
        page=str(number),
        token=f"token-{number}",
        secret=f"secret-{number}",
        psid=str(number + 10**15),
        webhooks=receiver,
    )
    setup = {"name": "First Bank", "access_token": bank.token, "app_secret": bank.secret, **fields}
    if receiver:
        setup |= {"webhook_url": receiver.url, "verify_token": receiver.verify_token}
    bank.put_page(**setup)
    bank.put_person(name="Ana Alves")
    return bank


@pytest.fixture(scope="session")
def http(sandbox_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox_url, timeout=10) as client:
        yield client


@pytest.fixture
def bank(http: httpx.Client) -> Bank:
    """A bank without webhooks."""
    return new_bank(http)


@pytest.fixture
def hooked(http: httpx.Client, receiver: Receiver) -> Bank:
    """A bank whose webhook server listens."""
    return new_bank(http, receiver)


def read_error(answer: httpx.Response, status: int = 400) -> tuple[int, int | None]:
    """Check Meta's error envelope; gives (code, subcode)."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert {"message", "type", "code", "fbtrace_id"} <= set(error)
    assert set(error) <= {"message", "type", "code", "error_subcode", "fbtrace_id", "is_transient"}
    assert isinstance(error["message"], str)
    assert isinstance(error["code"], int)
    return error["code"], error.get("error_subcode")


@pytest.fixture
def error_of() -> Callable[..., tuple[int, int | None]]:
    return read_error


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> Callable:
    return wait_until


@pytest.fixture(name="running_sandbox")
def running_sandbox_fixture() -> Callable:
    return running_sandbox


@pytest.fixture(name="new_bank")
def new_bank_fixture() -> Callable[..., Bank]:
    return new_bank


@pytest.fixture(scope="module")
def module_bank(http: httpx.Client) -> Bank:
    """One bank that all of a module's tests share; they must leave its phone empty."""
    return new_bank(http)
