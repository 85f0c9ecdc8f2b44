"""What happens to grants and notifications is told to the bank that listens, numbered in the order it happened."""

from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from consents.actions.stop import pause_grant, resume_grant
from notifications.actions.deliver import deliver_batch
from notifications.actions.sweep import sweep
from notifications.models import Delivery, Lane
from partners.access import member_principal
from partners.actions.partners import change_partner_status
from partners.actions.webhooks import add_endpoint
from partners.models import WebhookMessage
from partners.webhooks.signing import open_data
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.keys import data_key_for
from tests.notifications.conftest import process_inbound

from .conftest import Api
from .test_engine import bank_api, change, hook, platform, says  # noqa: F401 (fixtures)


@pytest.fixture
def listening(committed_world: Any) -> Any:
    """Norden has an inbox for its live events."""
    owner = committed_world.bank.members[0].user
    with transaction.atomic():
        actor, partner = member_principal(owner, "norden")
    add_endpoint(partner_id=partner.id, environment="live", actor=actor)
    return committed_world


def told() -> list[tuple[str, int | None, dict[str, Any]]]:
    """(type, sequence, data) of every message, oldest first."""
    with scope(Principal.system()), transaction.atomic():
        return [
            (one.type, one.sequence, open_data(data_key_for(one.partner_id, one.person_id), one.id, one.data))
            for one in WebhookMessage.objects.order_by("created_at", "id")
        ]


def test_a_notification_s_way_is_told_step_by_step(listening: Any, bank_api: Api, platform: Any) -> None:  # noqa: F811
    notification = bank_api.send().json()["id"]
    deliver_batch(lane=Lane.STANDARD)
    for kind in ("delivery", "read"):
        receipt = {"watermark": 4_000_000_000_000}
        hook(
            listening, {"sender": {"id": "2001"}, "recipient": {"id": "1001"}, "timestamp": 1, kind: receipt}
        )
        process_inbound()
    assert [(kind, number) for kind, number, _ in told()] == [
        ("notification.sent", 1),
        ("notification.delivered", 2),
        ("notification.read", 3),
    ]
    assert {data["notification_id"] for *_, data in told()} == {notification}
    assert told()[-1][2]["status"] == "READ"


def test_what_a_person_decides_is_told_with_what_it_stopped(listening: Any, bank_api: Api) -> None:  # noqa: F811
    grant_id = listening.ana.grant.id
    actor = Principal(Kind.PERSON, person_id=listening.ana.person_id)
    bank_api.send()
    pause_grant(grant_id=grant_id, actor=actor)
    resume_grant(grant_id=grant_id, actor=actor)
    hook(listening, says("BALANCE", at=1_000), says("STOP", at=2_000))
    process_inbound()
    assert [(kind, number) for kind, number, _ in told()] == [
        ("notification.withdrawn", 1),
        ("grant.paused", 2),
        ("grant.resumed", 3),
        ("balance.requested", 4),
        ("grant.revoked", 5),
    ]
    last = told()[-1][2]
    assert (last["grant_id"], last["customer_ref"]) == (public_id("grt", grant_id), "CUST-1")
    assert last["status"] == "REVOKED"


def test_what_came_too_late_is_told(listening: Any, bank_api: Api) -> None:  # noqa: F811
    bank_api.send()
    change(Delivery, expires_at="2026-01-01T00:00:00Z")
    sweep()
    assert [kind for kind, *_ in told()] == ["notification.expired"]


def test_a_suspension_is_told_in_both_environments_and_to_nobody_else(listening: Any) -> None:
    partner, staff = listening.bank.partner.id, listening.staff.reviewer
    change_partner_status(partner_id=partner, to="SUSPENDED", actor=staff, reason="incident")
    change_partner_status(partner_id=partner, to="ACTIVE", actor=staff)
    change_partner_status(partner_id=listening.other.partner.id, to="SUSPENDED", actor=staff)
    assert [kind for kind, *_ in told()] == ["partner.suspended", "partner.reinstated"]


def test_another_bank_s_member_never_sees_them(listening: Any, bank_api: Api, platform: Any) -> None:  # noqa: F811
    bank_api.send()
    deliver_batch(lane=Lane.STANDARD)
    with scope(Principal(Kind.MEMBER, partner_id=listening.other.partner.id)), transaction.atomic():
        assert WebhookMessage.objects.count() == 0
    assert Client().get("/partners/norden/webhooks").status_code == 302
