"""Banks with clients, and calls as one of them: every answer is held to the OpenAPI document."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.utils import timezone

from consents.records import Account
from consents.serializers import NEW_CUSTOMER, NEW_REQUEST
from notifications.models import Delivery
from notifications.serializers import EXAMPLES
from partners.access import member_principal
from partners.actions.clients import create_client
from partners.actions.partners import register_partner
from partners.models import WebhookEndpoint
from portal.accounts.models import User
from portal.demo.story import BANKS, PEOPLE
from portal.demo.world import Bank, Staff, make_bank, make_customer, make_person, make_staff
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.conftest import Cast, made_once, on_stage

from .documented import DocumentedClient

PASSWORD = "correct horse battery staple"
HOOK = "https://hooks.norden.example/parley"


@dataclass
class Caller:
    """An API client and what it knows about itself."""

    id: UUID
    partner_id: UUID
    client_id: str
    secret: str
    owner: Principal | None = None
    http: DocumentedClient = field(default_factory=lambda: DocumentedClient(raise_request_exception=False))
    _bearer: str = ""

    @property
    def basic(self) -> dict[str, str]:
        """The headers of client_secret_basic."""
        pair = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    def token(self, scope: str = "") -> str:
        """A fresh access token."""
        form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        answer = self.http.post("/oauth/token", form, headers=self.basic)
        assert answer.status_code == 200, answer.content
        return answer.json()["access_token"]

    def bearer(self, scope: str = "") -> dict[str, str]:
        """The headers of a call to the API."""
        return {"Authorization": f"Bearer {self.token(scope)}"}

    def get(self, path: str) -> Any:
        """A call below /api/v1, with a token of all scopes."""
        return self.http.get(f"/api/v1{path}", headers=self.headers)

    def post(self, path: str, body: Any = None) -> Any:
        """A call below /api/v1, with a token of all scopes."""
        return self.http.post(f"/api/v1{path}", body or {}, "application/json", headers=self.headers)

    @property
    def headers(self) -> dict[str, str]:
        """With the same token each time."""
        self._bearer = self._bearer or self.token()
        return {"Authorization": f"Bearer {self._bearer}"}


@pytest.fixture
def make_caller(db):
    def make(slug: str = "first", scopes: tuple[str, ...] = ("grants:read", "notify:balances")) -> Caller:
        owner = User.objects.create(email=f"{slug}@bank.example", name=slug)
        partner = register_partner(name=slug, slug=slug, owner=owner)
        actor, _ = member_principal(owner, slug)
        client, secret = create_client(
            partner_id=partner.id, name=slug, environment="sandbox", scopes=scopes, actor=actor
        )
        return Caller(client.id, partner.id, client.client_id, secret, actor)

    return make


@pytest.fixture
def caller(make_caller):
    return make_caller()


def as_caller(bank: Bank, environment: str = "live") -> Caller:
    """A bank's client."""
    client = bank.clients[environment]
    return Caller(client.id, bank.partner.id, client.client_id, client.client_secret)


@pytest.fixture(scope="session")
def _demo(django_db_setup: None, django_db_blocker: Any) -> Iterator[Cast]:
    def make() -> tuple[Any, list[Bank]]:
        banks = _make_demo()
        return banks, list(banks.values())

    with made_once("demo", django_db_blocker, make) as cast:
        yield cast


@pytest.fixture
def demo(db: None, _demo: Cast) -> Iterator[dict[str, Bank]]:
    """The demo's banks by their slugs, with their customers: where the documentation's examples are true."""
    with on_stage(_demo) as banks:
        yield banks


def _make_demo() -> dict[str, Bank]:
    staff, people = make_staff("parley.example", PASSWORD), {}
    banks = {row[1]: make_live_bank(staff, *row) for row in BANKS}
    for email, name, slug, address, reference, digits, clusters in PEOPLE:
        people[email] = people.get(email) or make_person(email, name, PASSWORD)
        accounts = [Account(f"acc-{digits}-1", f"•• {digits}", "Current account")]
        make_customer(
            banks[slug],
            customer_ref=reference,
            address=address,
            accounts=accounts,
            clusters=clusters,
            person=people[email],
        )
    return banks


@pytest.fixture(scope="session")
def _bank(django_db_setup: None, django_db_blocker: Any) -> Iterator[Cast]:
    def make() -> tuple[Any, list[Bank]]:
        bank = _make_bank()
        return bank, [bank]

    with made_once("bank", django_db_blocker, make) as cast:
        yield cast


@pytest.fixture
def bank(db: None, _bank: Cast) -> Iterator[Bank]:
    """A live bank with one customer, who allows everything."""
    with on_stage(_bank) as bank:
        yield bank


def _make_bank() -> Bank:
    found = make_live_bank(make_staff("parley.example", PASSWORD), *BANKS[0])
    make_customer(
        found,
        customer_ref="CUST-1001",
        address="2009",
        accounts=[Account("acc-4821-1", "•• 4821", "Current account")],
        clusters=BANKS[0][3],
        person=make_person("all@people.example", "Al Lowe", PASSWORD),
    )
    return found


def make_live_bank(staff: Staff, name: str, slug: str, page: str, clusters: list[str]) -> Bank:
    """A bank of the demo."""
    secrets = {"app_secret": "secret"}
    return make_bank(
        name=name, slug=slug, staff=staff, password=PASSWORD, page=page, secrets=secrets, clusters=clusters
    )


def caller_for(bank: Bank, path: str) -> Caller:
    """The bank's client for a path of the document: what is about test customers is for the sandbox only."""
    return as_caller(bank, "sandbox" if path.startswith("/api/v1/sandbox") else "live")


def real_ids(caller: Caller, path: str) -> dict[str, str]:
    """Of something that there is, for the ids in a path of the document."""
    if path.startswith("/api/v1/sandbox"):
        return {"customer_ref": caller.post("/sandbox/customers", NEW_CUSTOMER).json()["customer_ref"]}
    if path.startswith("/api/v1/webhook-endpoints"):
        endpoint = caller.post("/webhook-endpoints", {"url": HOOK}).json()
        with scope(Principal.system()), transaction.atomic():  # as if the host had answered its challenge
            WebhookEndpoint.objects.update(verified_at=timezone.now())
        ids = {"id": endpoint["id"], "dlv": endpoint["challenge"]["delivery_id"]}
        return ids if "{dlv}" in path else {"id": ids["id"]}
    if path.startswith("/api/v1/grant-requests"):
        return {"id": caller.post("/grant-requests", NEW_REQUEST).json()["id"]}
    if path.startswith("/api/v1/notifications"):
        sent = caller.post("/notifications", EXAMPLES["BALANCES"]).json()["id"]
        if path.endswith("/resend"):
            with scope(Principal.system()), transaction.atomic():  # as if no platform had taken it
                Delivery.objects.update(status="FAILED", ended_at=timezone.now())
        return {"id": sent}
    if path.startswith("/api/v1/tasks"):
        return {"id": caller.post("/notifications/recover", {"since": "2026-11-23T00:00:00Z"}).json()["id"]}
    if path.startswith("/api/v1/templates"):
        body = "You have {{ available }} on {{ account }} now."
        caller.post("/templates/balance_update/versions", {"body": body})
        return {"name": "balance_update"}
    return {"id": caller.get("/grants").json()["data"][0]["id"]}
