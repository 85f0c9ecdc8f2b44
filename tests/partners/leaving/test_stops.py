"""Staff suspend and reinstate; a bank leaves: tokens, pages, mail, events and, in the end, its data."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from consents.models import Grant
from notifications.message import render_for
from notifications.models import Notification
from partners.actions.leaving import destroy_departed
from partners.models import Partner, Stop
from portal.audit.models import AuditEvent
from portal.ids import public_id
from portal.mail.models import Mail
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import CannotOpen
from portal.vault.models import DataKey
from tests.notifications.conftest import Api
from tests.partners.amending import agree_on
from tests.partners.clients.conftest import committed, me, token_of
from tests.partners.clients.kit import signed_in

SYSTEM = Principal.system()
BANK = "/staff/partners/norden"


@pytest.fixture
def operator(world: SimpleNamespace) -> Client:
    return signed_in(world.staff.second.user)


@pytest.fixture
def owner(world: SimpleNamespace) -> Client:
    return signed_in(world.bank.members[0].user)


def _status() -> str:
    with scope(SYSTEM):
        return Partner.objects.get(slug="norden").status


def _live(world: SimpleNamespace) -> Any:
    client = world.bank.clients["live"]
    return SimpleNamespace(client_id=client.client_id, pk=client.id), client.client_secret


def _post(http: Client, path: str, **typed: str) -> Any:
    with committed():
        return http.post(path, typed)


def test_suspending_takes_two_clicks_and_a_reason(world: SimpleNamespace, operator: Client) -> None:
    page = operator.get(BANK).content.decode()
    assert f'href="{BANK}/suspend"' in page
    without = operator.post(f"{BANK}/suspend", {"reason": ""})
    assert (without.status_code, _status()) == (422, "ACTIVE")
    answer = _post(operator, f"{BANK}/suspend", reason="Licence under review")
    assert (answer.status_code, _status()) == (302, "SUSPENDED")
    assert "Licence under review" in operator.get(BANK).content.decode()


def test_every_token_is_refused_at_once_and_let_in_again(world: SimpleNamespace, operator: Client) -> None:
    client, secret = _live(world)
    token = token_of(client, secret).json()["access_token"]
    assert me(token).status_code == 200  # and so it is remembered
    _post(operator, f"{BANK}/suspend", reason="Licence under review")
    answer = me(token)
    assert (answer.status_code, answer.json()["code"]) == (403, "partner_suspended")
    refused = token_of(client, secret)
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
    assert "suspended" in refused.json()["error_description"]
    _post(operator, f"{BANK}/reinstate", reason="All in order")
    assert me(token).status_code == 200
    assert token_of(client, secret).status_code == 200


def test_the_pages_and_the_owners_are_told_why(
    world: SimpleNamespace, operator: Client, owner: Client
) -> None:
    _post(operator, f"{BANK}/suspend", reason="Licence under review")
    for path in ("/partners/norden/clients", "/partners/norden/senders", "/partners/norden/leave"):
        page = owner.get(path).content.decode()
        assert "Norden Bank is suspended since" in page
        assert "Licence under review" in page
    with scope(SYSTEM):
        told = Mail.objects.filter(template="partners/standing").latest("pk")
    assert told.to == world.bank.members[0].email
    assert "Why: Licence under review" in told.context["sentences"]
    _post(operator, f"{BANK}/reinstate", reason="All in order")
    assert "is suspended" not in owner.get("/partners/norden/clients").content.decode()
    with scope(SYSTEM):
        assert Stop.objects.get().lifted_at is not None


def test_grants_are_not_overwritten_by_a_suspension(world: SimpleNamespace, operator: Client) -> None:
    with scope(SYSTEM):
        before = list(Grant.objects.order_by("id").values())
    _post(operator, f"{BANK}/suspend", reason="x")
    _post(operator, f"{BANK}/reinstate", reason="y")
    with scope(SYSTEM):
        assert list(Grant.objects.order_by("id").values()) == before


@pytest.mark.parametrize("way", ["suspend", "reinstate", "revoke"])
def test_only_operators_stop_a_bank(world: SimpleNamespace, owner: Client, way: str) -> None:
    reviewer = signed_in(world.staff.first.user)
    assert reviewer.get(BANK).status_code == 200
    assert reviewer.post(f"{BANK}/{way}", {"reason": "x"}).status_code == 403
    assert owner.post(f"{BANK}/{way}", {"reason": "x"}).status_code == 404
    assert _status() == "ACTIVE"


def test_two_who_suspend_at_once_get_one_suspension(world: SimpleNamespace, operator: Client) -> None:
    _post(operator, f"{BANK}/suspend", reason="first")
    second = operator.post(f"{BANK}/suspend", {"reason": "second"})
    assert second.status_code == 422
    assert "second" in second.content.decode()  # what was typed is kept
    with scope(SYSTEM):
        assert [stop.reason for stop in Stop.objects.all()] == ["first"]


def test_leaving_counts_the_consequences_and_wants_the_name(world: SimpleNamespace, owner: Client) -> None:
    page = owner.get("/partners/norden/leave/now").content.decode()
    assert "<strong>2</strong> connected people" in page
    assert "<strong>2</strong> API clients" in page
    wrong = owner.post("/partners/norden/leave/now", {"name": "Harbour", "reason": "We merge"})
    assert (wrong.status_code, _status()) == (422, "ACTIVE")
    assert "Type the bank&#x27;s name, Norden Bank, to confirm." in wrong.content.decode()
    assert "We merge" in wrong.content.decode()


def test_leaving_asks_for_the_password_and_is_the_owners_alone(world: SimpleNamespace) -> None:
    late = signed_in(world.bank.members[0].user, is_fresh=False)
    answer = late.post("/partners/norden/leave/now", {"name": "Norden Bank"})
    assert answer.headers["Location"].startswith("/accounts/reauthenticate/")
    analyst = signed_in(world.bank.members[1].user)
    assert "An owner of your bank can do this." in analyst.get("/partners/norden/leave").content.decode()
    assert analyst.post("/partners/norden/leave/now", {"name": "Norden Bank"}).status_code == 403
    stranger = signed_in(world.other.members[0].user)
    assert stranger.get("/partners/norden/leave").status_code == 404
    assert _status() == "ACTIVE"


def test_a_bank_that_has_left_is_refused_everywhere_and_cannot_come_back(
    world: SimpleNamespace, owner: Client, operator: Client
) -> None:
    client, secret = _live(world)
    token = token_of(client, secret).json()["access_token"]
    assert me(token).status_code == 200
    _post(owner, "/partners/norden/leave/now", name="norden bank", reason="")
    assert _status() == "SURRENDERED"
    assert me(token).json()["code"] == "partner_suspended"
    assert "left Parley" in token_of(client, secret).json()["error_description"]
    assert "Norden Bank has left Parley" in owner.get("/partners/norden/clients").content.decode()
    ana = signed_in(world.ana.person.user)
    assert "Norden" in ana.get("/me/").content.decode()
    for way in ("suspend", "reinstate", "revoke"):
        assert operator.post(f"{BANK}/{way}", {"reason": "x"}).status_code == 422
    assert owner.get("/partners/norden/leave/now").status_code == 302
    create = owner.post(
        "/partners/norden/clients/create/sandbox",
        {"name": "x", "scopes": ["grants:read"], "ends_on": "2027-01-01", "rate_per_second": 1},
    )
    assert "has left Parley" in create.content.decode()
    with scope(SYSTEM):
        assert Grant.objects.filter(partner=world.bank.partner, status="ACTIVE").count() == 2


def test_a_suspended_bank_can_leave(world: SimpleNamespace, owner: Client, operator: Client) -> None:
    _post(operator, f"{BANK}/suspend", reason="x")
    _post(owner, "/partners/norden/leave/now", name="Norden Bank")
    assert _status() == "SURRENDERED"
    with scope(SYSTEM):
        kinds = list(Stop.objects.order_by("id").values_list("kind", "lifted_at"))
    assert kinds[0][0] == "SUSPENDED"
    assert kinds[0][1] is not None
    assert kinds[1] == ("SURRENDERED", None)


def test_the_data_is_destroyed_on_the_agreed_day_with_a_certificate(
    world: SimpleNamespace, owner: Client
) -> None:
    api = Api(world.bank.clients["live"])
    assert api.send().status_code == 202
    _post(owner, "/partners/norden/leave/now", name="Norden Bank")
    with scope(SYSTEM):
        sent = Notification.objects.select_related("template_version").get()
        keys = DataKey.objects.filter(partner_id=world.bank.partner.id).count()
        others = DataKey.objects.filter(partner_id=world.other.partner.id).count()
        assert render_for(sent)
    assert keys >= 3  # the bank's, Ana's and Ben's
    assert owner.get("/partners/norden/leave/certificate").status_code == 404
    with time_machine.travel(timezone.now() + timedelta(days=89)):
        assert destroy_departed() == 0
    with time_machine.travel(timezone.now() + timedelta(days=91)):
        assert destroy_departed() == 1
        assert destroy_departed() == 0
    answer = owner.get("/partners/norden/leave/certificate")
    text = answer.content.decode()
    assert "attachment" in answer["Content-Disposition"]
    assert f"Keys destroyed:  {keys}" in text
    assert "clause 3.1 of AGR-NORDEN, version 1" in text
    assert "Norden Bank" in text
    with scope(SYSTEM):
        assert not DataKey.objects.filter(partner_id=world.bank.partner.id).exists()
        assert DataKey.objects.filter(partner_id=world.other.partner.id).count() == others
        with pytest.raises(CannotOpen):
            render_for(sent)
        codes = AuditEvent.objects.filter(partner_id=world.bank.partner.id, code="partner.data_destroyed")
        assert [event.data["keys"] for event in codes] == [keys]


def test_what_was_promised_for_a_shorter_time_is_not_kept_longer(
    world: SimpleNamespace, owner: Client
) -> None:
    with committed():
        agree_on(world, retention_days=400)
    _post(owner, "/partners/norden/leave/now", name="Norden Bank")
    with scope(SYSTEM):
        stop = Stop.objects.get()
    assert (stop.destroy_after - stop.at).days == 90
    assert stop.clause == "3.1 of AGR-NORDEN, version 1"


def test_after_the_destruction_every_page_still_opens(world: SimpleNamespace, owner: Client) -> None:
    _post(owner, "/partners/norden/leave/now", name="Norden Bank")
    with time_machine.travel(timezone.now() + timedelta(days=91)):
        assert destroy_departed() == 1
    sender = f"/partners/norden/senders/{public_id('snd', world.bank.sender.pk)}"
    for path in ("clients", "senders", "leave", "deliveries", "go-live"):
        assert owner.get(f"/partners/norden/{path}").status_code == 200, path
    assert owner.get(sender).status_code == 200
    assert owner.post(f"{sender}/check").status_code == 404
    ana = signed_in(world.ana.person.user)
    assert ana.get(f"/me/grants/{public_id('grt', world.ana.grant.id)}").status_code == 200
    hook = f"/hooks/messenger/{world.bank.sender.pk}"
    assert Client().get(hook, {"hub.mode": "subscribe", "hub.verify_token": "verify"}).status_code == 404
    assert Client().post(hook, "{}", "application/json").status_code == 404


def test_revoking_ends_it_for_good(world: SimpleNamespace, operator: Client, owner: Client) -> None:
    _post(operator, f"{BANK}/revoke", reason="Licence withdrawn")
    assert _status() == "REVOKED"
    page = owner.get("/partners/norden/leave").content.decode()
    assert "Parley has ended its work with Norden Bank" in page
    assert "Licence withdrawn" in page
