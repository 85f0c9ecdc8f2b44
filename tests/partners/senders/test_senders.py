"""A bank's Pages: their secrets go in and never come out, and the platform itself says whether they work."""

import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from django.test import Client

from notifications.channels.messenger.graph import credentials
from notifications.channels.messenger.utility import registrations
from partners.actions.senders import sender_secrets
from partners.models import Sender
from portal.audit.models import AuditEvent
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.keys import data_key_for
from tests.partners.clients.kit import codes_of, signed_in
from tests.sandbox.conftest import running_sandbox

SYSTEM = Principal.system()
PAGE = "1001"  # Norden's
PROOF = credentials({"access_token": "token", "app_secret": "app-secret"})


@pytest.fixture(scope="module")
def sandbox() -> Iterator[httpx.Client]:
    with running_sandbox() as base, httpx.Client(base_url=base, timeout=10) as http:
        yield http


@pytest.fixture
def platform(sandbox: httpx.Client, settings: Any) -> httpx.Client:
    """The Page as it should be, with its template."""
    settings.MESSENGER_GRAPH_URL = str(sandbox.base_url).rstrip("/")
    page = {"name": "Norden Bank", "access_token": "token", "app_secret": "app-secret", "require_proof": True}
    assert sandbox.put(f"/pages/{PAGE}", json=page).is_success
    if not _templates(sandbox):
        for template in registrations():
            made = sandbox.post(f"/v26.0/{PAGE}/message_templates", params=PROOF, json=template)
            assert made.is_success, made.text
    deadline = time.monotonic() + 20
    while set(_templates(sandbox)) != {"APPROVED"} and time.monotonic() < deadline:
        continue  # it is reviewed in a moment
    return sandbox


def _templates(sandbox: httpx.Client) -> list[str]:
    found = sandbox.get(f"/v26.0/{PAGE}/message_templates", params=PROOF).json().get("data", [])
    return [template["status"] for template in found]


@pytest.fixture
def owner(world: SimpleNamespace) -> Client:
    return signed_in(world.bank.members[0].user)


def page_of(sender: Any, rest: str = "") -> str:
    return f"/partners/norden/senders/{public_id('snd', sender.pk)}{rest}"


def _typed(**more: Any) -> dict[str, Any]:
    typed = {"environment": "live", "name": "Norden", "external_id": "4711", "rate_per_second": 10}
    return typed | {"access_token": "EAAB-the-token", "app_secret": "the-app-secret"} | more


def _codes(sender: Any) -> list[str]:
    with scope(SYSTEM):
        return list(
            AuditEvent.objects.filter(target_id=sender.pk).order_by("id").values_list("code", flat=True)
        )


def test_a_sender_is_added_and_its_secrets_never_come_back(owner: Client) -> None:
    answer = owner.post("/partners/norden/senders/add", _typed(), follow=True)
    page = answer.content.decode()
    with scope(SYSTEM):
        sender = Sender.objects.get(external_id="4711")
        secrets = sender_secrets(sender.pk, sender.secrets, data_key_for(sender.partner_id))
    assert secrets["access_token"] == "EAAB-the-token"
    hook, token = codes_of(page)
    assert hook.endswith(f"/hooks/messenger/{sender.pk}")
    assert token == secrets["verify_token"]
    query = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "42"}
    assert Client().get(f"/hooks/messenger/{sender.pk}", query).content == b"42"
    for rest in ("", "/edit"):
        shown = owner.get(page_of(sender, rest)).content.decode()
        assert "EAAB-the-token" not in shown
        assert "the-app-secret" not in shown
    assert b"EAAB" not in bytes(sender.secrets)
    assert _codes(sender) == ["sender.configured"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"external_id": "Norden Bank"}, "A Page id has digits only."),
        ({"external_id": "../me"}, "A Page id has digits only."),
        ({"external_id": PAGE}, "Your bank has this sender in live already."),
        ({"environment": ""}, "Fill in “Environment”."),
        ({"access_token": ""}, "Fill in “Page access token”."),
        ({"rate_per_second": 301}, "less than or equal to 300"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    owner: Client, wrong: dict[str, Any], sentence: str
) -> None:
    with scope(SYSTEM):
        before = Sender.objects.count()
    answer = owner.post("/partners/norden/senders/add", _typed(**wrong))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in page
    assert "the-app-secret" not in page  # write-only, after a mistake too
    with scope(SYSTEM):
        assert Sender.objects.count() == before


def test_the_platform_says_that_all_is_well(
    owner: Client, world: SimpleNamespace, platform: httpx.Client
) -> None:
    page = owner.post(page_of(world.bank.sender, "/check"), follow=True).content.decode()
    assert "The platform takes this sender." in page
    assert "Messenger knows the Page as “Norden Bank”." in page
    for language in ("English", "Spanish"):
        assert f"Messenger has approved the template parley_update_2 in {language}." in page
    with scope(SYSTEM):
        assert Sender.objects.get(pk=world.bank.sender.pk).is_proven
    assert _codes(world.bank.sender)[-1] == "sender.checked"


