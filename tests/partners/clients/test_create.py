"""Creating a client: its secret once, its configuration as it is pasted, its scopes within the agreement."""

import shlex
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from partners.actions.clients import create_client
from partners.actions.partners import add_member, register_partner
from partners.clusters import ALL_SCOPES
from partners.models import ApiClient, ClientSecret
from portal.accounts.actions import create_user_with_totp
from portal.audit.models import AuditEvent
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.conftest import PASSWORD

from .conftest import page_of, token_of, tomorrow
from .kit import codes_of, signed_in

SYSTEM = Principal.system()
Create = Callable[..., tuple[ApiClient, str]]


def test_the_secret_is_shown_once_and_kept_as_a_digest(owner: Client, create: Create) -> None:
    client, secret = create()
    assert secret.startswith("sec_")
    for place in (page_of(client), "/partners/norden/clients"):
        page = owner.get(place).content.decode()
        assert secret[:8] in page
        assert secret not in page
    with scope(SYSTEM):
        row = ClientSecret.objects.get(client=client)
        assert secret.encode() not in bytes(row.digest)
        assert list(AuditEvent.objects.filter(target_id=client.pk).values_list("code", flat=True)) == [
            "client.created"
        ]


def test_the_pasted_curl_and_env_work_as_they_stand(owner: Client) -> None:
    typed = {"name": "Till", "scopes": ["grants:read"], "ends_on": tomorrow(), "rate_per_second": 5}
    page = owner.post("/partners/norden/clients/create/sandbox", typed).content.decode()
    secret, env, curl = codes_of(page)
    settings = dict(line.split("=", 1) for line in env.splitlines())
    assert settings["PARLEY_CLIENT_SECRET"] == secret
    assert settings["PARLEY_ENVIRONMENT"] == "sandbox"
    words = shlex.split(curl.replace("\\\n", " "))
    path, user, data = urlsplit(words[1]).path, words[words.index("-u") + 1], words[words.index("-d") + 1]
    basic = {"authorization": f"Basic {b64encode(user.encode()).decode()}"}
    answer = Client().post(path, data, "application/x-www-form-urlencoded", headers=basic)
    assert answer.status_code == 200, answer.content
    assert answer.json()["scope"] == "grants:read"


def test_every_scope_has_its_sentence_and_those_outside_the_agreement_are_locked(
    world: Any, owner: Client
) -> None:
    page = owner.get("/partners/norden/clients/create/live").content.decode()
    chosen = {name for name in ALL_SCOPES if f'value="{name}"' in page}
    assert chosen == ALL_SCOPES - {"chat"}
    assert "Outside your agreement, clause 2.1" in page
    assert "answer" in page
    sandbox = owner.get("/partners/norden/clients/create/sandbox").content.decode()
    assert all(f'value="{name}"' in sandbox for name in ALL_SCOPES)
    assert "Sandbox: nothing here reaches a real person" in sandbox


def test_a_scope_outside_the_agreement_is_refused_with_its_clause(owner: Client) -> None:
    typed = {"name": "Chat", "scopes": ["chat"], "ends_on": tomorrow(), "rate_per_second": 5}
    before = _count()
    answer = owner.post("/partners/norden/clients/create/live", typed)
    assert answer.status_code == 422
    assert "The agreement does not cover CHAT: see its clause 2.1." in answer.content.decode()
    assert _count() == before


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"ends_on": "2020-01-01"}, "The end is in the past: choose a later day."),
        ({"ends_on": "2999-01-01"}, "A client lives for a year at most: choose a day up to"),
        ({"ends_on": ""}, "Fill in “Works until”."),
        ({"ends_on": "soon"}, "Give a day, like 2027-03-31."),
        ({"scopes": []}, "Choose what the client may do"),
        ({"networks": "10.0.0.5/24"}, "“10.0.0.5/24” is no network."),
        ({"networks": "0.0.0.0/0"}, "“0.0.0.0/0” is every address there is"),
        ({"networks": "\n".join(f"10.0.0.{n}" for n in range(60))}, "A client can have 50 networks at most."),
        ({"rate_per_second": 0}, "greater than or equal to 1"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    owner: Client, wrong: dict[str, Any], sentence: str
) -> None:
    typed = {"name": "My till", "scopes": ["grants:read"], "ends_on": tomorrow(), "rate_per_second": 5}
    before = _count()
    answer = owner.post("/partners/norden/clients/create/sandbox", {**typed, **wrong})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in page
    assert "There is a problem" in page
    assert "My till" in page
    assert _count() == before


