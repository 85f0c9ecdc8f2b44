"""What a person writes in the chat and what they get back: signed hooks in, the simulated phone out."""

import hashlib
import hmac
import itertools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from consents.actions.link import link_account, unlink_account
from consents.actions.stop import end_grant, pause_grant
from consents.aside import tell_in_chat
from consents.models import Grant, LinkedAccount
from notifications.actions.chat import hear
from notifications.actions.replies import send_due_replies
from notifications.models import Delivery, Reply
from notifications.tasks import deliver_due, empty_old_messages
from partners.actions.partners import change_partner_status
from partners.models import Partner
from portal.audit.models import AuditEvent
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.notifications.conftest import process_inbound
from tests.partners.amending import agree_on
from tests.sandbox.conftest import running_sandbox, wait_until

from .conftest import BALANCE, Api

PAGE = "1001"
_mids = itertools.count(1)
SYSTEM = Principal.system()


@pytest.fixture(scope="module")
def platform() -> Iterator[httpx.Client]:
    with running_sandbox() as base, httpx.Client(base_url=base, timeout=10) as http:
        page = {
            "name": "Norden Bank",
            "access_token": "token",
            "app_secret": "app-secret",
            "require_proof": True,
        }
        assert http.put(f"/pages/{PAGE}", json=page).status_code == 201
        yield http


class Chat:
    """The chat of one person with Norden's page. Nothing happens by itself: `works` is the workers' turn."""

    def __init__(self, platform: httpx.Client, world: SimpleNamespace, address: str) -> None:
        self.platform, self.world, self.address = platform, world, address
        person = {"page_id": PAGE, "name": "Somebody", "window_open": True}
        assert platform.put(f"/people/{address}", json=person).is_success
        self.seen = len(self._received())

    def hears(self, *events: dict[str, Any], part: str = "messaging") -> None:
        """The platform reports what the person did, signed; nothing is worked on yet."""
        whole = [{"sender": {"id": self.address}, "recipient": {"id": PAGE}, **event} for event in events]
        raw = json.dumps({"object": "page", "entry": [{"id": PAGE, part: whole}]}).encode()
        signature = "sha256=" + hmac.new(b"app-secret", raw, hashlib.sha256).hexdigest()
        answer = Client().post(
            f"/hooks/messenger/{self.world.bank.sender.id}",
            raw,
            content_type="application/json",
            headers={"X-Hub-Signature-256": signature},
        )
        assert answer.status_code == 200

    def says(self, text: str, **more: Any) -> list[dict[str, Any]]:
        """They write; what they get back, oldest first."""
        self.hears(written(text, **more))
        return self.gets()

    def gets(self) -> list[dict[str, Any]]:
        """The workers' turn; what is new on the phone."""
        process_inbound()
        send_due_replies()
        received = self._received()
        self.seen, new = len(received), received[self.seen :]
        return new

    def _received(self) -> list[dict[str, Any]]:
        query = {"channel": "messenger", "address": self.address, "sender": PAGE}
        return self.platform.get("/inbox", params=query).json()["data"]


def written(text: str, **more: Any) -> dict[str, Any]:
    message = {"mid": f"m_{next(_mids)}", "text": text}
    return {"timestamp": int(timezone.now().timestamp() * 1000), "message": message, **more}


@pytest.fixture
def world(committed_world: SimpleNamespace) -> SimpleNamespace:
    """Committed, because the workers compare their rows with the database's clock."""
    return committed_world


@pytest.fixture
def api(world: SimpleNamespace) -> Api:
    """Norden's live client."""
    return Api(world.bank.clients["live"])


@pytest.fixture
def chat_of(platform: httpx.Client, world: SimpleNamespace, settings: Any) -> Callable[[str], Chat]:
    settings.MESSENGER_GRAPH_URL = settings.SANDBOX_URL = str(platform.base_url).rstrip("/")
    return lambda address: Chat(platform, world, address)