@pytest.mark.parametrize(
    ("secrets", "sentence"),
    [
        ({"access_token": "dead"}, "Messenger refuses the access token"),
        ({"app_secret": "of another app"}, "Messenger refuses the app secret"),
    ],
)
def test_wrong_secrets_are_named(
    owner: Client, world: SimpleNamespace, platform: httpx.Client, secrets: dict[str, str], sentence: str
) -> None:
    typed = {"name": "Norden", "rate_per_second": 40, "access_token": "", "app_secret": "", **secrets}
    assert owner.post(page_of(world.bank.sender, "/edit"), typed).status_code == 302
    page = owner.post(page_of(world.bank.sender, "/check"), follow=True).content.decode()
    assert sentence in page
    with scope(SYSTEM):
        assert not Sender.objects.get(pk=world.bank.sender.pk).is_proven


def test_a_missing_template_and_a_token_of_another_page_are_named(
    owner: Client, world: SimpleNamespace, platform: httpx.Client
) -> None:
    platform.delete(f"/v26.0/{PAGE}/message_templates", params={**PROOF, "name": "parley_update_2"})
    page = owner.post(page_of(world.bank.sender, "/check"), follow=True).content.decode()
    assert "The template parley_update_2 is missing in English." in page
    assert "a button of type URL “¿Por qué lo recibí?” to http://127.0.0.1:8000/why/{{1}}" in page
    with scope(SYSTEM):
        Sender.objects.filter(pk=world.bank.sender.pk).update(external_id="9999")
    page = owner.post(page_of(world.bank.sender, "/check"), follow=True).content.decode()
    assert "The token is not of this Page" in page


def test_a_platform_that_is_away_says_nothing_of_the_page(
    owner: Client, world: SimpleNamespace, settings: Any
) -> None:
    settings.MESSENGER_GRAPH_URL = "http://127.0.0.1:9"  # nothing listens there
    page = owner.post(page_of(world.bank.sender, "/check"), follow=True).content.decode()
    assert "It says nothing about your Page" in page


def test_a_replaced_token_is_checked_before_the_sender_resumes(
    owner: Client, world: SimpleNamespace, platform: httpx.Client
) -> None:
    """As it goes when a token has ended: the engine paused the sender, the team brings a new one."""
    sender = world.bank.sender
    with scope(SYSTEM):
        Sender.objects.filter(pk=sender.pk).update(
            status="PAUSED", pause_reason="The platform refused this sender (190).", breaker_failures=3
        )
    new = {"name": "Norden", "access_token": "new-token", "app_secret": "app-secret", "require_proof": True}
    assert platform.put(f"/pages/{PAGE}", json=new).is_success
    page = owner.post(page_of(sender, "/resume"), follow=True).content.decode()
    assert "does not take this sender yet" in page
    assert "The platform refused this sender (190)." in page
    typed = {"name": "Norden", "rate_per_second": 40, "access_token": "new-token", "app_secret": ""}
    owner.post(page_of(sender, "/edit"), typed)
    page = owner.post(page_of(sender, "/resume"), follow=True).content.decode()
    assert "works again" in page
    with scope(SYSTEM):
        found = Sender.objects.get(pk=sender.pk)
        replaced = AuditEvent.objects.get(target_id=sender.pk, code="sender.changed").data["replaced"]
    assert (found.status, found.pause_reason, found.breaker_failures) == ("ACTIVE", "", 0)
    assert replaced == ["access_token"]
    assert _codes(sender)[-1] == "sender.resumed"


def test_pausing_wants_a_reason_and_holds_what_is_queued(owner: Client, world: SimpleNamespace) -> None:
    sender = world.bank.sender
    assert owner.post(page_of(sender, "/pause"), {"reason": ""}).status_code == 422
    page = owner.post(
        page_of(sender, "/pause"), {"reason": "Rebranding the Page"}, follow=True
    ).content.decode()
    assert "Nothing is sent through it." in page
    assert "Rebranding the Page" in page
    again = owner.post(page_of(sender, "/pause"), {"reason": "Twice"})
    assert (again.status_code, "paused already" in again.content.decode()) == (422, True)
    with scope(SYSTEM):
        event = AuditEvent.objects.get(target_id=sender.pk, code="sender.paused")
    assert json.dumps(event.data) == json.dumps({"reason": "Rebranding the Page", "environment": "live"})


def test_only_who_manages_senders_sees_them(world: SimpleNamespace) -> None:
    stranger, analyst = (signed_in(one.user) for one in (world.other.members[0], world.bank.members[1]))
    for rest in ("", "/edit", "/pause"):
        assert stranger.get(page_of(world.bank.sender, rest)).status_code == 404
        assert analyst.get(page_of(world.bank.sender, rest)).status_code == 403
    for rest in ("/check", "/resume"):
        assert stranger.post(page_of(world.bank.sender, rest)).status_code == 404
        assert analyst.post(page_of(world.bank.sender, rest)).status_code == 403
    mine = signed_in(world.bank.members[0].user)
    assert mine.get(page_of(world.other.sender)).status_code == 404
    assert mine.post(page_of(world.other.sender, "/check")).status_code == 404


def test_the_password_is_asked_for_before_secrets(world: SimpleNamespace) -> None:
    late = signed_in(world.bank.members[0].user, is_fresh=False)
    for path in ("/partners/norden/senders/add", page_of(world.bank.sender, "/edit")):
        assert late.post(path, _typed()).headers["Location"].startswith("/accounts/reauthenticate/")
