"""The engine on committed rows: what is claimed, what a stop stops, and what platforms tell us."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from consents.actions.stop import end_grant
from consents.models import Grant, LinkedAccount
from notifications.actions.claim import claim_due
from notifications.actions.deliver import deliver_batch
from notifications.actions.sweep import sweep
from notifications.models import Delivery, InboundEvent, Lane
from partners.actions.partners import change_partner_status
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.notifications.conftest import process_inbound

from .conftest import BALANCE, Api


class Platform(BaseHTTPRequestHandler):
    """Answers every send; `seen` are the bodies, `answer` is what it says."""

    def do_POST(self) -> None:
        self.server.seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        status, body = self.server.answer(len(self.server.seen))
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def platform(settings: Any) -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Platform)
    server.seen = []
    server.answer = lambda number: (200, {"recipient_id": "r", "message_id": f"m_{number}"})
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    settings.MESSENGER_GRAPH_URL = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def bank_api(committed_world: Any) -> Api:
    return Api(committed_world.bank.clients["live"])


def statuses() -> list[tuple[str, str]]:
    with scope(Principal.system()), transaction.atomic():
        return list(Delivery.objects.order_by("id").values_list("status", "reason"))


def change(model: Any, **values: Any) -> None:
    """Puts rows into a state that only time or a provider would bring about."""
    with scope(Principal.system()), transaction.atomic():
        model.objects.update(**values)


def hook(world: Any, *events: dict[str, Any]) -> None:
    """The platform posts events to Norden's page, signed."""
    raw = json.dumps({"object": "page", "entry": [{"id": "1001", "messaging": list(events)}]}).encode()
    signature = "sha256=" + hmac.new(b"app-secret", raw, hashlib.sha256).hexdigest()
    answer = Client().post(
        f"/hooks/messenger/{world.bank.sender.id}",
        raw,
        content_type="application/json",
        headers={"X-Hub-Signature-256": signature},
    )
    assert answer.status_code == 200


def says(text: str, *, at: int = 0, address: str = "2001") -> dict[str, Any]:
    return {
        "sender": {"id": address},
        "recipient": {"id": "1001"},
        "timestamp": at or time.time_ns() // 1_000_000,
        "message": {"mid": f"m.{text}.{at}.{address}", "text": text},
    }


def test_a_delivery_is_sent_once_and_remembered(bank_api: Api, platform: Any) -> None:
    bank_api.send()
    assert deliver_batch(lane=Lane.STANDARD) == 1
    assert deliver_batch(lane=Lane.STANDARD) == 0
    assert statuses() == [("SENT", "")]
    assert len(platform.seen) == 1
    assert "•• 4821" in platform.seen[0]["message"]["attachment"]["payload"]["text"]


def test_a_person_who_cannot_be_reached_is_not_tried_again(bank_api: Api, platform: Any) -> None:
    blocked = {"error": {"code": 551, "error_subcode": 1545041, "message": "unavailable"}}
    platform.answer = lambda number: (400, blocked)
    bank_api.send()
    deliver_batch(lane=Lane.STANDARD)
    assert bank_api.send().status_code == 202
    deliver_batch(lane=Lane.STANDARD)
    assert statuses() == [("FAILED", "unreachable:551/1545041"), ("FAILED", "unreachable")]
    assert len(platform.seen) == 1


def test_a_window_that_had_closed_is_left_by_the_utility_template(bank_api: Api, platform: Any) -> None:
    """The platform's clock decides; we send the same notification again, as outside the window."""
    closed = {"error": {"code": 10, "error_subcode": 2018278, "message": "outside the window"}}
    sent = {"recipient_id": "r", "message_id": "m"}
    platform.answer = lambda number: (400, closed) if number == 1 else (200, sent)
    notification = bank_api.send().json()["id"]
    assert deliver_batch(lane=Lane.STANDARD) == 1
    assert deliver_batch(lane=Lane.STANDARD) == 1
    assert statuses() == [("SENT", "")]
    assert [body["messaging_type"] for body in platform.seen] == ["RESPONSE", "UTILITY"]
    shown = bank_api.get(f"/notifications/{notification}").json()
    assert [one["outcome"] for one in shown["attempts"]] == ["window_closed", "sent"]
    assert [one["event"] for one in shown["timeline"]] == ["accepted", "attempted", "sent"]


def test_a_suspended_banks_queue_waits_and_goes_on(
    bank_api: Api, committed_world: Any, platform: Any
) -> None:
    partner, staff = committed_world.bank.partner.id, committed_world.staff.reviewer
    bank_api.send()
    change_partner_status(partner_id=partner, to="SUSPENDED", actor=staff)
    deliver_batch(lane=Lane.STANDARD)
    assert statuses() == [("QUEUED", "partner_suspended")]
    change_partner_status(partner_id=partner, to="ACTIVE", actor=staff)
    change(Delivery, next_attempt_at="2026-01-01T00:00:00Z")
    deliver_batch(lane=Lane.STANDARD)
    assert statuses() == [("SENT", "")]