@pytest.fixture
def chat(chat_of: Callable[[str], Chat], world: SimpleNamespace) -> Iterator[Chat]:
    """Ana's, who allows BALANCES, FRAUD_ALERTS and RECEIPTS."""
    yield chat_of("2001")
    chat_of("2001").platform.post("/faults", json={"channel": "messenger", "mode": "none"})


def only(answers: list[dict[str, Any]]) -> str:
    (answer,) = answers
    return answer["text"]


def read(model: Any, **which: Any) -> list[Any]:
    with scope(SYSTEM), transaction.atomic():
        return list(model.objects.filter(**which).order_by("id"))


def _somebody_waits() -> bool:
    """For a transaction that holds a row."""
    sql = "SELECT 1 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone() is not None


def change(model: Any, **values: Any) -> None:
    """What only time would bring about."""
    with scope(SYSTEM), transaction.atomic():
        model.objects.update(**values)


def grant(story: Any) -> Any:
    return read(Grant, pk=story.grant.pk)[0]


def person(story: Any) -> Principal:
    return Principal(Kind.PERSON, id=story.person.user.pk, person_id=story.person_id)


def test_stop_ends_it_at_once_and_says_what_ended_and_what_stays(
    chat: Chat, chat_of: Callable[[str], Chat], api: Api, world: Any
) -> None:
    api.send()
    change(Delivery, status="SENT", sent_at=timezone.now())  # and no word from the phone yet
    waiting = api.send().json()["id"]
    (answer,) = chat.says("STOP")
    assert answer["text"].startswith(
        "Stopped. Norden Bank can send you nothing more: no balances, fraud alerts and receipts."
    )
    assert "this chat stays linked" in answer["text"]
    assert answer["text"].endswith(
        " 1 message was withdrawn. 1 message had just been handed to Messenger and may still arrive."
    )
    assert "your other banks and your accounts are as they were" in answer["text"]
    assert answer["buttons"] == [
        {"type": "web_url", "title": "Your choices", "url": "http://127.0.0.1:8000/me/"}
    ]
    ended = grant(world.ana)
    assert (ended.status, ended.ended_by, ended.end_reason) == ("REVOKED", "person", "stop_in_chat")
    assert api.get(f"/notifications/{waiting}").json()["status"] == "WITHDRAWN"
    assert api.send().json()["code"] == "no_active_grant"
    assert grant(world.ben).status == "ACTIVE"
    assert "already not sending" in only(chat.says("stop"))
    assert only(chat_of("2002").says("¡Alto!")).startswith("Stopped.")
    assert grant(world.ben).status == "REVOKED"


def test_a_command_is_the_whole_message_in_any_case(chat: Chat) -> None:
    for text in ("HELP", " help.\n", "Help?", "¡Ayuda!", "“help”", "ＨＥＬＰ", "…help…"):
        assert only(chat.says(text)).startswith("Norden Bank may send you messages"), text
    for text in ("help me", "please stop", "unstop", "st op", "0"):
        assert only(chat.says(text)).startswith("This is an automatic service"), text


def test_start_goes_on_after_a_pause_only(chat: Chat, world: Any) -> None:
    assert "Nothing had to be started." in only(chat.says("start"))
    pause_grant(grant_id=world.ana.grant.pk, actor=person(world.ana))
    assert "may send you messages again, until" in only(chat.says("Inicio"))
    assert grant(world.ana).status == "ACTIVE"
    end_grant(grant_id=world.ana.grant.pk, actor=person(world.ana), reason="test")
    assert "start from the page of your bank" in only(chat.says("START"))
    assert grant(world.ana).status == "REVOKED"


def test_start_says_that_messages_wait_for_a_yes(chat: Chat, api: Api, world: Any) -> None:
    pause_grant(grant_id=world.ana.grant.pk, actor=person(world.ana))
    change(Grant, reconfirm_by=timezone.now())
    answer = only(chat.says("START"))
    assert answer == "Norden Bank waits until you confirm that you still want this: write CONFIRM."
    assert grant(world.ana).status == "ACTIVE"
    assert api.send().json()["code"] == "reconfirmation_due"