def test_a_year_from_today_can_be_chosen(create: Create) -> None:
    client, _ = create(ends_on=tomorrow(365))
    assert client.expires_at.date() == timezone.now().date() + timedelta(days=365)


def test_without_an_agreement_a_live_client_gets_an_explanation(db: None) -> None:
    user, _ = create_user_with_totp(email="o@new.example", password=PASSWORD, name="O")
    register_partner(name="New Bank", slug="new", owner=user)
    answer = signed_in(user).get("/partners/new/clients/create/live")
    assert answer.status_code == 200
    assert "A live client needs an agreement" in answer.content.decode()


def test_the_password_is_asked_for_again_first(world: SimpleNamespace) -> None:
    late = signed_in(world.bank.members[0].user, is_fresh=False)
    typed = {"name": "Till", "scopes": ["grants:read"], "ends_on": tomorrow(), "rate_per_second": 5}
    before = _count()
    answer = late.post("/partners/norden/clients/create/sandbox", typed)
    assert (answer.status_code, _count()) == (302, before)
    assert answer.headers["Location"].startswith("/accounts/reauthenticate/")


def test_what_was_typed_survives_the_password(world: SimpleNamespace) -> None:
    late = signed_in(world.bank.members[0].user, is_fresh=False)
    typed = {"name": "Till", "scopes": ["grants:read"], "ends_on": tomorrow(), "rate_per_second": 5}
    asked = late.post("/partners/norden/clients/create/sandbox", typed)
    answer = late.post(
        asked.headers["Location"], {"password": PASSWORD, "next": "/partners/norden/clients/create/sandbox"}
    )
    assert answer.status_code == 200, answer.headers
    assert codes_of(answer.content.decode())[0].startswith("sec_")


def test_only_who_manages_clients_sees_them(world: SimpleNamespace) -> None:
    stranger = signed_in(world.other.members[0].user)
    analyst = signed_in(world.bank.members[1].user)
    assert stranger.get("/partners/norden/clients").status_code == 404
    refused = analyst.get("/partners/norden/clients")
    assert refused.status_code == 403
    assert "Owner, Integration Admin" in refused.content.decode()
    user, _ = create_user_with_totp(email="i@norden.example", password=PASSWORD, name="I")
    add_member(partner_id=world.bank.partner.id, user=user, role="integration_admin", actor=SYSTEM)
    assert signed_in(user).get("/partners/norden/clients").status_code == 200


def test_another_banks_client_is_not_there(world: SimpleNamespace, owner: Client) -> None:
    with scope(SYSTEM):
        other = ApiClient.objects.get(pk=world.other.clients["live"].id)
    assert owner.get(page_of(other)).status_code == 404
    assert owner.post(page_of(other, "/revoke")).status_code == 404
    with scope(SYSTEM):
        other.refresh_from_db()
    assert other.revoked_at is None


def test_the_list_turns_its_pages_and_asks_little(
    world: SimpleNamespace, owner: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        create_client(
            partner_id=world.bank.partner.id,
            name=f"Client {number}",
            environment="sandbox",
            scopes=["grants:read"],
            actor=SYSTEM,
        )
    with django_assert_max_num_queries(19):
        first = owner.get("/partners/norden/clients").content.decode()
    assert first.count("<tr>") == 26
    older = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    second = owner.get(f"/partners/norden/clients{older}").content.decode()
    assert "Client 4<" in second
    assert "Client 29<" not in second


def test_a_new_client_signs_in_within_its_limits(world: Any, create: Create) -> None:
    client, secret = create("live", scopes=["notify:balances", "grants:read"])
    assert token_of(client, secret).json()["scope"] == "grants:read notify:balances"
    assert token_of(client, secret, "notify:receipts").json()["error"] == "invalid_scope"


def _count() -> int:
    with scope(SYSTEM):
        return ApiClient.objects.count()
