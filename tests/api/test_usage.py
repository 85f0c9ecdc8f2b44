"""Usage: notifications counted by day, cluster and status, in one statement."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from notifications.models import Delivery
from notifications.serializers import EXAMPLES
from portal import ids
from portal.demo.world import Bank
from portal.ids import parse_public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

from .conftest import Caller, as_caller

TODAY = datetime.now(UTC).replace(hour=0, minute=0)  # never ahead of the database's clock


@pytest.fixture
def norden(demo: dict[str, Bank]) -> Caller:
    return as_caller(demo["norden"])


def send(
    caller: Caller, cluster: str = "BALANCES", *, days_ago: int = 0, status: str = "", **more: Any
) -> None:
    """One that was accepted so long ago and has come to that state."""
    ids._last = 0  # else no id is older than the last one that was made
    with time_machine.travel(TODAY - timedelta(days=days_ago), tick=False):
        answer = caller.http.post(
            "/api/v1/notifications",
            {**EXAMPLES[cluster], **more},
            "application/json",
            headers=caller.bearer(),
        )
    assert answer.status_code == 202, answer.content
    if status:
        mine = Delivery.objects.filter(notification_id=parse_public_id("ntf", answer.json()["id"]))
        with scope(Principal.system()), transaction.atomic():
            mine.update(status=status)


def counted(caller: Caller, query: str = "") -> list[tuple[int, str, str, int]]:
    """(days ago, cluster, status, count) of one page."""
    answer = caller.get(f"/usage{query}")
    assert answer.status_code == 200, answer.content
    return [
        (
            (TODAY.date() - datetime.fromisoformat(one["date"]).date()).days,
            one["cluster"],
            one["status"],
            one["count"],
        )
        for one in answer.json()["data"]
    ]


def day(days_ago: int) -> str:
    return (TODAY.date() - timedelta(days=days_ago)).isoformat()


@pytest.fixture
def sent(norden: Caller) -> None:
    """What three days saw."""
    send(norden, days_ago=40)
    send(norden, days_ago=2, status="FAILED")
    send(norden, days_ago=1, status="READ")
    send(norden, days_ago=1, status="READ")
    send(norden, "TRANSACTIONS", days_ago=1, status="SENT")
    send(norden)


LATELY = [
    (0, "BALANCES", "ACCEPTED", 1),
    (1, "BALANCES", "READ", 2),
    (1, "TRANSACTIONS", "SENT", 1),
    (2, "BALANCES", "FAILED", 1),
]


def test_the_last_thirty_days_are_counted_newest_first(norden: Caller, sent: None) -> None:
    assert counted(norden) == LATELY


def test_days_are_chosen_with_both_ends(norden: Caller, sent: None) -> None:
    assert counted(norden, f"?since={day(1)}&until={day(1)}") == LATELY[1:3]
    assert counted(norden, f"?since={day(2)}&until={day(1)}") == LATELY[1:]
    assert counted(norden, f"?until={day(30)}") == [(40, "BALANCES", "ACCEPTED", 1)]
    assert counted(norden, f"?since={day(0)}&until={day(1)}") == []


def test_pages_follow_each_other_without_a_gap(norden: Caller, sent: None) -> None:
    for limit in (1, 2, 3):
        seen, cursor = [], ""
        while cursor is not None:
            query = f"?limit={limit}{cursor}"
            seen += counted(norden, query)
            following = norden.get(f"/usage{query}").json()["next_cursor"]
            cursor = following and f"&cursor={following}"
        assert seen == LATELY


def test_what_waits_is_told_apart_by_its_time(norden: Caller) -> None:
    send(norden)
    later = (TODAY + timedelta(days=2)).isoformat()
    send(norden, send_at=later)
    assert counted(norden) == [(0, "BALANCES", "ACCEPTED", 1), (0, "BALANCES", "SCHEDULED", 1)]


def test_neither_another_bank_nor_another_environment_is_counted(
    demo: dict[str, Bank], norden: Caller, sent: None
) -> None:
    assert counted(as_caller(demo["harbour"])) == []
    assert counted(as_caller(demo["norden"], "sandbox")) == []


@pytest.mark.parametrize(
    "query", ["since=yesterday", "until=2026-02-30", "cursor=1.ADS.SENT", "cursor=x", "limit=101"]
)
def test_what_does_not_fit_is_named(caller: Caller, query: str) -> None:
    answer = caller.get(f"/usage?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert answer.json()["errors"][0]["pointer"] == f"/{query.partition('=')[0]}"


def test_it_takes_as_many_statements_whatever_is_counted(norden: Caller, sent: None) -> None:
    norden.get("/usage")
    with CaptureQueriesContext(connection) as few:
        norden.get("/usage?limit=1")
    send(norden, days_ago=3)
    with CaptureQueriesContext(connection) as many:
        norden.get("/usage")
    assert len(many) == len(few)