def test_help_tells_how_things_stand_and_whom_to_ask(chat: Chat, world: Any) -> None:
    text = only(chat.says("Ayuda"))
    assert text.startswith("Norden Bank may send you messages, until ")
    assert "Write STOP to end it at once" in text
    assert "Questions to your bank: norden.example." in text
    assert "automatic" not in text
    change(Grant, reconfirm_by=timezone.now())
    assert "waits until you confirm" in only(chat.says("help"))
    pause_grant(grant_id=world.ana.grant.pk, actor=person(world.ana))
    assert only(chat.says("HELP")).startswith("You have paused Norden Bank.")
    change(Grant, expires_at=timezone.now())
    assert only(chat.says("help?")).startswith("Norden Bank may not send you anything.")


def test_balance_is_the_last_one_the_bank_sent(chat: Chat, api: Api) -> None:
    assert only(chat.says("saldo")) == "Norden Bank has not sent a balance yet."
    api.send(data={**BALANCE, "available": {"value": "7.10", "currency": "USD"}})
    deliver_due("standard")
    assert "$7.10" in only(chat.gets())
    assert "Your account •• 4821 has $7.10 available" in only(chat.says("Balance"))


def test_balance_says_that_the_last_one_was_deleted(chat: Chat, api: Api, world: Any) -> None:
    agree_on(world, retention_days=30)
    api.send()
    deliver_due("standard")
    assert "$1,234.50" in only(chat.gets())
    month = timedelta(days=31)
    change(Grant, expires_at=timezone.now() + 4 * month, reconfirm_by=timezone.now() + 4 * month)
    with time_machine.travel(timezone.now() + month):
        empty_old_messages()
        assert only(chat.says("saldo")) == (
            "The last balance that Norden Bank sent was deleted after 30 days, as you were promised. You get the next"
            " one that it sends."
        )


def test_balance_says_why_there_is_none(chat: Chat, api: Api, world: Any) -> None:
    api.send()
    deliver_due("standard")
    chat.gets()
    change(Grant, clusters=["RECEIPTS"])
    assert only(chat.says("balance")) == "You have not allowed Norden Bank to send you balances."
    change(Grant, clusters=["BALANCES"])
    change_partner_status(partner_id=world.bank.partner.id, to="SUSPENDED", actor=world.staff.reviewer)
    assert only(chat.says("balance")) == "Norden Bank cannot send you anything at the moment."
    change_partner_status(partner_id=world.bank.partner.id, to="ACTIVE", actor=world.staff.reviewer)
    change(Grant, reconfirm_by=timezone.now())
    assert "waits until you confirm" in only(chat.says("balance"))
    pause_grant(grant_id=world.ana.grant.pk, actor=person(world.ana))
    assert only(chat.says("balance")) == "You have paused Norden Bank. Write START to hear from them again."
    end_grant(grant_id=world.ana.grant.pk, actor=person(world.ana), reason="test")
    assert "no balance to show" in only(chat.says("balance"))


def test_no_balance_leaves_after_the_grant_has_ended(chat: Chat, api: Api, world: Any) -> None:
    api.send()
    deliver_due("standard")
    chat.gets()
    chat.hears(written("balance"))
    process_inbound()
    end_grant(grant_id=world.ana.grant.pk, actor=person(world.ana), reason="test")
    assert only(chat.gets()) == "You have not allowed Norden Bank to send you balances."


ATTACHMENT = {"attachments": [{"type": "image", "payload": {"url": "https://example.com/a.png"}}]}


def test_anything_else_is_answered_as_automatic(chat: Chat, world: Any) -> None:
    for event in (
        {"message": {"mid": "m_a", "text": "please stop sending me balances"}},
        {"message": {"mid": "m_b", "text": "🙂"}},
        {"message": {"mid": "m_c", **ATTACHMENT}},
        {"postback": {"mid": "m_d", "title": "Get Started", "payload": "GET_STARTED"}},
        {"referral": {"ref": "branch-12", "source": "SHORTLINK", "type": "OPEN_THREAD"}},
        {"message": {"mid": "m_e", "text": "yes", "quick_reply": {"payload": "YES"}}},
    ):
        chat.hears({"timestamp": 1, **event})
        text = only(chat.gets())
        assert text.startswith("This is an automatic service: nobody reads what you write here."), event
        assert "Write STOP to end it at once" in text
    assert grant(world.ana).status == "ACTIVE"


