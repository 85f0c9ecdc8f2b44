"""Two secrets while one replaces the other; ending one, and the client with its tokens."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from partners.models import AgreementVersion, ApiClient, ClientSecret
from portal.audit.models import AuditEvent
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

from .conftest import committed, me, page_of, token_of
from .kit import secret_of

SYSTEM = Principal.system()
Create = Callable[..., tuple[ApiClient, str]]


def _roll(owner: Client, client: ApiClient, seconds: int) -> str:
    with committed():
        answer = owner.post(page_of(client, "/secret"), {"end_old_in": seconds})
    assert answer.status_code == 200, answer.content.decode()
    return secret_of(answer.content.decode())


def test_both_secrets_work_until_the_old_one_ends(owner: Client, create: Create) -> None:
    client, old = create()
    new = _roll(owner, client, 3_600)
    assert [token_of(client, one).status_code for one in (old, new)] == [200, 200]
    page = owner.get(page_of(client)).content.decode()
    assert page.count("Not yet") == 0  # both say when they were last used
    with time_machine.travel(timezone.now() + timedelta(seconds=3_601)):
        assert [token_of(client, one).status_code for one in (old, new)] == [401, 200]


def test_rolling_now_ends_the_old_secret_and_the_tokens(owner: Client, create: Create) -> None:
    client, old = create()
    token = token_of(client, old).json()["access_token"]
    assert me(token).status_code == 200  # and so it is remembered
    new = _roll(owner, client, 0)
    assert me(token).status_code == 401
    assert [token_of(client, one).status_code for one in (old, new)] == [401, 200]


def test_a_third_secret_is_refused_until_one_ends(owner: Client, create: Create) -> None:
    client, _ = create()
    _roll(owner, client, 86_400)
    answer = owner.post(page_of(client, "/secret"), {"end_old_in": 86_400})
    assert answer.status_code == 422
    assert "Two secrets live already" in answer.content.decode()
    with scope(SYSTEM):
        first = ClientSecret.objects.filter(client=client).order_by("id")[0]
    owner.post(page_of(client, f"/secrets/{public_id('sec', first.pk)}/end"))
    assert _roll(owner, client, 86_400)


@pytest.mark.parametrize("wrong", ["-1", "604801", "soon", ""])
def test_an_overlap_that_is_not_offered_is_refused(owner: Client, create: Create, wrong: str) -> None:
    client, old = create()
    assert owner.post(page_of(client, "/secret"), {"end_old_in": wrong}).status_code == 422
    with scope(SYSTEM):
        assert ClientSecret.objects.filter(client=client).count() == 1
    assert token_of(client, old).status_code == 200


def test_the_only_way_in_cannot_be_ended_alone(owner: Client, create: Create) -> None:
    client, secret = create()
    with scope(SYSTEM):
        row = ClientSecret.objects.get(client=client)
    answer = owner.post(page_of(client, f"/secrets/{public_id('sec', row.pk)}/end"), follow=True)
    assert "only way in" in answer.content.decode()
    assert token_of(client, secret).status_code == 200


def test_revoking_asks_first_and_ends_everything_at_once(owner: Client, create: Create) -> None:
    client, secret = create()
    token = token_of(client, secret).json()["access_token"]
    assert me(token).status_code == 200
    asked = owner.get(page_of(client, "/revoke")).content.decode()
    assert "worthless at once" in asked
    assert me(token).status_code == 200
    with committed():
        owner.post(page_of(client, "/revoke"))
    assert me(token).status_code == 401
    assert token_of(client, secret).status_code == 401
    assert "for good" in owner.get(page_of(client)).content.decode()
    for rest in ("/edit", "/secret", "/revoke", "/keys/add", "/key-set"):
        assert owner.get(page_of(client, rest)).status_code == 404, rest
    with scope(SYSTEM):
        codes = AuditEvent.objects.filter(target_id=client.pk).order_by("id").values_list("code", flat=True)
        assert list(codes) == ["client.created", "client.revoked"]


def test_a_change_reaches_the_tokens_that_are_out(owner: Client, create: Create) -> None:
    client, secret = create(scopes=["grants:read", "notifications:read"])
    token = token_of(client, secret).json()["access_token"]
    assert me(token).json()["scopes"] == ["grants:read", "notifications:read"]
    typed = {
        "name": "Till 2",
        "scopes": ["grants:read"],
        "ends_on": str(client.expires_at.date()),
        "rate_per_second": 7,
        "networks": "192.0.2.0/24",
    }
    with committed():
        answer = owner.post(page_of(client, "/edit"), typed)
    assert answer.status_code == 302
    assert me(token).status_code == 403
    answer = me(token, REMOTE_ADDR="192.0.2.7")
    assert answer.json()["scopes"] == ["grants:read"]
    assert answer.headers["RateLimit-Policy"] == '"client";q=7;w=1'


def test_an_expired_client_is_refused_and_can_be_extended(owner: Client, create: Create) -> None:
    client, secret = create()
    token = token_of(client, secret).json()["access_token"]
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        assert token_of(client, secret).status_code == 401
        assert me(token).status_code == 401
    with scope(SYSTEM):
        ApiClient.objects.filter(pk=client.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "Change it to give it a later end" in owner.get(page_of(client)).content.decode()
    typed = {"name": "Till", "scopes": ["grants:read"], "rate_per_second": 5}
    later = str((timezone.now() + timedelta(days=3)).date())
    assert owner.post(page_of(client, "/edit"), {**typed, "ends_on": later}).status_code == 302
    assert token_of(client, secret).status_code == 200


def test_an_existing_client_keeps_what_the_agreement_stopped_covering_and_cannot_use_it(
    world: SimpleNamespace, owner: Client, create: Create
) -> None:
    client, secret = create("live", scopes=["notify:balances", "notify:receipts"])
    with scope(SYSTEM):
        AgreementVersion.objects.filter(partner=world.bank.partner).update(clusters=["BALANCES"])
    assert token_of(client, secret).json()["scope"] == "notify:balances"
    refused: Any = token_of(client, secret, "notify:receipts").json()
    assert refused["error"] == "invalid_scope"
    assert "clause 2.1" in refused["error_description"]
    assert "clause 2.1" in owner.get(page_of(client)).content.decode()
