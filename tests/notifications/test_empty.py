"""Messages are emptied when they were kept as long as was promised; that they were sent stays."""

import json
from datetime import timedelta
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
import time_machine
from django.db import ProgrammingError, transaction
from django.test import Client
from django.utils import timezone

from consents.actions.narrow import narrow_grant
from consents.choosing import Wish, account_key
from notifications.actions import empty
from notifications.actions.empty import empty_messages, partners_with_messages
from notifications.balance import LastBalance, last_balance
from notifications.models import Delivery, Notification, Retention
from notifications.tasks import deliver_due, empty_old_messages
from portal.audit.models import AuditEvent
from portal.ids import parse_public_id, public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.conftest import PASSWORD
from tests.partners.amending import agree_on

from .conftest import Api

SYSTEM = Principal.system()


def later(days: float) -> Any:
    return time_machine.travel(timezone.now() + timedelta(days=days))


def emptied_after(days: float) -> int:
    """How many hold nothing any more when the task has run so many days from now."""
    with later(days):
        empty_old_messages()
    return len(rows(Notification, data=b""))


def rows(model: Any, **which: Any) -> list[Any]:
    with scope(SYSTEM), transaction.atomic():
        return list(model.objects.filter(**which).order_by("pk"))


def delivery(notification: str) -> Delivery:
    [found] = rows(Delivery, notification_id=parse_public_id("ntf", notification))
    return found


def change(notification: str, **values: Any) -> None:
    with scope(SYSTEM), transaction.atomic():
        found = Delivery.objects.filter(notification_id=parse_public_id("ntf", notification))
        found.update(**values)


def send(api: Api, **more: Any) -> str:
    answer = api.send(**more)
    assert answer.status_code == 202, answer.content
    return answer.json()["id"]


def exported(http: Client) -> dict[str, Any]:
    http.post("/accounts/reauthenticate/", {"password": PASSWORD})
    answer = http.post("/me/privacy/export")
    assert answer.status_code == 200
    with ZipFile(BytesIO(answer.content)) as archive:
        return json.loads(archive.read("parley.json"))