def test_a_tap_is_as_good_as_a_word(chat: Chat, chat_of: Callable[[str], Chat], world: Any) -> None:
    chat.hears({"timestamp": 1, "postback": {"mid": "p_1", "title": "End messages", "payload": "STOP"}})
    assert only(chat.gets()).startswith("Stopped.")
    other = chat_of("2002")
    other.hears(
        {"timestamp": 1, "message": {"mid": "p_2", "text": "End", "quick_reply": {"payload": "STOP"}}}
    )
    assert only(other.gets()).startswith("Stopped.")
    assert (grant(world.ana).status, grant(world.ben).status) == ("REVOKED", "REVOKED")


def test_reactions_receipts_and_doubles_get_no_answer(chat: Chat) -> None:
    chat.hears(
        {"timestamp": 1, "reaction": {"reaction": "smile", "mid": "m_x"}}, {"timestamp": 2, "optin": {}}
    )
    assert chat.gets() == []
    twice = written("hello")
    chat.hears(twice, twice)
    chat.hears(twice)
    assert len(chat.gets()) == 1


def test_whoever_is_not_linked_and_wants_nothing_is_not_asked_to_link(chat_of: Callable[[str], Chat]) -> None:
    stranger = chat_of("9009")
    (answer,) = stranger.says("STOP")
    assert answer["text"] == "Norden Bank sends you nothing here: this chat is not linked with anybody."
    assert answer["buttons"] == []
    assert [one["type"] for one in stranger.says("help")[0]["buttons"]] == ["account_link", "web_url"]


def test_unlink_ends_the_link_and_the_grant(chat: Chat, api: Api, world: Any) -> None:
    assert "Unlinked. What you had allowed has ended" in only(chat.says("unlink"))
    ended = grant(world.ana)
    assert (ended.status, ended.ended_by, ended.end_reason) == ("REVOKED", "person", "unlinked_in_chat")
    told = api.get(f"/grants/{public_id('grt', ended.pk)}").json()
    assert told["history"][-1]["event"] == "ConsentWithdrawn"
    assert [one.actor_kind for one in read(AuditEvent) if one.code == "account.unlinked"] == ["person"]
    assert api.send().json()["code"] == "no_active_grant"
    assert "not linked with anybody" in only(chat.says("hello"))


def test_no_balance_leaves_to_a_chat_that_the_grant_has_left(
    second_chat: "Chat", api: Api, world: Any
) -> None:
    api.send()
    deliver_due("standard")
    first, second = world.ana.grant.account_id, read(LinkedAccount, person_id=world.ana.person_id)[-1].pk
    change(Grant, fallback_ids=[second])
    change(LinkedAccount, status="SUSPENDED")
    second_chat.hears(written("balance"))
    process_inbound()
    with scope(SYSTEM), transaction.atomic():
        LinkedAccount.objects.filter(pk=first).update(status="ACTIVE")
    unlink_account(account_id=second, reason="unlinked_on_page", actor=person(world.ana))
    assert only(second_chat.gets()) == "Norden Bank sends your balances to another chat of yours."


@pytest.fixture
def second_chat(chat_of: Callable[[str], Chat], world: Any) -> Chat:
    """Ana's other chat with the bank, to which nothing is sent."""
    who = {"person_id": world.ana.person_id, "actor": person(world.ana)}
    link_account(sender=world.bank.sender, address="2010", **who)
    return chat_of("2010")


def test_what_is_written_in_one_chat_holds_for_the_bank(second_chat: Chat, api: Api, world: Any) -> None:
    assert only(second_chat.says("help")).startswith("Norden Bank may send you messages, until ")
    assert only(second_chat.says("balance")) == "Norden Bank sends your balances to another chat of yours."
    pause_grant(grant_id=world.ana.grant.pk, actor=person(world.ana))
    assert "may send you messages again, until" in only(second_chat.says("start"))
    assert only(second_chat.says("confirm")).startswith("Thank you. Confirmed for 90 days.")
    assert only(second_chat.says("STOP")).startswith("Stopped. Norden Bank can send you nothing more")
    assert grant(world.ana).status == "REVOKED"
    assert api.send().json()["code"] == "no_active_grant"


