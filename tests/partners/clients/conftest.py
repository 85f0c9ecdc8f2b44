"""Norden's owner and what the owner types."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client, TestCase
from django.utils import timezone

from partners.models import ApiClient
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

from .kit import secret_of, signed_in


@pytest.fixture
def owner(world: SimpleNamespace) -> Client:
    return signed_in(world.bank.members[0].user)


@pytest.fixture
def create(owner: Client) -> Callable[..., tuple[ApiClient, str]]:
    """A client made on the page, and its secret."""

    def create(environment: str = "sandbox", **more: Any) -> tuple[ApiClient, str]:
        typed = {"name": "Till", "scopes": ["notify:balances"], "ends_on": tomorrow(), "rate_per_second": 50}
        answer = owner.post(f"/partners/norden/clients/create/{environment}", {**typed, **more})
        assert answer.status_code == 200, answer.content.decode()
        with scope(Principal.system()):
            return ApiClient.objects.order_by("-id")[0], secret_of(answer.content.decode())

    return create


def tomorrow(days: int = 1) -> str:
    return str(timezone.now().date() + timedelta(days=days))


def page_of(client: ApiClient, rest: str = "") -> str:
    return f"/partners/norden/clients/{public_id('cli', client.pk)}{rest}"


def token_of(client: ApiClient, secret: str, scope: str = "", **meta: str) -> Any:
    """The token endpoint's answer."""
    form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
    return Client().post("/oauth/token", form | ({"scope": scope} if scope else {}), **meta)


def me(token: str, **meta: str) -> Any:
    return Client().get("/api/v1/me", headers={"authorization": f"Bearer {token}"}, **meta)


def committed() -> Any:
    """What waits for the commit is run at the end of the block, as the commit would."""
    return TestCase.captureOnCommitCallbacks(execute=True)
