"""The agreement's cap on the notifications of a month: exact at the edge, and counted again once Valkey forgot."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connections, transaction

from notifications import volume
from notifications.models import Notification
from notifications.volume import count_against_cap, take_from_cap
from portal.api import valkey
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.partners.amending import agree_on

from .conftest import BALANCE, Api


def accepted() -> int:
    with scope(Principal.system()), transaction.atomic():
        return Notification.objects.filter(environment="live").count()


def forget(world: Any) -> None:
    """As a flush does."""
    keys = valkey.client().keys(f"volume:{world.bank.partner.id}:*")
    assert keys
    valkey.client().delete(*keys)


@pytest.fixture
def outage() -> Any:
    """Valkey does not answer this process."""
    valkey._down_until = float("inf")
    yield
    valkey._down_until = 0.0


@pytest.mark.django_db
def test_what_exceeds_the_cap_is_refused_by_its_clause(api: Api, world: Any) -> None:
    agree_on(world, monthly_volume_cap=2)
    assert [api.send().status_code for _ in range(3)] == [202, 202, 403]
    refused = api.send().json()
    assert refused["code"] == "volume_cap_reached"
    assert refused["type"].endswith("/docs/errors/volume_cap_reached")
    assert "allows 2 messages a calendar month (UTC)" in refused["detail"]
    assert "see clause 4.1" in refused["detail"]
    assert accepted() == 2
    agree_on(world, monthly_volume_cap=3)
    assert [api.send().status_code for _ in range(2)] == [202, 403]
    count_against_cap(0, Principal(Kind.CLIENT, partner_id=world.bank.partner.id, environment="sandbox"))


@pytest.mark.django_db
def test_a_batch_fills_the_month_and_its_last_items_are_refused(api: Api, world: Any) -> None:
    agree_on(world, monthly_volume_cap=3)
    item = {"customer_ref": "CUST-1", "template": "balance_update", "data": BALANCE}
    wrong = {**item, "data": {}}
    answer = api.post("/notifications/batch", {"notifications": [item, wrong, item, item, item, item]}).json()
    told = [one["problem"]["code"] if "problem" in one else one["status"] for one in answer["data"]]
    assert told == ["ACCEPTED", "invalid_data", "ACCEPTED", "ACCEPTED", *["volume_cap_reached"] * 2]
    assert accepted() == 3


@pytest.mark.django_db
def test_a_refusal_counts_nothing_and_another_bank_has_its_own(api: Api, world: Any, api_of: Any) -> None:
    agree_on(world, monthly_volume_cap=1)
    assert api.send(data={"account": "acc-ana"}).status_code == 422
    assert api.send().status_code == 202
    other = api_of(world.other.clients["live"])
    data = {
        "account": "acc-charlie",
        "available": {"value": "1", "currency": "USD"},
        "as_of": "2026-11-23T09:30:00Z",
    }
    assert [other.send(data=data).status_code for _ in range(2)] == [202, 202]


@pytest.mark.django_db
def test_far_from_the_cap_some_are_taken_ahead_and_what_is_not_spent_comes_back(
    api: Api, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner_id = world.bank.partner.id

    def counted() -> int:
        [key] = valkey.client().keys(f"volume:{partner_id}:*")
        return int(valkey.client().get(key))

    with scope(Principal.system()), transaction.atomic():
        assert [volume.take_from_cap(20_000, partner_id) for _ in range(3)] == [1, 1, 1]
        assert counted() == 1 + volume.AHEAD
        monkeypatch.setattr(volume.time, "monotonic", lambda: float("inf"))  # a second later
        assert volume.take_from_cap(20_000, partner_id) == 1
        assert counted() == 4 + volume.AHEAD
        assert volume.take_from_cap(5, partner_id) == 1
        assert counted() == 5
        assert volume.take_from_cap(5, partner_id) == 0


@pytest.mark.django_db
def test_the_next_month_begins_at_nought(world: Any, api_of: Any) -> None:
    agree_on(world, monthly_volume_cap=1)
    first = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0) + timedelta(days=32)
    first = first.replace(day=1)
    for moment, statuses in ((first - timedelta(seconds=30), [202, 403]), (first, [202, 403])):
        with time_machine.travel(moment):
            api = api_of(world.bank.clients["live"])
            assert [api.send().status_code for _ in range(2)] == statuses


@pytest.mark.django_db
def test_a_flush_is_counted_again_from_the_rows(api: Api, world: Any) -> None:
    agree_on(world, monthly_volume_cap=3)
    assert api.send().status_code == 202
    assert api.send().status_code == 202
    forget(world)
    assert [api.send().status_code for _ in range(2)] == [202, 403]


@pytest.mark.django_db
@pytest.mark.usefixtures("outage")
def test_without_valkey_the_rows_are_counted_and_afterwards_too(api: Api, world: Any) -> None:
    agree_on(world, monthly_volume_cap=3)
    actor = Principal(Kind.CLIENT, partner_id=world.bank.partner.id, environment="live")
    with scope(actor), transaction.atomic():
        assert take_from_cap(3, world.bank.partner.id) == 1
    assert [api.send().status_code for _ in range(2)] == [202, 202]
    assert api.send().status_code == 403
    valkey._down_until = 0.0
    assert [api.send().status_code for _ in range(2)] == [202, 403]


def test_of_many_at_once_exactly_as_many_pass_as_are_left(committed_world: Any, api_of: Any) -> None:
    agree_on(committed_world, monthly_volume_cap=4)
    apis = [api_of(committed_world.bank.clients["live"]) for _ in range(6)]

    def send_two(api: Api) -> list[int]:
        try:
            return [api.send().status_code for _ in range(2)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(apis)) as threads:
        statuses = [status for two in threads.map(send_two, apis) for status in two]
    assert sorted(statuses) == [202] * 4 + [403] * 8
    assert accepted() == 4