def test_what_a_bank_that_left_had_queued_is_withdrawn(bank_api: Api, committed_world: Any) -> None:
    bank_api.send()
    owner = Principal(Kind.MEMBER, partner_id=committed_world.bank.partner.id)
    change_partner_status(partner_id=committed_world.bank.partner.id, to="SURRENDERED", actor=owner)
    deliver_batch(lane=Lane.STANDARD)
    assert statuses() == [("WITHDRAWN", "partner_ended")]


@pytest.mark.parametrize("what", ["grant", "partner"])
def test_stopping_returns_only_when_what_was_claimed_has_begun(
    bank_api: Api, committed_world: Any, what: str
) -> None:
    bank_api.send()
    assert [row.status for row in claim_due(lane=Lane.STANDARD)] == ["SENDING"]
    if what == "grant":
        end_grant(
            grant_id=committed_world.ana.grant.id,
            actor=Principal(Kind.PERSON, person_id=committed_world.ana.person_id),
            reason="test",
        )
    else:
        change_partner_status(
            partner_id=committed_world.bank.partner.id, to="SUSPENDED", actor=committed_world.staff.reviewer
        )
    with scope(Principal.system()), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT start_by <= now() FROM notifications_delivery")
        assert cursor.fetchall() == [(True,)]


def test_a_grant_that_ran_out_is_ended_with_what_was_queued(bank_api: Api, committed_world: Any) -> None:
    bank_api.send()
    change(Grant, granted_at="2025-06-01T00:00:00Z", expires_at="2026-05-01T00:00:00Z")
    assert bank_api.send().json()["code"] == "no_active_grant"
    assert sweep()["grants"] == 3
    assert statuses() == [("WITHDRAWN", "grant_ended")]
    with scope(Principal.system()), transaction.atomic():
        assert {grant.status for grant in Grant.objects.all()} == {"EXPIRED"}


def test_an_event_that_cannot_be_worked_on_holds_up_no_other(committed_world: Any) -> None:
    broken = {
        "sender": {"id": "2001"},
        "recipient": {"id": "1001"},
        "timestamp": 1,
        "read": {"watermark": "?"},
    }
    hook(committed_world, broken, says("STOP"))
    hook(committed_world, says("STOP", address="2002"))
    assert process_inbound() == 2
    with scope(Principal.system()), transaction.atomic():
        assert Grant.objects.filter(status="REVOKED").count() == 2
        left = InboundEvent.objects.get(processed_at__isnull=True)
        assert (left.kind, left.attempts) == ("read", 1)
        written = InboundEvent.objects.filter(kind="message")
        assert {bytes(row.raw) for row in written} == {b""}, "what was written is forgotten once acted on"


def test_a_conversation_is_worked_on_in_the_order_it_was_held(committed_world: Any, bank_api: Api) -> None:
    """START came in last but was written first: STOP has the last word."""
    hook(committed_world, says("STOP", at=2_000))
    hook(committed_world, says("START", at=1_000))
    assert process_inbound() == 2
    assert bank_api.send().json()["code"] == "no_active_grant"
    with scope(Principal.system()), transaction.atomic():
        assert LinkedAccount.objects.get(person_id=committed_world.ana.person_id).status == "ACTIVE"


def test_a_repeated_event_is_stored_once(committed_world: Any) -> None:
    once = says("HELP", at=1_000)
    for _ in range(3):
        hook(committed_world, once)
    assert process_inbound() == 1
    with scope(Principal.system()), transaction.atomic():
        assert InboundEvent.objects.count() == 1


def test_a_receipt_before_its_answer_is_kept_for_later(bank_api: Api, committed_world: Any) -> None:
    bank_api.send()
    [row] = claim_due(lane=Lane.STANDARD)
    receipt = {"watermark": time.time_ns() // 1_000_000, "mids": ["m_early"]}
    ends = {"sender": {"id": "2001"}, "recipient": {"id": "1001"}, "timestamp": 1, "delivery": receipt}
    hook(committed_world, ends)
    assert process_inbound() == 0
    change(Delivery, status="SENT", provider_id="m_early")
    change(InboundEvent, next_attempt_at="2026-01-01T00:00:00Z")
    assert process_inbound() == 1
    assert statuses() == [("DELIVERED", "")]
    assert row.page == "1001"


def test_balance_data_never_leaves_in_clear_from_the_queue(bank_api: Api) -> None:
    bank_api.send()
    with scope(Principal.system()), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT data FROM notifications_notification")
        assert BALANCE["available"]["value"].encode() not in bytes(cursor.fetchone()[0])
