"""A bank with sandbox clients, and calls as one of them."""

import base64
from dataclasses import dataclass
from uuid import UUID

import pytest
from django.test import Client

from partners.access import member_principal
from partners.actions.clients import create_client
from partners.actions.partners import register_partner
from portal.accounts.models import User
from portal.tenancy.principal import Principal


@dataclass
class Caller:
    """An API client and what it knows about itself."""

    id: UUID
    partner_id: UUID
    client_id: str
    secret: str
    owner: Principal
    http: Client

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


@pytest.fixture
def make_caller(db):
    def make(slug: str = "first", scopes: tuple[str, ...] = ("grants:read", "notify:balances")) -> Caller:
        owner = User.objects.create(email=f"{slug}@bank.example", name=slug)
        partner = register_partner(name=slug, slug=slug, owner=owner)
        actor, _ = member_principal(owner, slug)
        client, secret = create_client(
            partner_id=partner.id, name=slug, environment="sandbox", scopes=scopes, actor=actor
        )
        http = Client(raise_request_exception=False)
        return Caller(client.id, partner.id, client.client_id, secret, actor, http)

    return make


@pytest.fixture
def caller(make_caller):
    return make_caller()