def test_unlinking_a_chat_to_which_nothing_comes_ends_nothing(second_chat: Chat, world: Any) -> None:
    answer = only(second_chat.says("unlink"))
    assert answer.startswith("Unlinked. Norden Bank can send you nothing here. Nothing else has changed.")
    assert grant(world.ana).status == "ACTIVE"


def test_unlinking_counts_what_it_met(chat: Chat, api: Api) -> None:
    api.send()
    change(Delivery, status="SENT", sent_at=timezone.now())
    api.send()
    assert only(chat.says("unlink")).endswith(
        " 1 message was withdrawn. 1 message had just been handed to Messenger and may still arrive."
    )


def test_what_is_unlinked_meanwhile_stays_so(world: Any) -> None:
    event = {"sender": {"id": world.ana.address}, **written("hello")}

    def write() -> None:
        try:
            with scope(SYSTEM), transaction.atomic():
                hear(sender=world.bank.sender, kind="message", address=world.ana.address, event=event)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        with scope(SYSTEM), transaction.atomic():
            (account,) = LinkedAccount.objects.filter(person_id=world.ana.person_id)
            unlink_account(account_id=account.id, reason="test")
            heard = other.submit(write)
            wait_until(lambda: heard.done() or _somebody_waits())
            assert not heard.done()
        heard.result(timeout=10)
    assert {one.status for one in read(LinkedAccount) if one.pk == account.pk} == {"UNLINKED"}


def test_a_blocked_account_that_writes_again_is_reached_again(chat: Chat, api: Api) -> None:
    fault = {"channel": "messenger", "sender": PAGE, "mode": "blocked", "count": 1}
    chat.platform.post("/faults", json=fault)
    api.send()
    deliver_due("standard")
    assert read(LinkedAccount)[0].status == "SUSPENDED"
    chat.says("I am back")
    assert read(LinkedAccount)[0].status == "ACTIVE"
    api.send()
    deliver_due("standard")
    assert "$1,234.50" in only(chat.gets())


def test_the_window_follows_what_they_did_and_when(chat: Chat, world: Any) -> None:
    def opened() -> datetime:
        return read(LinkedAccount, person_id=world.ana.person_id)[0].last_inbound_at

    now = timezone.now()
    change(LinkedAccount, last_inbound_at=now - timedelta(days=3))
    hour_ago = now - timedelta(hours=1)
    chat.says("late", timestamp=int(hour_ago.timestamp() * 1000))
    assert abs(opened() - hour_ago) < timedelta(seconds=1)
    chat.says("later still", timestamp=int((now - timedelta(hours=2)).timestamp() * 1000))
    assert abs(opened() - hour_ago) < timedelta(seconds=1)
    half_an_hour_ago = int((now - timedelta(minutes=30)).timestamp())
    chat.hears({"timestamp": half_an_hour_ago, "referral": {"ref": "x"}})  # in seconds, as some are
    chat.gets()
    assert opened() == datetime.fromtimestamp(half_an_hour_ago, UTC)
    chat.says("from the future", timestamp=int((now + timedelta(days=900)).timestamp() * 1000))
    assert opened() <= timezone.now()
    before = opened()
    chat.hears(
        {"timestamp": 1, "read": {"watermark": 1}}, {"timestamp": 2, "account_linking": {"status": "x"}}
    )
    chat.gets()
    assert opened() == before


def test_in_standby_only_commands_count(chat: Chat, world: Any) -> None:
    chat.hears(written("May I speak with somebody?"), part="standby")
    assert chat.gets() == []
    chat.hears({"timestamp": 1, "postback": {"mid": "s_1", "title": "Stop"}}, part="standby")
    assert only(chat.gets()).startswith("Stopped.")
    assert grant(world.ana).status == "REVOKED"


