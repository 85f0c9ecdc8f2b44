"""The trail as a bank's client reads it: its own, of its environment, and nothing personal."""

import json
import re
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consents.actions.stop import pause_grant, resume_grant
from notifications.serializers import EXAMPLES
from notifications.trail import ABOUT
from partners.access import member_principal
from partners.actions.senders import pause_sender
from partners.models import Partner
from portal.audit.codes import Code
from portal.audit.event_ids import hide, reveal
from portal.audit.record import record
from portal.demo.world import Bank
from portal.ids import public_id, uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

from .conftest import Caller, as_caller


@pytest.fixture
def norden(demo: dict[str, Bank]) -> Caller:
    return as_caller(demo["norden"])


def events(caller: Caller, query: str = "") -> list[dict[str, Any]]:
    answer = caller.get(f"/audit-events{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]


def codes(caller: Caller, query: str = "") -> list[str]:
    return [event["code"] for event in events(caller, query)]


def test_the_newest_comes_first_with_who_did_it_to_what(norden: Caller, demo: dict[str, Bank]) -> None:
    grant = demo["norden"].customers[0].grant
    person = Principal(Kind.PERSON, person_id=grant.person_id)
    sent = norden.post("/notifications", EXAMPLES["BALANCES"])
    pause_grant(grant_id=grant.id, actor=person)
    paused, accepted = events(norden, "?limit=2")
    assert accepted["code"] == "notification.accepted"
    assert accepted["actor"] == {"kind": "client", "id": public_id("cli", norden.id)}
    assert accepted["target"] == {"kind": "notification", "id": sent.json()["id"]}
    assert accepted["request_id"] == sent["X-Request-Id"]
    assert (paused["code"], paused["actor"]) == ("consent.paused", {"kind": "person", "id": None})
    assert paused["target"] == {"kind": "grant", "id": public_id("grt", grant.id)}
    assert paused["data"] == {"withdrawn": 1, "handed_over": 0}


def test_a_cancelled_notification_is_named(norden: Caller) -> None:
    sent = norden.post("/notifications", EXAMPLES["BALANCES"]).json()["id"]
    norden.post(f"/notifications/{sent}/cancel")
    (event,) = events(norden, "?code=notification.cancelled")
    assert event["target"] == {"kind": "notification", "id": sent}


def test_another_bank_sees_none_of_it(norden: Caller, demo: dict[str, Bank]) -> None:
    norden.post("/notifications", EXAMPLES["BALANCES"])
    harbour = as_caller(demo["harbour"])
    assert "notification.accepted" not in codes(harbour, "?limit=100")
    mine, theirs = ({event["id"] for event in events(one, "?limit=100")} for one in (norden, harbour))
    assert mine
    assert theirs
    assert not mine & theirs


def test_an_environment_has_its_own_and_what_belongs_to_neither(
    norden: Caller, demo: dict[str, Bank]
) -> None:
    norden.post("/notifications", EXAMPLES["BALANCES"])
    live = set(codes(norden, "?limit=100"))
    sandbox = as_caller(demo["norden"], "sandbox")
    assert {"notification.accepted", "consent.given", "account.linked", "sender.configured"} <= live
    assert set(codes(sandbox, "?limit=100")) == live - {
        "notification.accepted",
        "consent.given",
        "account.linked",
        "sender.configured",
    }
    assert len(codes(sandbox, "?code=client.created")) == len(codes(norden, "?code=client.created")) == 1


def test_nothing_personal_is_in_it(norden: Caller, demo: dict[str, Bank]) -> None:
    bank = demo["norden"]
    norden.post("/notifications", EXAMPLES["BALANCES"])
    owner, _ = member_principal(bank.members[0].user, "norden")
    pause_sender(sender_id=bank.sender.id, reason="Ana Duarte complained", actor=owner)
    with scope(Principal.system()):
        partner = Partner.objects.get(pk=bank.partner.id)
        data = {"user": "ana@people.example", "role": "analyst", "anything": "Ana Duarte"}
        record(Code.MEMBER_REMOVED, actor=owner, target=partner, partner_id=partner.id, data=data)
    text = json.dumps(events(norden, "?limit=100"), ensure_ascii=False)
    words = re.sub(r"[0-9a-f]{32}", "", text)  # an id may well hold the digits of an address
    assert '"role": "analyst"' in text
    for customer in bank.customers:
        for secret in (
            customer.customer_ref, customer.person.email, customer.person.user.name,
            customer.accounts[0].ref, customer.accounts[0].mask, customer.person_id.hex, str(customer.person_id),
            customer.person.user.pk.hex,
        ):  # fmt: skip
            assert secret not in text
        assert customer.address not in words
    assert "Ana" not in text


def test_pages_follow_each_other_while_events_are_added(norden: Caller) -> None:
    expected = [event["id"] for event in events(norden, "?limit=100")]
    seen, cursor = [], ""
    while cursor is not None:
        answer = norden.get(f"/audit-events?limit=7{cursor}").json()
        seen += [event["id"] for event in answer["data"]]
        cursor = answer["next_cursor"] and f"&cursor={answer['next_cursor']}"
        norden.post("/notifications", EXAMPLES["BALANCES"])
    assert seen == expected


def test_filters_narrow_together(norden: Caller, demo: dict[str, Bank]) -> None:
    grant = demo["norden"].customers[0].grant
    person = Principal(Kind.PERSON, person_id=grant.person_id)
    pause_grant(grant_id=grant.id, actor=person)
    resume_grant(grant_id=grant.id, actor=person)
    assert codes(norden, "?code=consent.paused") == ["consent.paused"]
    assert codes(norden, "?created_after=2190-01-01T00:00:00Z") == []
    assert codes(norden, "?code=consent.paused&created_after=2026-01-01T00:00:00Z") == ["consent.paused"]


@pytest.mark.parametrize("query", ["code=nothing.done", "created_after=today", "cursor=x", "limit=0"])
def test_what_does_not_fit_is_named(norden: Caller, query: str) -> None:
    answer = norden.get(f"/audit-events?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert answer.json()["errors"][0]["pointer"] == f"/{query.partition('=')[0]}"


def test_it_needs_its_scope(norden: Caller) -> None:
    answer = norden.http.get("/api/v1/audit-events", headers=norden.bearer("notify:balances"))
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_an_id_tells_nothing_and_a_made_up_one_finds_nothing(norden: Caller) -> None:
    assert [reveal(hide(number)) for number in (1, 2, 2**40)] == [1, 2, 2**40]
    assert len({hide(number).hex[:8] for number in range(100)}) == 100
    assert reveal(uuid7()) > 2**60


def test_one_query_whatever_the_number(norden: Caller) -> None:
    norden.get("/audit-events")
    with CaptureQueriesContext(connection) as one:
        norden.get("/audit-events?limit=1")
    with CaptureQueriesContext(connection) as many:
        norden.get("/audit-events?limit=100")
    assert len(one) == len(many)


def test_every_kind_of_thing_that_has_an_environment_is_known() -> None:
    """Else events of live things would show in the sandbox."""
    models = [
        one
        for label in ("partners", "consents", "notifications")
        for one in apps.get_app_config(label).get_models()
    ]
    found = {
        one.__name__ for one in models if "environment" in {field.name for field in one._meta.get_fields()}
    }
    never_written_about = {"Customer", "GrantStop", "WebhookDelivery", "WebhookMessage", "WebhookSequence"}
    assert found - never_written_about == {name for name, (_, _, table) in ABOUT.items() if table}
    tables = {one.__name__: one._meta.db_table for one in models}
    assert all(table == tables[name] for name, (_, _, table) in ABOUT.items() if table)
    assert ABOUT.keys() <= tables.keys()
