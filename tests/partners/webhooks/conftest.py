"""A bank, its server on this machine, and a clock that is moved by the rows' own times."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from standardwebhooks import Webhook

from partners.access import member_principal
from partners.actions.partners import register_partner
from partners.actions.webhooks import add_endpoint
from partners.models import Partner, WebhookDelivery, WebhookEndpoint
from partners.webhooks import EventType, emit
from partners.webhooks.engine import deliver_due
from portal.accounts.models import User
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

SYSTEM = Principal.system()
PATIENCE = 20  # seconds that anything may take before the test gives up


@dataclass
class Call:
    """One request, as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


Behaviour = Callable[[Call], tuple[int, dict[str, str], bytes]]


def answer(status: int = 200, body: bytes = b"", **headers: str) -> Behaviour:
    """The same to everything; with 0 the connection is closed without an answer."""
    return lambda call: (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def echo(call: Call) -> tuple[int, dict[str, str], bytes]:
    """Answers a challenge by repeating what came."""
    return 200, {}, call.body


@dataclass
class Server:
    """A bank's server. What a path has no behaviour for is answered 200 with the body that came."""

    port: int
    calls: list[Call] = field(default_factory=list)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str = "/hook", *, challenges: bool = False) -> list[Call]:
        """The events that came there, in order."""
        found = [call for call in self.calls if call.path == path]
        return [call for call in found if challenges or call.json["type"] != "webhook.challenge"]


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            call = Call(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            found.calls.append(call)
            status, headers, content = found.behaviours.get(self.path, echo)(call)
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    found = Server(http.server_port)
    threading.Thread(target=http.serve_forever, args=[0.01], daemon=True).start()
    yield found
    http.shutdown()
    http.server_close()


@dataclass
class Bank:
    """A bank in DRAFT, whose sandbox works, and its owner."""

    partner: Partner
    owner: Principal
    user: User

    def add(self, url: str = "", *, environment: str = "sandbox", **more: Any) -> tuple[WebhookEndpoint, str]:
        """An endpoint that has not answered its challenge yet; an inbox without a URL."""
        return add_endpoint(
            partner_id=self.partner.id, environment=environment, actor=self.owner, url=url, **more
        )

    def listen(self, url: str, **more: Any) -> WebhookEndpoint:
        """An endpoint that has."""
        endpoint, _ = self.add(url, **more)
        deliver_due()
        return fresh(endpoint)

    def tell(
        self, event_type: EventType = EventType.GRANT_PAUSED, *, grant_id: UUID | None = None, **data: Any
    ) -> None:
        """An event of its sandbox, committed."""
        with scope(SYSTEM), transaction.atomic():
            emit(
                event_type,
                partner_id=self.partner.id,
                environment="sandbox",
                data=data,
                grant_id=grant_id,
            )


def make_bank(slug: str) -> Bank:
    """By the real actions."""
    user = User.objects.create(email=f"owner@{slug}.example", name=slug)
    partner = register_partner(name=slug.title(), slug=slug, owner=user)
    with transaction.atomic():
        owner, _ = member_principal(user, slug)
    return Bank(partner, owner, user)


@pytest.fixture
def bank(committed_db: str, settings: Any) -> Bank:
    """Committed, and allowed to name this machine."""
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    return make_bank("norden")


def ask(sql: str, *values: Any) -> list[Any]:
    """As the system."""
    with scope(SYSTEM), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def fresh(row: Any) -> Any:
    """The row as it is now."""
    with scope(SYSTEM), transaction.atomic():
        return type(row).objects.get(pk=row.pk)


def deliveries(endpoint: WebhookEndpoint) -> list[WebhookDelivery]:
    """All of an endpoint but its challenges, oldest first."""
    with scope(SYSTEM), transaction.atomic():
        rows = WebhookDelivery.objects.filter(endpoint=endpoint).select_related("message").order_by("id")
        return [row for row in rows if row.message.type != "webhook.challenge"]


def let_time_pass() -> None:
    """Whatever waits for its next try, or for an endpoint to be ready, has waited long enough."""
    ask("UPDATE partners_webhookdelivery SET next_attempt_at = now() WHERE status = 'PENDING'")
    ask("UPDATE partners_webhookendpoint SET held_until = NULL, rate_due = NULL")


def seconds_until(moment: datetime) -> float:
    """By the database's clock."""
    return float(ask("SELECT extract(epoch FROM %s - now())", moment)[0][0])


def verified(call: Call, secret: str) -> Any:
    """The body, by the independent verifier."""
    return Webhook(secret).verify(call.body, call.headers)
