"""Sending again what failed or expired: one, or all since a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consents.actions.give import give_consent_again
from consents.actions.link import link_account
from consents.actions.stop import end_grant, pause_grant
from consents.models import LinkedAccount
from consents.records import Account, Choice
from notifications.actions import recover
from notifications.actions.deliver import deliver_batch
from notifications.actions.recover import work_on_recovery
from notifications.models import Delivery, Lane, Recovery
from notifications.tasks import recover_lost
from partners.actions.partners import change_partner_status
from portal.audit.models import AuditEvent
from portal.ids import parse_public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.keys import destroy_keys

from .conftest import BALANCE, Api
from .test_engine import bank_api, platform  # noqa: F401 (fixtures)

SINCE = "2026-01-01T00:00:00Z"


def put(notification: str, status: str, *, minutes_ago: int = 1, **values: Any) -> str:
    """Brings it into a state that only time or a platform would bring about."""
    ended = timezone.now() - timedelta(minutes=minutes_ago)
    mine = Delivery.objects.filter(notification_id=parse_public_id("ntf", notification))
    with scope(Principal.system()), transaction.atomic():
        mine.update(status=status, ended_at=ended, **values)
    return notification


def lost(api: Api, status: str = "FAILED", *, minutes_ago: int = 1, **more: Any) -> str:
    """A notification that was accepted and did not arrive."""
    values = {"reason": "transient:1200", "attempts": 6, "expires_at": timezone.now() - timedelta(minutes=1)}
    return put(api.send(**more).json()["id"], status, minutes_ago=minutes_ago, **values)


def resend(api: Api, notification: str) -> Any:
    return api.post(f"/notifications/{notification}/resend", {})


def moved(world: Any) -> LinkedAccount:
    """Ana has chosen another chat for what she allows; returns that chat."""
    ana, choice = (
        world.ana,
        Choice(["BALANCES"], [Account("acc-ana", "•• 4821", "Account")], 90, "In another chat"),
    )
    actor = Principal(Kind.PERSON, person_id=ana.person_id)
    chat = link_account(sender=world.bank.sender, person_id=ana.person_id, address="2099", actor=actor)
    give_consent_again(grant_id=ana.grant.id, account=chat, choice=choice, actor=actor)
    return chat


def row(notification: str) -> Delivery:
    with scope(Principal.system()), transaction.atomic():
        return Delivery.objects.get(notification_id=parse_public_id("ntf", notification))


def statuses() -> list[str]:
    with scope(Principal.system()), transaction.atomic():
        return list(Delivery.objects.order_by("id").values_list("status", flat=True))


def start(api: Api, since: str = SINCE) -> dict[str, Any]:
    answer = api.post("/notifications/recover", {"since": since})
    assert answer.status_code == 202, answer.content
    return answer.json()


def finish() -> None:
    while work_on_recovery():
        pass


@pytest.mark.parametrize("status", ["FAILED", "EXPIRED"])
def test_it_goes_back_under_its_own_id_with_all_its_tries(api: Api, status: str) -> None:
    one = lost(api, status)
    answer = resend(api, one)
    assert answer.status_code == 202, answer.content
    assert (answer.json()["id"], answer.json()["status"], answer.json()["reason"]) == (one, "ACCEPTED", None)
    found = row(one)
    assert (found.status, found.attempts, found.ended_at) == ("QUEUED", 0, None)
    assert timedelta(hours=11) < found.expires_at - timezone.now() <= timedelta(hours=12)
    shown = api.get(f"/notifications/{one}").json()
    # One transaction holds the test, and has but one now()
    assert {moment["event"] for moment in shown["timeline"]} == {"accepted", "resent"}
    with scope(Principal.system()), transaction.atomic():
        event = AuditEvent.objects.get(code="notification.requeued")
    assert (event.actor_kind, event.target_id) == ("client", parse_public_id("ntf", one))


def test_it_is_sent_and_its_story_is_told(bank_api: Api, platform: Any) -> None:  # noqa: F811
    refused = {"error": {"code": 100, "error_subcode": 1, "message": "no"}}
    platform.answer = lambda number: (
        (400, refused) if number == 1 else (200, {"recipient_id": "r", "message_id": "m"})
    )
    one = bank_api.send().json()["id"]
    deliver_batch(lane=Lane.STANDARD)
    assert row(one).status == "FAILED"
    assert resend(bank_api, one).status_code == 202
    deliver_batch(lane=Lane.STANDARD)
    shown = bank_api.get(f"/notifications/{one}").json()
    assert shown["status"] == "SENT"
    assert [moment["event"] for moment in shown["timeline"]] == ["accepted", "attempted", "resent", "sent"]
    assert [attempt["number"] for attempt in shown["attempts"]] == [1, 2]
    assert len(platform.seen) == 2


@pytest.mark.parametrize(
    "status", ["QUEUED", "SENDING", "SENT", "READ", "WITHDRAWN", "CANCELLED", "UNCONFIRMED"]
)
def test_nothing_else_is_sent_again(api: Api, status: str) -> None:
    one = put(api.send().json()["id"], status)
    answer = resend(api, one)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_resendable")
    assert row(one).status == status


def test_twice_is_once(api: Api) -> None:
    one = lost(api)
    assert [resend(api, one).status_code for _ in range(2)] == [202, 409]


def test_what_may_not_be_sent_now_stays_as_it_is(api: Api, world: Any) -> None:
    one, ana = lost(api), Principal(Kind.PERSON, person_id=world.ana.person_id)
    partner, staff = world.bank.partner.id, world.staff.reviewer

    def refusal() -> str:
        answer = resend(api, one)
        assert answer.status_code == 403
        assert (row(one).status, row(one).attempts) == ("FAILED", 6)
        return answer.json()["code"]

    pause_grant(grant_id=world.ana.grant.id, actor=ana)
    assert refusal() == "grant_paused"
    end_grant(grant_id=world.ana.grant.id, actor=ana, reason="enough")
    assert refusal() == "no_active_grant"
    other = lost(api, customer_ref="CUST-2", data={**BALANCE, "account": "acc-ben"})
    with scope(Principal.system()), transaction.atomic():
        destroy_keys(partner_id=partner, person_id=world.ben.person_id)
    assert resend(api, other).json()["code"] == "no_active_grant"
    change_partner_status(partner_id=partner, to="SUSPENDED", actor=staff)
    finish()
    assert statuses() == ["FAILED", "FAILED"]


def test_others_cannot(api: Api, api_of: Any, world: Any) -> None:
    one = lost(api)
    assert resend(api_of(world.other.clients["live"]), one).status_code == 404
    assert resend(api_of(world.bank.clients["sandbox"]), one).status_code == 404
    assert row(one).status == "FAILED"


def test_it_goes_where_the_person_wants_messages_now(api: Api, world: Any) -> None:
    one, chat = lost(api), moved(world)
    assert resend(api, one).status_code == 202
    assert (row(one).account_id, row(one).status) == (chat.id, "QUEUED")


def test_nothing_goes_to_a_chat_that_was_left_meanwhile(
    bank_api: Api,  # noqa: F811
    committed_world: Any,
    platform: Any,  # noqa: F811
) -> None:
    """A try that fails just then, or what is accepted just then, is queued for the old one."""
    old, one = committed_world.ana.grant.account_id, bank_api.send().json()["id"]
    chat = moved(committed_world)
    with scope(Principal.system()), transaction.atomic():
        Delivery.objects.update(account_id=old)
    deliver_batch(lane=Lane.STANDARD)
    assert [body["recipient"] for body in platform.seen] == [{"id": "2099"}]
    assert (row(one).account_id, row(one).status) == (chat.id, "SENT")


class TestRecover:
    def test_all_that_was_lost_since_then_is_queued_again(self, api: Api) -> None:
        old, failed, expired = lost(api, minutes_ago=90), lost(api), lost(api, "EXPIRED", minutes_ago=30)
        cancelled = put(api.send().json()["id"], "CANCELLED")
        task = start(api, (datetime.now(UTC) - timedelta(hours=1)).isoformat())
        assert (task["status"], task["done"], task["total"]) == ("PENDING", 0, 2)
        assert api.get(f"/tasks/{task['id']}").json() == task
        assert recover_lost() == 2
        assert api.get(f"/tasks/{task['id']}").json() == {**task, "status": "DONE", "done": 2}
        assert [row(one).status for one in (old, failed, expired, cancelled)] == [
            "FAILED", "QUEUED", "QUEUED", "CANCELLED",
        ]  # fmt: skip

    def test_nothing_lost_is_done_at_once(self, api: Api) -> None:
        api.send()
        task = start(api)
        assert (task["status"], task["done"], task["total"]) == ("DONE", 0, 0)
        assert start(api, "2190-01-01T00:00:00Z")["status"] == "DONE"
        assert recover_lost() == 0

    def test_a_worker_that_dies_leaves_the_rest_to_the_next(self, api: Api, monkeypatch: Any) -> None:
        monkeypatch.setattr(recover, "PART", 2)
        for _ in range(5):
            lost(api)
        task = start(api)
        assert work_on_recovery() == 2
        with transaction.atomic():
            work_on_recovery()
            transaction.set_rollback(True)  # what a killed worker leaves behind
        shown = api.get(f"/tasks/{task['id']}").json()
        assert (shown["status"], shown["done"]) == ("RUNNING", 2)
        assert statuses().count("QUEUED") == 2
        finish()
        assert api.get(f"/tasks/{task['id']}").json() == {**task, "status": "DONE", "done": 5}
        assert statuses() == ["QUEUED"] * 5
        with scope(Principal.system()), transaction.atomic():
            assert AuditEvent.objects.filter(code="notification.requeued").count() == 5

    def test_what_fails_anew_meanwhile_is_not_taken_again(self, api: Api, monkeypatch: Any) -> None:
        monkeypatch.setattr(recover, "PART", 1)
        first, second = lost(api), lost(api)
        start(api)
        work_on_recovery()
        put(first, "FAILED", minutes_ago=-1)
        finish()
        assert [row(one).status for one in (first, second)] == ["FAILED", "QUEUED"]

    def test_the_rest_is_judged_and_stays(self, api: Api, world: Any) -> None:
        ana, ben = lost(api), lost(api, customer_ref="CUST-2", data={**BALANCE, "account": "acc-ben"})
        pause_grant(grant_id=world.ana.grant.id, actor=Principal(Kind.PERSON, person_id=world.ana.person_id))
        task = start(api)
        finish()
        assert (row(ana).status, row(ben).status) == ("FAILED", "QUEUED")
        assert api.get(f"/tasks/{task['id']}").json()["done"] == 2

    def test_only_in_the_clusters_of_the_token(self, api: Api, world: Any) -> None:
        lost(api)
        client = world.bank.clients["live"]
        form = {
            "grant_type": "client_credentials",
            "client_id": client.client_id,
            "client_secret": client.client_secret,
        }
        for scopes, found in (("notify:receipts", 0), ("notify:balances audit:read", 1)):
            token = api.http.post("/oauth/token", {**form, "scope": scopes}).json()["access_token"]
            api.headers = {"authorization": f"Bearer {token}"}
            assert start(api)["total"] == found
        token = api.http.post("/oauth/token", {**form, "scope": "audit:read"}).json()["access_token"]
        api.headers = {"authorization": f"Bearer {token}"}
        answer = api.post("/notifications/recover", {"since": SINCE})
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")

    def test_another_bank_and_the_sandbox_have_their_own(self, api: Api, api_of: Any, world: Any) -> None:
        lost(api)
        task = start(api)
        for client in (world.other.clients["live"], world.bank.clients["sandbox"]):
            stranger = api_of(client)
            assert stranger.get(f"/tasks/{task['id']}").status_code == 404
            assert start(stranger)["total"] == 0
        finish()
        assert statuses() == ["QUEUED"]

    def test_the_same_key_starts_one(self, api: Api) -> None:
        lost(api)
        answers = [
            api.post("/notifications/recover", {"since": SINCE}, **{"Idempotency-Key": "a"}) for _ in range(2)
        ]
        assert answers[0].json() == answers[1].json()
        with scope(Principal.system()), transaction.atomic():
            assert Recovery.objects.count() == 1

    @pytest.mark.parametrize("body", [{}, {"since": "yesterday"}, {"since": SINCE, "until": SINCE}])
    def test_since_is_a_time(self, api: Api, body: Any) -> None:
        assert api.post("/notifications/recover", body).json()["code"] == "invalid_request"

    def test_a_part_takes_as_many_statements_whatever_its_size(self, api: Api) -> None:
        counts = []
        for number in (1, 8):
            for _ in range(number):
                lost(api)
            start(api)
            with CaptureQueriesContext(connection) as queries:
                assert work_on_recovery() == number
            counts.append(len(queries))
        assert counts[0] == counts[1] <= 10
