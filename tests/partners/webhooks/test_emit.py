"""Telling a bank: in the caller's transaction, for those who listen, and almost free for those who do not."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from partners.actions.webhooks import delete_endpoint
from partners.models import WebhookMessage
from partners.webhooks import Event, EventType, emit, emit_many
from partners.webhooks.actions.forget import forget_old
from partners.webhooks.engine import deliver_due
from partners.webhooks.reading import bodies_of
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.keys import data_key_for, destroy_keys
from portal.vault.models import DataKey

from .conftest import SYSTEM, ask, deliveries, make_bank


def events(bank: Any, count: int, **more: Any) -> list[Event]:
    return [
        Event(EventType.NOTIFICATION_SENT, bank.partner.id, "sandbox", {"n": number}, **more)
        for number in range(count)
    ]


def count(table: str = "partners_webhookmessage") -> int:
    return ask(f"SELECT count(*) FROM {table}")[0][0]


@pytest.mark.parametrize("size", [1, 100])
def test_a_bank_without_endpoints_costs_one_query_whatever_the_batch(bank: Any, size: int) -> None:
    with scope(SYSTEM), transaction.atomic(), CaptureQueriesContext(connection) as queries:
        assert emit_many(events(bank, size)) == 0
    assert len([one for one in queries if "set_config" not in one["sql"]]) == 1


def test_a_batch_is_two_statements_and_three_with_people(bank: Any) -> None:
    bank.add()
    person = uuid4()
    with scope(SYSTEM), transaction.atomic():
        data_key_for(bank.partner.id, person)
    for more, expected in (({}, 2), ({"person_id": person}, 3)):
        with scope(SYSTEM), transaction.atomic(), CaptureQueriesContext(connection) as queries:
            assert emit_many(events(bank, 50, grant_id=uuid4(), **more)) == 50
        assert len(queries) == expected
    assert count() == 100


def test_what_is_rolled_back_was_never_told(bank: Any) -> None:
    bank.add()
    grant = uuid4()
    for is_kept in (False, True):
        with scope(SYSTEM), transaction.atomic():
            emit_many(events(bank, 2, grant_id=grant))
            transaction.set_rollback(not is_kept)
    assert ask("SELECT sequence FROM partners_webhookmessage ORDER BY sequence") == [(1,), (2,)]


def test_any_principal_can_tell_and_keeps_its_own_role(bank: Any) -> None:
    bank.add()
    person = Principal(Kind.PERSON, person_id=uuid4())
    with scope(person), transaction.atomic():
        emit(
            EventType.GRANT_PAUSED,
            partner_id=bank.partner.id,
            environment="sandbox",
            data={},
            grant_id=uuid4(),
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            assert cursor.fetchone() == ("parley_person",)
    assert count() == 1


def test_an_event_of_the_bank_itself_goes_to_both_environments(bank: Any) -> None:
    for environment in ("sandbox", "live"):
        bank.add(environment=environment)
    with scope(SYSTEM), transaction.atomic():
        emit(EventType.PARTNER_SUSPENDED, partner_id=bank.partner.id, environment="", data={})
        emit(EventType.GRANT_PAUSED, partner_id=bank.partner.id, environment="live", data={})
    found = ask("SELECT environment, type FROM partners_webhookmessage ORDER BY id")
    assert found == [
        ("sandbox", "partner.suspended"),
        ("live", "partner.suspended"),
        ("live", "grant.paused"),
    ]


def test_a_batch_of_many_banks_and_grants_is_numbered_in_its_order(bank: Any) -> None:
    other, grants = make_bank("harbour"), [uuid4(), uuid4()]
    bank.add()
    other.add(event_types=["notification.read"])
    told = [
        Event(EventType.NOTIFICATION_SENT, one.partner.id, "sandbox", {"n": number}, grant_id=grant)
        for number in range(3)
        for one, grant in ((bank, grants[0]), (other, uuid4()), (bank, grants[1]))
    ]
    with scope(SYSTEM), transaction.atomic():
        assert emit_many(told) == 6
    with scope(SYSTEM), transaction.atomic():
        rows = list(WebhookMessage.objects.order_by("id"))
        assert {row.partner_id for row in rows} == {bank.partner.id}
        for grant in grants:
            mine = [row for row in rows if row.grant_id == grant]
            assert [row.sequence for row in mine] == [1, 2, 3]


def test_what_a_message_says_is_sealed_and_goes_with_the_persons_key(bank: Any, server: Any) -> None:
    endpoint, person = bank.listen(server.url()), uuid4()
    with scope(SYSTEM), transaction.atomic():
        data_key_for(bank.partner.id, person)
        emit_many([
            Event(EventType.CONVERSATION_MESSAGE, bank.partner.id, "sandbox", {"text": "Hello there"}, person_id=person)
        ])  # fmt: skip
    assert not any(b"Hello" in bytes(row[0]) for row in ask("SELECT data FROM partners_webhookmessage"))
    with scope(SYSTEM), transaction.atomic():
        assert destroy_keys(partner_id=bank.partner.id, person_id=person) == 1
    deliver_due()
    assert server.at() == []
    [row] = deliveries(endpoint)
    assert (row.status, row.reason) == ("FAILED", "erased")
    with scope(SYSTEM), transaction.atomic():
        assert bodies_of([row.message]) == {}


def test_a_late_event_about_an_erased_person_makes_no_key_and_reaches_the_bank(
    bank: Any, server: Any
) -> None:
    bank.listen(server.url())
    with scope(SYSTEM), transaction.atomic():
        keys = DataKey.objects.count()
        emit_many(events(bank, 1, person_id=uuid4()))
        assert DataKey.objects.count() == keys
    deliver_due()
    [call] = server.at()
    assert call.json["data"] == {"n": 0}


def test_a_long_text_is_cut_so_that_the_body_stays_below_20_kb(bank: Any, server: Any) -> None:
    bank.listen(server.url())
    bank.tell(EventType.CONVERSATION_MESSAGE, text="ü" * 30_000, conversation_id="cnv_1")
    deliver_due()
    [call] = server.at()
    assert len(call.body) < 20_000
    assert call.json["data"] == {"text": "ü" * 2_000, "conversation_id": "cnv_1", "truncated": True}


def test_events_are_forgotten_after_thirty_days_and_deleted_endpoints_with_them(
    bank: Any, server: Any
) -> None:
    endpoint = bank.listen(server.url())
    bank.tell()
    deliver_due()
    delete_endpoint(endpoint_id=endpoint.id, actor=bank.owner)
    now = datetime.now(UTC)
    with time_machine.travel(now + timedelta(days=29, hours=22)):
        assert forget_old() == 0
    with time_machine.travel(now + timedelta(days=31, hours=2)):
        assert forget_old() == 7  # a challenge and an event, with a delivery and a try each; the endpoint
        assert forget_old() == 0
    assert [count(f"partners_webhook{name}") for name in ("message", "delivery", "attempt", "endpoint")] == [
        0
    ] * 4
