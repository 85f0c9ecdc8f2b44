"""A bank asks for a grant over the API: what it may ask, what it learns, and who else learns nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction

from consents.models import GrantRequest
from consents.requests import content_of
from partners.actions.partners import change_partner_status
from partners.models import AgreementVersion
from portal.audit.models import AuditEvent
from portal.ids import parse_public_id
from portal.tasks import clean_up
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.notifications.conftest import Api
from tests.partners.amending import agree_on

BODY: dict[str, Any] = {
    "customer_ref": "CUST-77",
    "clusters": ["FRAUD_ALERTS", "BALANCES"],
    "accounts": [{"ref": "acc-77", "mask": "•• 4821", "type": "Current account"}],
    "duration_days": 180,
    "redirect_uri": "https://www.norden.example/back?from=parley",
    "state": "s-1",
}


@pytest.fixture
def api(world: Any) -> Api:
    return Api(world.bank.clients["live"])


@pytest.fixture
def tester(world: Any) -> Api:
    return Api(world.bank.clients["sandbox"])


def stored(req: str) -> GrantRequest:
    with scope(Principal.system()):
        return GrantRequest.objects.get(pk=parse_public_id("req", req))


def refused(api: Api, **changed: Any) -> tuple[int, str, str, str]:
    """Status, code, the first field, and what is said."""
    answer = api.post("/grant-requests", {**BODY, **changed})
    found = answer.json()
    first = (found.get("errors") or [{"pointer": "", "detail": found["detail"]}])[0]
    return answer.status_code, found["code"], first["pointer"], first["detail"]


def count() -> int:
    with scope(Principal.system()):
        return GrantRequest.objects.count()


def test_a_request_waits_for_a_quarter_of_an_hour(api: Api, settings: Any) -> None:
    with time_machine.travel(datetime(2026, 11, 24, 8, 0, tzinfo=UTC), tick=False):
        answer = api.post("/grant-requests", BODY)
        made = answer.json()
        assert answer.status_code == 201
        assert made == {
            "id": made["id"],
            "status": "PENDING",
            "authorization_url": f"{settings.BASE_URL}/authorize/{made['id']}",
            "expires_at": "2026-11-24T08:15:00.000Z",
        }
        shown = api.get(f"/grant-requests/{made['id']}").json()
        assert shown == {**made, "grant_id": None, "decided_at": None}
    with time_machine.travel(datetime(2026, 11, 24, 8, 15, tzinfo=UTC), tick=False):
        assert api.get(f"/grant-requests/{made['id']}").json()["status"] == "EXPIRED"


def test_what_is_asked_is_sealed_and_emptied_an_hour_after_its_time(api: Api) -> None:
    req = api.post("/grant-requests", BODY).json()["id"]
    kept = bytes(stored(req).content)
    assert not any(word.encode() in kept for word in ("CUST-77", "acc-77", "norden.example", "4821", "s-1"))
    with scope(Principal.system()), transaction.atomic():
        found = content_of(stored(req))
    assert found is not None
    assert (found.customer_ref, found.state) == ("CUST-77", "s-1")
    for passed, is_kept in ((timedelta(minutes=70), True), (timedelta(minutes=80), False)):
        with scope(Principal.system()), transaction.atomic():
            GrantRequest.objects.update(expires_at=datetime.now(UTC) + timedelta(minutes=15) - passed)
        clean_up()
        assert bool(stored(req).content) is is_kept
    assert api.get(f"/grant-requests/{req}").json()["status"] == "EXPIRED"


def test_the_trail_names_the_request_and_nobody(api: Api, world: Any) -> None:
    req = api.post("/grant-requests", BODY).json()["id"]
    with scope(Principal.system()):
        event = AuditEvent.objects.get(code="grant_request.created")
    assert (event.target_id, event.actor_id) == (parse_public_id("req", req), world.bank.clients["live"].id)
    assert event.data == {"way": "bank", "clusters": ["BALANCES", "FRAUD_ALERTS"], "days": 180}


def test_the_same_key_asks_once(api: Api) -> None:
    first = api.post("/grant-requests", BODY, **{"Idempotency-Key": "k-1"})
    again = api.post("/grant-requests", BODY, **{"Idempotency-Key": "k-1"})
    assert (again.json(), again["Idempotent-Replayed"]) == (first.json(), "true")
    other = api.post("/grant-requests", {**BODY, "state": "s-2"}, **{"Idempotency-Key": "k-1"})
    assert (other.status_code, other.json()["code"], count()) == (409, "idempotency_key_reused", 1)


def test_only_its_own_client_sees_it(api: Api, tester: Api, world: Any) -> None:
    req = api.post("/grant-requests", BODY).json()["id"]
    for other in (tester, Api(world.other.clients["live"])):
        assert other.get(f"/grant-requests/{req}").status_code == 404


@pytest.mark.parametrize(
    ("changed", "status", "code", "pointer"),
    [
        ({"clusters": ["CHAT", "BALANCES"]}, 403, "insufficient_scope", "/clusters"),
        ({"clusters": []}, 400, "invalid_request", "/clusters"),
        ({"clusters": ["ADVERTISING"]}, 400, "invalid_request", "/clusters"),
        ({"duration_days": 0}, 400, "invalid_request", "/duration_days"),
        ({"duration_days": 366}, 400, "invalid_request", "/duration_days"),
        ({"accounts": []}, 400, "invalid_request", "/accounts"),
        ({"accounts": BODY["accounts"] * 2}, 400, "invalid_request", "/accounts"),
        ({"customer_ref": "4111 1111 1111 1111"}, 422, "full_account_number", "/customer_ref"),
        (
            {"accounts": [{**BODY["accounts"][0], "mask": "4111111111111111"}]},
            422,
            "full_account_number",
            "/accounts/0/mask",
        ),
        (
            {"accounts": [{**BODY["accounts"][0], "ref": "DE89 3704 0044 0532 0130 00"}]},
            422,
            "full_account_number",
            "/accounts/0/ref",
        ),
        ({"state": ""}, 400, "invalid_request", "/state"),
        ({"locale": "not a language"}, 400, "invalid_request", "/locale"),
        ({"purpose": "MARKETING"}, 400, "invalid_request", "/purpose"),
    ],
)
def test_what_may_not_be_asked_is_refused_with_the_field_and_keeps_nothing(
    api: Api, changed: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    assert refused(api, **changed)[:3] == (status, code, pointer)
    assert count() == 0


def test_the_agreement_caps_what_is_asked_and_the_refusal_names_the_clause(api: Api, world: Any) -> None:
    *_, words = refused(api, clusters=["CHAT", "BALANCES"])
    assert words == "The agreement does not cover CHAT: see its clause 2.1. Scope: chat."
    with transaction.atomic():
        agree_on(world, longest_grant_days=90)
    assert refused(api)[1:] == (
        "invalid_request",
        "/duration_days",
        "Ask for 1 to 90 days: see clause 3.2 of the agreement.",
    )
    assert api.post("/grant-requests", {**BODY, "duration_days": 90}).status_code == 201


@pytest.mark.parametrize(
    ("uri", "is_good"),
    [
        ("https://norden.example/back", True),
        ("https://pay.www.norden.example:8443/back?x=1", True),
        ("http://norden.example/back", False),
        ("https://norden.example.evil.example/", False),
        ("https://evilnorden.example/", False),
        ("https://harbour.example/", False),
        ("https://norden.example@evil.example/", False),
        ("https://evil.example\\@norden.example/", False),
        ("https://norden.example/#there", False),
        ("https://norden.example:port/", False),
        ("https://[::1/", False),
        ("http://localhost:3000/back", False),
        ("javascript:alert(1)//norden.example", False),
        ("//norden.example/back", False),
        ("https://norden.example/ü", False),
    ],
)
def test_people_are_led_back_to_the_banks_verified_domain_only(api: Api, uri: str, is_good: bool) -> None:
    answer = api.post("/grant-requests", {**BODY, "redirect_uri": uri})
    assert answer.status_code == (201 if is_good else 400), answer.content
    if not is_good:
        assert answer.json()["errors"][0]["pointer"] == "/redirect_uri"


@pytest.mark.parametrize(
    ("uri", "is_good"),
    [
        ("https://anything.example/", True),
        ("http://localhost:3000/back", True),
        ("http://127.0.0.1:9/back", True),
        ("http://anything.example/", False),
        ("ftp://localhost/", False),
        ("https:///nowhere", False),
    ],
)
def test_a_developer_is_led_back_to_their_own_machine(tester: Api, uri: str, is_good: bool) -> None:
    status = tester.post("/grant-requests", {**BODY, "redirect_uri": uri}).status_code
    assert status == (201 if is_good else 400)


def test_the_sandbox_needs_no_agreement(tester: Api) -> None:
    body = {**BODY, "clusters": ["CHAT"], "duration_days": 365}
    assert tester.post("/grant-requests", body).status_code == 201


def test_a_suspended_bank_asks_nobody(api: Api, tester: Api, world: Any) -> None:
    change_partner_status(partner_id=world.bank.partner.id, to="SUSPENDED", actor=world.staff.reviewer)
    for one in (api, tester):
        assert refused(one)[:2] == (403, "partner_suspended")


def test_without_an_agreement_in_force_nobody_is_asked(api: Api) -> None:
    with scope(Principal.system()), transaction.atomic():
        AgreementVersion.objects.update(ends_at=datetime.now(UTC) - timedelta(seconds=1))
    assert refused(api)[:2] == (403, "agreement_not_in_force")
    assert count() == 0


def test_the_scope_to_ask_is_not_the_scope_to_read(world: Any) -> None:
    api = Api(world.bank.clients["live"])
    form = {"grant_type": "client_credentials", "scope": "grants:read"}
    form |= {"client_id": world.bank.clients["live"].client_id}
    form |= {"client_secret": world.bank.clients["live"].client_secret}
    token = api.http.post("/oauth/token", form).json()["access_token"]
    api.headers = {"authorization": f"Bearer {token}"}
    assert refused(api)[:2] == (403, "insufficient_scope")