@pytest.fixture
def ana(world: Any) -> Client:
    http = Client()
    http.force_login(world.ana.person.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return http


def test_what_a_message_said_goes_after_90_days_and_the_rest_stays(api: Api, ana: Client, world: Any) -> None:
    one = send(api)
    change(one, status="READ", sent_at=timezone.now(), ended_at=timezone.now())
    before = rows(Notification)[0]
    asked = api.get(f"/notifications/{one}").json()
    grant_page = f"/me/grants/{public_id('grt', world.ana.grant.id)}"
    assert emptied_after(89.9) == 0
    assert "$1,234.50" in ana.get(grant_page).content.decode()

    assert emptied_after(90.1) == 1
    for page in (grant_page, "/me/activity"):
        text = ana.get(page).content.decode()
        assert "What it said has been erased." in text
        assert "1,234.50" not in text
    assert api.get(f"/notifications/{one}").json() == asked
    after = rows(Notification)[0]
    assert (after.id, after.cluster, after.record_id, after.created_at) == (
        before.id, before.cluster, before.record_id, before.created_at,
    )  # fmt: skip
    [message] = exported(ana)["connections"][0]["messages"]
    assert (message["text"], message["status"]) == (None, "READ")
    with scope(SYSTEM), transaction.atomic():
        assert last_balance(world.ana.grant) == LastBalance("", 90)


def test_the_shorter_of_what_consent_and_agreement_promised_counts(api: Api, world: Any) -> None:
    first = send(api)
    agree_on(world, retention_days=30)
    second = send(api)
    assert emptied_after(29) == 0
    assert emptied_after(31) == 1
    assert rows(Notification, data=b"")[0].id == parse_public_id("ntf", second)
    assert emptied_after(91) == 2
    assert {one.notification_id for one in rows(Delivery)} >= {parse_public_id("ntf", first)}


def test_a_longer_time_agreed_later_does_not_hold_for_what_was_promised_before(api: Api, world: Any) -> None:
    send(api)
    agree_on(world, retention_days=400)
    assert emptied_after(91) == 1


def test_test_messages_go_after_30_days(world: Any, api_of: Any, phones: str) -> None:
    sandbox = api_of(world.bank.clients["sandbox"])
    account = {"ref": "acc-ana", "mask": "•• 0001", "type": "Current account"}
    body = {"customer_ref": "TEST-1", "clusters": ["BALANCES"], "accounts": [account]}
    assert sandbox.post("/sandbox/customers", body).status_code == 201
    send(sandbox, customer_ref="TEST-1")
    assert emptied_after(29) == 0
    assert emptied_after(31) == 1


def test_each_bank_is_walked_in_parts_and_nothing_twice(
    api: Api, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(empty, "PART", 2)
    for _ in range(5):
        send(api)
    bank = world.bank.partner.id
    assert {bank, world.other.partner.id} <= set(partners_with_messages())
    with later(91):
        assert [empty_messages(partner_id=bank) for _ in range(4)] == [2, 2, 1, 0]
    assert len(rows(Notification, data=b"")) == 5


def test_one_event_tells_a_days_count_and_nothing_else(api: Api, world: Any) -> None:
    for _ in range(3):
        send(api)
    assert emptied_after(91) == 3
    assert emptied_after(92) == 3
    assert emptied_after(93) == 3
    [event] = rows(AuditEvent, code="notification.data_destroyed")
    day = (timezone.now() + timedelta(days=91)).date()
    assert event.data == {"day": day.isoformat(), "messages": 3}
    assert (event.partner_id, event.person_id) == (world.bank.partner.id, None)
    assert (event.target_type, event.target_id) == ("Partner", world.bank.partner.id)


def test_what_was_emptied_is_not_sent_again(api: Api) -> None:
    one = send(api)
    change(one, status="FAILED", ended_at=timezone.now())
    assert emptied_after(91) == 1
    answer = api.post(f"/notifications/{one}/resend", {})
    assert (answer.status_code, answer.json()["code"]) == (403, "no_active_grant")
    assert answer.json()["detail"] == "What this message said has been erased."
    assert delivery(one).status == "FAILED"


def test_nothing_is_scheduled_for_later_than_it_is_kept(api: Api, world: Any) -> None:
    agree_on(world, retention_days=7)
    ahead = {days: (timezone.now() + timedelta(days=days)).isoformat() for days in (6, 8)}
    send(api, send_at=ahead[6])
    answer = api.send(send_at=ahead[8])
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "clause 3.1 of your agreement" in answer.json()["detail"]
    assert answer.json()["errors"][0]["pointer"] == "/send_at"
    assert len(rows(Notification)) == 1


def test_what_still_waits_then_fails_with_the_reason(api: Api) -> None:
    one = send(api)
    change(one, next_attempt_at=timezone.now() - timedelta(minutes=1))  # now() is when the test began
    assert emptied_after(91) == 1
    deliver_due("standard")
    assert (delivery(one).status, delivery(one).reason) == ("FAILED", "permanent:erased")
    assert api.get(f"/notifications/{one}").json()["status"] == "FAILED"


def test_narrowing_withdraws_what_waits_and_was_emptied(api: Api, world: Any) -> None:
    one = send(api)
    assert emptied_after(91) == 1
    person = Principal(Kind.PERSON, id=world.ana.person.user.pk, person_id=world.ana.person_id)
    wish = Wish(kinds=["BALANCES"], accounts=[account_key(world.ana.grant, "acc-ana")])
    narrow_grant(grant_id=world.ana.grant.id, wish=wish, actor=person)
    assert (delivery(one).status, delivery(one).reason) == ("WITHDRAWN", "grant_narrowed")


def test_a_bank_that_is_behind_for_a_day_is_measured(api: Api) -> None:
    what = 'parley_state{what="banks_with_messages_past_their_time"}'
    empty_old_messages()
    with scope(SYSTEM), transaction.atomic():
        Retention.objects.update(done_at=timezone.now() - timedelta(hours=25))
    assert f"{what} 2.0" in Client().get("/metrics").content.decode()
    empty_old_messages()
    assert f"{what} 0.0" in Client().get("/metrics").content.decode()


def test_nobody_but_the_worker_can_empty_a_message(api: Api, world: Any) -> None:
    send(api)
    client = Principal(Kind.CLIENT, partner_id=world.bank.partner.id, environment="live")
    for actor in (client, Principal(Kind.PERSON, person_id=world.ana.person_id), Principal(Kind.STAFF)):
        with pytest.raises(ProgrammingError, match="permission denied"), scope(actor), transaction.atomic():
            Notification.objects.update(data=b"")
    assert rows(Notification, data=b"") == []
