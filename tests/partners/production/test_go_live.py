"""Going live: each condition named with the page that fixes it, the request, and the gate until staff open it."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from notifications.models import Delivery, TemplateVersion
from partners.models import AgreementVersion, ApiClient, Partner, Production, Sender, WebhookEndpoint
from portal.audit.models import AuditEvent
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.notifications.conftest import Api
from tests.partners.clients.conftest import committed, me, token_of
from tests.partners.clients.kit import signed_in

SYSTEM = Principal.system()
HOME = "/partners/norden/"
PAGE = f"{HOME}go-live"


@pytest.fixture
def owner(world: SimpleNamespace) -> Client:
    return signed_in(world.bank.members[0].user)


@pytest.fixture
def ready(world: SimpleNamespace) -> SimpleNamespace:
    """Norden before production, with everything in order."""
    assert Api(world.bank.clients["live"]).send("fraud_alert", data=_FRAUD).status_code == 202
    with scope(SYSTEM):
        Production.objects.all().delete()
        good = {"name": "Page", "is_good": True, "sentence": "Fine."}
        Sender.objects.filter(partner=world.bank.partner).update(checked_at=timezone.now(), findings=[good])
        WebhookEndpoint.objects.create(
            partner=world.bank.partner,
            environment="live",
            url="https://hooks.norden.example/parley",
            secret=b"x",
            verified_at=timezone.now(),
        )
        # Only the sandbox's simulated platform would deliver it, so the row is brought there by hand
        Delivery.objects.update(environment="sandbox", status="DELIVERED")
    return world


_FRAUD = {
    "account": "acc-ana",
    "amount": {"value": "99.00", "currency": "USD"},
    "merchant": "Shop",
    "occurred_at": "2026-11-23T09:30:00Z",
    "case": "C-1",
}
# What goes wrong with each, the line that says so, and the page that fixes it
BROKEN: dict[str, tuple[Any, dict[str, Any], str]] = {
    "Your bank is verified": (Partner, {"status": "IN_REVIEW"}, "verification"),
    "An agreement is in force": (AgreementVersion, {"status": "TERMINATED"}, "agreement"),
    "A live client exists": (ApiClient, {"revoked_at": timezone.now()}, "clients"),
    "A live sender works": (
        Sender,
        {"findings": [{"name": "Page", "is_good": False, "sentence": "No."}]},
        "senders",
    ),
    "A webhook answers its challenge": (WebhookEndpoint, {"verified_at": None}, "webhooks"),
    "A template is approved": (TemplateVersion, {"status": "RETIRED"}, "templates"),
    "An urgent test was delivered in the sandbox": (
        Delivery,
        {"status": "FAILED"},
        "deliveries?environment=sandbox",
    ),
}


def test_with_everything_in_order_production_is_requested_and_enabled(
    ready: SimpleNamespace, owner: Client
) -> None:
    page = owner.get(PAGE).content.decode()
    assert "All 7 checks pass" in page
    client = ready.bank.clients["live"]
    live = SimpleNamespace(client_id=client.client_id)
    refused = token_of(live, client.client_secret)
    assert refused.status_code == 400
    assert "Live clients work once Parley has enabled production" in refused.json()["error_description"]
    sandbox = ready.bank.clients["sandbox"]
    assert token_of(SimpleNamespace(client_id=sandbox.client_id), sandbox.client_secret).status_code == 200

    asked = owner.post(PAGE, follow=True).content.decode()
    assert "Production is requested." in asked
    assert token_of(live, client.client_secret).status_code == 400
    reviewer = signed_in(ready.staff.first.user)
    assert "Requested" in reviewer.get("/staff/partners/norden").content.decode()
    with committed():
        assert reviewer.post("/staff/partners/norden/production", {"reason": ""}).status_code == 302
    assert token_of(live, client.client_secret).status_code == 200
    assert "Your bank is live since" in owner.get(PAGE).content.decode()
    with scope(SYSTEM):
        codes = (
            AuditEvent.objects.filter(code__startswith="production.")
            .order_by("id")
            .values_list("code", flat=True)
        )
        assert list(codes)[-2:] == ["production.requested", "production.enabled"]


@pytest.mark.parametrize("name", BROKEN)
def test_each_failure_is_named_with_its_page_and_holds_the_request_back(
    ready: SimpleNamespace, owner: Client, name: str
) -> None:
    model, values, fix = BROKEN[name]
    with scope(SYSTEM):
        model.objects.filter(
            **({"slug": "norden"} if model is Partner else {"partner": ready.bank.partner})
        ).update(**values)
    page = owner.get(PAGE).content.decode()
    assert "1 of 7 checks fail" in page
    assert f'<a href="/partners/norden/{fix}">{name}</a>' in page
    assert "Request production" not in page
    refused = owner.post(PAGE, follow=True).content.decode()
    assert "Not yet: 1 of the checks fail." in refused
    with scope(SYSTEM):
        assert not Production.objects.filter(requested_at__isnull=False).exists()


def test_the_list_of_tasks_leads_through_the_same_conditions(ready: SimpleNamespace, owner: Client) -> None:
    """Going live is its last line."""
    titles = ["Add a live webhook endpoint", "Deliver an urgent test in the sandbox"]
    assert all(title in _tasks(owner, "Done") for title in titles)
    with scope(SYSTEM):
        WebhookEndpoint.objects.update(verified_at=None)
        Delivery.objects.update(status="FAILED")
    due = _tasks(owner, "Due now")
    places = [due.index(f">{title}</a>") for title in [*titles, "Go live"]]
    assert places == sorted(places)


def _tasks(owner: Client, heading: str) -> str:
    sections = owner.get(HOME).content.decode().split("</section>")
    return next(part for part in sections if f">{heading}</h2>" in part)


def test_a_live_token_that_is_out_is_refused_too(ready: SimpleNamespace) -> None:
    """As when somebody takes production back by hand: what is remembered is judged again at its end."""
    client = ready.bank.clients["live"]
    with scope(SYSTEM):
        Production.objects.create(partner=ready.bank.partner, enabled_at=timezone.now())
    token = token_of(SimpleNamespace(client_id=client.client_id), client.client_secret).json()["access_token"]
    with scope(SYSTEM):
        Production.objects.update(enabled_at=None)
    answer = me(token)
    assert (answer.status_code, answer.json()["code"]) == (403, "production_not_enabled")


def test_a_second_request_is_refused(ready: SimpleNamespace, owner: Client) -> None:
    owner.post(PAGE)
    assert "requested already" in owner.post(PAGE, follow=True).content.decode()


def test_staff_enable_without_a_request_only_with_a_reason(ready: SimpleNamespace) -> None:
    reviewer = signed_in(ready.staff.first.user)
    answer = reviewer.post("/staff/partners/norden/production", {"reason": ""})
    assert (answer.status_code, "say why you enable it" in answer.content.decode()) == (422, True)
    assert reviewer.post("/staff/partners/norden/production", {"reason": "Pilot"}).status_code == 302
    again = reviewer.post("/staff/partners/norden/production", {"reason": "Pilot"})
    assert "enabled already" in again.content.decode()


def test_who_may(ready: SimpleNamespace) -> None:
    assert signed_in(ready.other.members[0].user).post(PAGE).status_code == 404
    assert signed_in(ready.bank.members[1].user).post(PAGE).status_code == 403
    assert signed_in(ready.bank.members[0].user).post("/staff/partners/norden/production").status_code == 404


def test_an_expired_live_client_does_not_count(ready: SimpleNamespace, owner: Client) -> None:
    with scope(SYSTEM):
        ApiClient.objects.filter(environment="live").update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "1 of 7 checks fail" in owner.get(PAGE).content.decode()
