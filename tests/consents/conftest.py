"""The portal on a port of its own, a worker beside it, and the real sandbox: what linking an account takes."""

import itertools
import re
import socket
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from django.conf import settings as configured
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.db import connections, transaction
from django.test import Client

from notifications.courier import courier
from notifications.tasks import deliver_due
from portal.demo.platform import open_page
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.bank_site import site  # noqa: F401 (a fixture)
from tests.notifications.conftest import process_inbound
from tests.sandbox.conftest import running_sandbox, wait_until

_addresses = itertools.count(7_000_001)


class QuietHandler(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, *_: Any) -> None:
        """Quiet."""


class Server(ThreadedWSGIServer):
    """The portal; when it is closed nothing of it goes on, not even a connection that was kept open."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), QuietHandler)
        self.set_app(WSGIHandler())
        self.accepted: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def process_request(self, request: socket.socket, client_address: Any) -> None:
        self.accepted.append(request)
        super().process_request(request, client_address)

    def stop(self) -> None:
        self.shutdown()
        for one in self.accepted:
            try:
                one.shutdown(socket.SHUT_RD)
            except OSError:
                continue  # closed long ago
        self.server_close()


class Worker(threading.Thread):
    """Does what the Celery workers do, until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.is_wanted = threading.Event()
        self.is_wanted.set()
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while self.is_wanted.is_set():
                process_inbound()
                deliver_due("urgent")
                threading.Event().wait(0.02)
        except Exception as error:
            self.failure = error
        finally:
            connections.close_all()

    def stop(self) -> None:
        self.is_wanted.clear()
        self.join(20)
        assert self.failure is None


class Phone:
    """One person's chat with one page, on the simulated phone."""

    def __init__(self, http: httpx.Client, page: str, name: str) -> None:
        self.http, self.page, self.address = http, page, str(next(_addresses))
        answer = http.put(f"/people/{self.address}", json={"page_id": page, "name": name})
        assert answer.status_code == 201, answer.text

    def does(self, action: str, **fields: str) -> dict[str, Any]:
        where = {"channel": "messenger", "sender": self.page, "address": self.address}
        answer = self.http.post(f"/inbox/{action}", json={**where, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def writes(self, text: str) -> None:
        self.does("reply", text=text)

    def shows(self, words: str) -> dict[str, Any]:
        """The newest message with these words, once it is there."""
        return wait_until(lambda: next((one for one in self.messages() if words in one["text"]), None))

    def messages(self) -> list[dict[str, Any]]:
        """What it received, newest first."""
        query = {"channel": "messenger", "address": self.address, "sender": self.page}
        return self.http.get("/inbox", params=query).json()["data"][::-1]

    def opens(self, reference: str) -> None:
        """Follows an m.me link."""
        body = {"ref": reference, "psid": self.address}
        assert self.http.post(f"/m.me/{self.page}", json=body).status_code == 201

    @property
    def is_linked(self) -> bool:
        """What the platform believes."""
        return self.http.get(f"/people/{self.address}", params={"page_id": self.page}).json()["linked"]


@pytest.fixture(scope="session", autouse=True)
def _hang_up() -> Iterator[None]:
    """Closes the connections to the platform that this process has kept."""

    async def close() -> None:
        await courier().session().close()

    yield
    courier().run(close())


@pytest.fixture(scope="module")
def sandbox() -> Iterator[httpx.Client]:
    with running_sandbox() as base, httpx.Client(base_url=base, timeout=10) as client:
        yield client


@pytest.fixture
def portal(
    committed_world: SimpleNamespace,
    sandbox: httpx.Client,
    settings: Any,
) -> Iterator[SimpleNamespace]:
    """The world, served; Norden's page stands on the sandbox and reports to it."""
    server = Server()
    settings.BASE_URL = server.url
    settings.SANDBOX_URL = settings.MESSENGER_GRAPH_URL = str(sandbox.base_url).rstrip("/")
    open_page(committed_world.bank)
    worker = Worker()
    worker.start()
    yield SimpleNamespace(
        **vars(committed_world),
        url=settings.BASE_URL,
        sandbox_url=settings.SANDBOX_URL,
        sender=committed_world.bank.sender,
        link=f"/link/messenger/{committed_world.bank.sender.id}",
        start=f"/me/link/{committed_world.bank.sender.id}",
    )
    server.stop()
    worker.stop()
    connections.close_all()
    wait_until(_nobody_is_connected)


def _nobody_is_connected() -> bool:
    """The server notices a moment later that a connection was closed; until then the database stays."""
    with psycopg.connect(configured.DATABASE_OWNER_URL) as owner:
        name = configured.DATABASES["default"]["NAME"]
        return not owner.execute("SELECT FROM pg_stat_activity WHERE datname = %s", [name]).fetchall()


@pytest.fixture
def phone(portal: SimpleNamespace, sandbox: httpx.Client) -> Phone:
    """Somebody's who has spoken with Norden's page before, and is not linked."""
    return Phone(sandbox, portal.sender.external_id, "Ana Duarte")


@pytest.fixture
def signed_in() -> Callable[[Any], Client]:
    """A browser in which somebody has signed in."""

    def sign_in(story: Any) -> Client:
        http = Client()
        http.force_login(story.person.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return http

    return sign_in


@pytest.fixture
def rows() -> Callable[[Any], list[Any]]:
    """All rows of a model, as the system sees them, oldest first."""

    def read(model: Any) -> list[Any]:
        with scope(Principal.system()), transaction.atomic():
            return list(model.objects.order_by("id"))

    return read


def local(url: str) -> str:
    """The path and the query of an address on the portal."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def words(response: Any) -> str:
    """What a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())