def test_an_answer_survives_a_stumbling_platform_for_half_a_minute(chat: Chat) -> None:
    fault = {"channel": "messenger", "sender": PAGE, "mode": "error", "code": 1200, "count": 2}
    chat.platform.post("/faults", json=fault)
    assert chat.says("help") == []
    began = timezone.now()
    for seconds in (3, 10):
        with time_machine.travel(began + timedelta(seconds=seconds)):
            found = chat.gets()
    assert "Write STOP" in only(found)


def test_an_answer_that_cannot_be_sent_is_given_up_and_forgotten(chat: Chat) -> None:
    fault = {"channel": "messenger", "sender": PAGE, "mode": "error", "code": 1200}
    chat.platform.post("/faults", json=fault)
    chat.says("help")
    began = timezone.now()
    for minute in range(1, 6):
        with time_machine.travel(began + timedelta(minutes=minute)):
            assert chat.gets() == []
    (reply,) = read(Reply)
    assert reply.ended_at is not None
    assert (reply.attempts, bytes(reply.content)) == (4, b"")


def test_where_buttons_are_refused_their_addresses_are_written_out(chat_of: Callable[[str], Chat]) -> None:
    stranger = chat_of("9010")
    fault = {"channel": "messenger", "sender": PAGE, "mode": "error", "code": 100, "count": 1}
    stranger.platform.post("/faults", json=fault)
    (answer,) = stranger.says("hello")
    assert answer["buttons"] == []
    assert answer["text"].endswith(f"\nhttp://127.0.0.1:8000/me/link/{stranger.world.bank.sender.id}?again=1")


def test_answers_to_one_person_keep_their_order_and_leave_nothing_behind(chat: Chat) -> None:
    chat.hears(written("stop"), written("start"), written("help"))
    found = [one["text"].split(".")[0] for one in chat.gets()]
    assert found == ["Stopped", *["Norden Bank may not send you anything"] * 2]
    # The receipt of what was stopped comes a moment after the answers
    kept = [reply for reply in read(Reply) if reply.content]
    assert [reply.ended_at for reply in kept] == [None]


def test_what_is_not_shaped_as_documented_is_passed_over(chat: Chat) -> None:
    odd = [{"message": "text"}, {"postback": []}, {"referral": {"ref": {}}}, {"message": {"mid": "o_1"}}]
    chat.hears(*odd)
    assert len(chat.gets()) == 2  # the referral and the empty message are answered, the others mean nothing


def test_confirm_in_the_chat_lets_messages_come_again(chat: Chat, api: Api, world: Any) -> None:
    change(Grant, reconfirm_by=timezone.now() - timedelta(days=1))
    assert "write CONFIRM" in only(chat.says("hello"))
    assert api.send().json()["code"] == "reconfirmation_due"
    answer = only(chat.says("Confirm!"))
    assert answer.startswith("Thank you. Confirmed for 90 days. Norden Bank may send you messages, until")
    assert grant(world.ana).reconfirm_by > timezone.now() + timedelta(days=89)
    assert api.send().status_code == 202
    chat.says("STOP")
    assert "may not send you anything" in only(chat.says("CONFIRM"))


def test_a_bank_that_has_left_cannot_be_confirmed(chat: Chat, world: Any) -> None:
    change(Partner, status="SURRENDERED")
    assert only(chat.says("CONFIRM")).startswith("Norden Bank has left Parley")


def test_we_speak_up_in_a_chat_only_where_the_messenger_lets_us(chat: Chat, world: Any) -> None:
    confirm = {"type": "postback", "title": "Confirm", "payload": "CONFIRM"}

    def aside() -> bool:
        with scope(person(world.ana)), transaction.atomic():
            return tell_in_chat(world.ana.grant.account, "Still want this?", [confirm])

    chat.says("hello")
    assert aside()
    (said,) = chat.gets()
    assert (said["text"], said["buttons"]) == ("Still want this?", [confirm])
    with time_machine.travel(timezone.now() + timedelta(hours=24)):
        assert not aside()
    change(LinkedAccount, status="SUSPENDED")
    assert not aside()
    assert chat.gets() == []
