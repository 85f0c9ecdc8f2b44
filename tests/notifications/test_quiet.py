# ruff: noqa: F811 (fixtures)
"""Quiet hours: what falls into them waits until they end, and fraud alerts come all the same."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DataError
from django.test import Client
from django.utils import timezone

from consents.models import LinkedAccount
from notifications.actions.deliver import deliver_batch
from notifications.models import Delivery, Lane, QuietHours
from notifications.quiet import QUIET_UNTIL, time_zones
from portal.audit.models import AuditEvent
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

from .conftest import Api
from .test_engine import bank_api, change, platform, statuses  # noqa: F401 (fixtures)

SYSTEM = Principal.system()
FRAUD = {
    "account": "acc-ana", "amount": {"value": "9.00", "currency": "USD"}, "merchant": "Kiosk",
    "occurred_at": "2026-11-23T09:30:00Z", "case": "C-1",
}  # fmt: skip


def at(hours: float) -> str:
    """The time of day, in UTC, so many hours from now."""
    return (timezone.now() + timedelta(hours=hours)).astimezone(UTC).strftime("%H:%M")


def form(*, starts: float = -1, ends: float = 1, **more: Any) -> dict[str, Any]:
    """Quiet from an hour ago until in an hour."""
    hours = {"starts": at(starts), "ends": at(ends), "time_zone": "UTC", "clusters": ["BALANCES", "RECEIPTS"]}
    return {**hours, **more}


@pytest.fixture
def ana(committed_world: Any) -> Client:
    http = Client()
    backend = "allauth.account.auth_backends.AuthenticationBackend"
    http.force_login(committed_world.ana.person.user, backend=backend)
    change(LinkedAccount, last_inbound_at=timezone.now() - timedelta(hours=2))
    return http


def settings_of(story: Any) -> QuietHours | None:
    with scope(SYSTEM), transaction.atomic():
        return QuietHours.objects.filter(person_id=story.person_id).first()


def newest() -> Delivery:
    with scope(SYSTEM), transaction.atomic():
        return Delivery.objects.order_by("-id")[0]


def test_a_message_waits_until_the_morning_and_says_so(
    ana: Client,
    bank_api: Api,
    platform: Any,
    committed_world: Any,
) -> None:
    assert ana.post("/me/settings", form()).status_code == 302
    notification = bank_api.send().json()["id"]
    deliver_batch(lane=Lane.STANDARD)
    assert (statuses(), platform.seen) == ([("QUEUED", "quiet_hours")], [])
    one, end = newest(), timezone.now() + timedelta(hours=1)
    assert one.quiet_until == one.next_attempt_at == end.replace(second=0, microsecond=0)
    assert one.attempts == 0
    assert bank_api.get(f"/notifications/{notification}").json()["status"] == "ACCEPTED"
    page = f"/me/grants/{public_id('grt', committed_world.ana.grant.id)}"
    assert "It waits until <time" in ana.get(page).content.decode()
    change(QuietHours, ends=time.fromisoformat(at(-0.5)))
    change(Delivery, next_attempt_at=timezone.now())
    deliver_batch(lane=Lane.STANDARD)
    assert statuses() == [("SENT", "")]
    assert "It waited until <time" in ana.get(page).content.decode()


def test_a_fraud_alert_comes_at_once(ana: Client, bank_api: Api, platform: Any) -> None:
    ana.post("/me/settings", form())
    assert bank_api.send("fraud_alert", FRAUD).status_code == 202
    deliver_batch(lane=Lane.URGENT)
    assert statuses() == [("SENT", "")]
    refused = ana.post("/me/settings", form(clusters=["FRAUD_ALERTS"]))
    assert refused.status_code == 422
    with pytest.raises(IntegrityError):
        change(QuietHours, clusters=["FRAUD_ALERTS"])


def test_whoever_has_just_written_gets_an_answer(
    ana: Client,
    bank_api: Api,
    platform: Any,
) -> None:
    ana.post("/me/settings", form())
    change(LinkedAccount, last_inbound_at=timezone.now() - timedelta(minutes=5))
    bank_api.send()
    deliver_batch(lane=Lane.STANDARD)
    assert statuses() == [("SENT", "")]


def test_what_is_out_of_date_by_then_is_not_sent(
    ana: Client,
    bank_api: Api,
    platform: Any,
) -> None:
    ana.post("/me/settings", form())
    bank_api.send()
    deliver_batch(lane=Lane.STANDARD)
    past = timezone.now() - timedelta(seconds=1)
    change(Delivery, expires_at=past, next_attempt_at=past)
    deliver_batch(lane=Lane.STANDARD)
    assert (statuses(), platform.seen) == ([("EXPIRED", "expired")], [])


def test_switching_them_off_lets_what_waits_come(
    ana: Client,
    bank_api: Api,
    platform: Any,
    committed_world: Any,
) -> None:
    ana.post("/me/settings", form())
    bank_api.send()
    deliver_batch(lane=Lane.STANDARD)
    assert "Switch off" in ana.get("/me/settings").content.decode()
    assert (
        "Everything comes at once again."
        in ana.post("/me/settings", {"off": "1"}, follow=True).content.decode()
    )
    deliver_batch(lane=Lane.STANDARD)
    assert statuses() == [("SENT", "")]
    assert settings_of(committed_world.ana) is None
    with scope(SYSTEM), transaction.atomic():
        codes = AuditEvent.objects.filter(code__startswith="quiet").order_by("id")
        assert list(codes.values_list("code", flat=True)) == ["quiet_hours.changed", "quiet_hours.cleared"]


def test_others_hear_at_their_own_hours(
    ana: Client,
    bank_api: Api,
    platform: Any,
    committed_world: Any,
) -> None:
    ana.post("/me/settings", form())
    receipt = {
        "merchant": "Kiosk", "total": {"value": "3.00", "currency": "USD"}, "reference": "R-1",
        "purchased_at": "2026-11-23T09:30:00Z",
    }  # fmt: skip
    assert bank_api.send("receipt", receipt, customer_ref="CUST-2").status_code == 202
    deliver_batch(lane=Lane.STANDARD)
    assert statuses() == [("SENT", "")]
    assert settings_of(committed_world.ben) is None


def test_what_makes_no_sense_changes_nothing(ana: Client, committed_world: Any) -> None:
    for wrong, says in (
        ({"ends": at(-1), "starts": at(-1)}, "begin and end at the same time"),
        ({"starts": "25:00"}, "Enter a valid time."),
        ({"clusters": []}, "Fill in “What waits”."),
        ({"time_zone": "Mars/Olympus"}, "not one of the available choices"),
    ):
        answer = ana.post("/me/settings", form() | wrong)
        assert answer.status_code == 422
        assert says in answer.content.decode()
        assert settings_of(committed_world.ana) is None


def test_a_zone_that_the_database_does_not_know_cannot_be_written(ana: Client, committed_world: Any) -> None:
    ana.post("/me/settings", form())
    with pytest.raises(DataError):
        change(QuietHours, time_zone="Mars/Olympus")
    assert {"UTC", "Europe/Madrid", "America/Bogota"} <= {*time_zones()}


@pytest.mark.parametrize(
    ("starts", "ends", "zone", "now", "until"),
    [
        ("22:00", "07:00", "UTC", "2026-03-01 21:59:59", None),
        ("22:00", "07:00", "UTC", "2026-03-01 22:00", "2026-03-02 07:00"),
        ("22:00", "07:00", "UTC", "2026-03-02 06:59", "2026-03-02 07:00"),
        ("22:00", "07:00", "UTC", "2026-03-02 07:00", None),
        ("13:00", "15:00", "UTC", "2026-03-02 14:00", "2026-03-02 15:00"),
        ("13:00", "15:00", "UTC", "2026-03-02 15:00", None),
        ("22:00", "07:00", "Asia/Tokyo", "2026-03-01 13:30", "2026-03-01 22:00"),
        ("22:00", "07:00", "America/New_York", "2026-03-02 03:30", "2026-03-02 12:00"),
        # The night in which the clocks go forward, and the one in which they go back
        ("22:00", "07:00", "Europe/Madrid", "2026-03-28 22:30", "2026-03-29 05:00"),
        ("22:00", "07:00", "Europe/Madrid", "2026-10-24 21:30", "2026-10-25 06:00"),
    ],
)
def test_the_night_is_the_one_where_the_person_is(
    world: Any, starts: str, ends: str, zone: str, now: str, until: str | None
) -> None:
    with scope(SYSTEM), transaction.atomic():
        QuietHours.objects.create(
            person_id=world.ana.person_id, starts=starts, ends=ends, time_zone=zone, clusters=["BALANCES"]
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT quiet.until FROM (SELECT %s::uuid AS person_id) d, (SELECT 'BALANCES' AS cluster) n,"
                f" (SELECT NULL::timestamptz AS last_inbound_at) a,"
                f" LATERAL ({QUIET_UNTIL.replace('now()', '%s::timestamptz')}) quiet",
                [world.ana.person_id, f"{now}+00", f"{now}+00"],
            )
            (found,) = cursor.fetchone()
    assert found == (datetime.fromisoformat(f"{until}+00:00") if until else None)
