"""Lists: filters, pages, and the index behind them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consents.actions.expire import expire_grants
from consents.models import Grant
from notifications.models import Delivery
from notifications.serializers import EXAMPLES, STATUSES
from portal.api.times import rfc3339
from portal.demo.world import Bank
from portal.ids import parse_public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

from .conftest import Caller, as_caller


@pytest.fixture
def norden(demo: dict[str, Bank]) -> Caller:
    return as_caller(demo["norden"])


def send(caller: Caller, cluster: str = "BALANCES", **more: Any) -> str:
    """A notification's id."""
    answer = caller.post("/notifications", {**EXAMPLES[cluster], **more})
    assert answer.status_code == 202, answer.content
    return answer.json()["id"]


def listed(caller: Caller, query: str = "") -> list[str]:
    """The ids of one page."""
    return [row["id"] for row in rows(caller, query)]


def rows(caller: Caller, query: str = "") -> list[dict[str, Any]]:
    answer = caller.get(f"/notifications{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]


def soon(minutes: int) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


class TestStatus:
    @pytest.fixture
    def stories(self, norden: Caller) -> dict[str, str]:
        """A notification in each state that needs no worker, and one that waits for its second attempt."""
        stories = {
            "ACCEPTED": send(norden),
            "SCHEDULED": send(norden, send_at=soon(5), expires_at=soon(90)),
            "CANCELLED": send(norden, send_at=soon(5), expires_at=soon(90)),
            "retried": send(norden),
            "WITHDRAWN": send(norden, "TRANSACTIONS"),
        }
        norden.post(f"/notifications/{stories['CANCELLED']}/cancel")
        other = norden.get("/grants?customer_ref=CUST-1002").json()["data"][0]["id"]
        norden.post(f"/grants/{other}/revoke", {"reason": "account closed"})
        retried = Delivery.objects.filter(notification_id=parse_public_id("ntf", stories["retried"]))
        with scope(Principal.system()), transaction.atomic():
            retried.update(attempts=1, next_attempt_at=datetime.now(UTC) + timedelta(minutes=2))
        return stories

    def test_each_state_lists_its_own(self, norden: Caller, stories: dict[str, str]) -> None:
        assert listed(norden, "?status=SCHEDULED") == [stories["SCHEDULED"]]
        assert set(listed(norden, "?status=ACCEPTED")) == {stories["ACCEPTED"], stories["retried"]}
        assert listed(norden, "?status=CANCELLED") == [stories["CANCELLED"]]
        assert listed(norden, "?status=WITHDRAWN") == [stories["WITHDRAWN"]]

    def test_every_notification_is_in_one_state_as_shown(
        self, norden: Caller, stories: dict[str, str]
    ) -> None:
        found = [(status, row) for status in STATUSES for row in rows(norden, f"?status={status}")]

        assert all(row["status"] == status for status, row in found)
        assert sorted(row["id"] for _, row in found) == sorted(stories.values())

    def test_what_was_scheduled_is_accepted_once_its_time_has_come(
        self, norden: Caller, stories: dict[str, str]
    ) -> None:
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=6)):
            assert listed(norden, "?status=SCHEDULED") == []
            assert stories["SCHEDULED"] in listed(norden, "?status=ACCEPTED")


def test_by_cluster_and_customer(norden: Caller) -> None:
    balance, payment = send(norden), send(norden, "TRANSACTIONS")

    assert listed(norden, "?cluster=TRANSACTIONS") == [payment]
    assert listed(norden, "?customer_ref=CUST-1001") == [balance]
    assert listed(norden, "?customer_ref=CUST-1001&cluster=TRANSACTIONS") == []
    assert listed(norden, "?customer_ref=nobody") == []


def test_by_time(norden: Caller) -> None:
    first = norden.post("/notifications", EXAMPLES["BALANCES"]).json()
    second = send(norden)
    after = first["created_at"].replace("Z", "999Z")  # its microseconds are not told

    assert listed(norden, f"?created_after={after}") == [second]
    assert set(listed(norden, f"?created_after={first['created_at'][:-5]}Z")) == {first["id"], second}
    assert listed(norden, "?created_after=2190-01-01T00:00:00Z") == []
    assert len(listed(norden, "?created_after=1970-01-01T00:00:00%2B23:59")) == 2


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("status=QUEUED", "status"),
        ("status=", "status"),
        ("cluster=ADS", "cluster"),
        ("created_after=yesterday", "created_after"),
        ("created_after=2026-02-30T00:00:00Z", "created_after"),
        ("created_after=2026-01-01T00:00:00", "created_after"),
        ("customer_ref=", "customer_ref"),
        ("customer_ref=%00", "customer_ref"),
        ("limit=0", "limit"),
        ("limit=1.5", "limit"),
        ("cursor=abc", "cursor"),
    ],
)
def test_a_filter_that_does_not_fit_is_named(norden: Caller, query: str, name: str) -> None:
    answer = norden.get(f"/notifications?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{name}"]


def test_a_parameter_nobody_knows_is_ignored(norden: Caller) -> None:
    sent = send(norden)

    assert listed(norden, "?colour=red") == [sent]


def test_a_list_needs_its_scope_whatever_the_method(norden: Caller) -> None:
    headers = norden.bearer("notify:balances")

    assert norden.http.get("/api/v1/notifications", headers=headers).status_code == 403
    assert norden.http.head("/api/v1/notifications", headers=headers).status_code == 403
    assert norden.http.head("/api/v1/me", headers=headers).status_code == 200


def test_pages_follow_each_other_while_rows_are_added(norden: Caller) -> None:
    sent = [send(norden) for _ in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        answer = norden.get(f"/notifications?limit=2{cursor}").json()
        seen += [row["id"] for row in answer["data"]]
        cursor = answer["next_cursor"] and f"&cursor={answer['next_cursor']}"
        send(norden)

    assert seen == sent[::-1]


def test_a_page_is_read_from_the_index(norden: Caller) -> None:
    send(norden)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        norden.get("/notifications?created_after=2026-01-01T00:00:00Z")
    (asked,) = [one["sql"] for one in queries if "notifications_delivery" in one["sql"]]
    with scope(Principal.system()), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # a table of one row is not worth an index
        cursor.execute(f"EXPLAIN {asked}")
        plan = "\n".join(line for (line,) in cursor)

    assert "notifications_delivery_list" in plan
    assert "Sort" not in plan
    index_condition = next(
        line for line in plan.splitlines() if "Index Cond" in line and "partner_id" in line
    )
    assert "id >=" in index_condition


def test_grants_by_customer_and_status(norden: Caller) -> None:
    (ana,) = norden.get("/grants?customer_ref=CUST-1001").json()["data"]
    norden.post(f"/grants/{ana['id']}/revoke", {"reason": "account closed"})

    assert [one["id"] for one in norden.get("/grants?status=REVOKED").json()["data"]] == [ana["id"]]
    assert len(norden.get("/grants?status=ACTIVE").json()["data"]) == 1
    assert norden.get("/grants?status=GONE").status_code == 400


class TestAGrantWhoseDayHasCome:
    """It has expired by the clock, before anybody has written that down."""

    @pytest.fixture
    def over(self, norden: Caller) -> Iterator[dict[str, Any]]:
        (ana,) = norden.get("/grants?customer_ref=CUST-1001").json()["data"]
        with scope(Principal.system()), transaction.atomic():
            day = timezone.now() + timedelta(minutes=1)
            Grant.objects.filter(pk=parse_public_id("grt", ana["id"])).update(expires_at=day)
        with time_machine.travel(day + timedelta(seconds=1), tick=False):
            yield {**ana, "expires_at": rfc3339(day)}

    def test_is_shown_and_listed_as_expired(self, norden: Caller, over: dict[str, Any]) -> None:
        told = {"status": "EXPIRED", "ended_at": over["expires_at"], "end_reason": "expired"}

        assert norden.get(f"/grants/{over['id']}").json() == over | told
        assert norden.get("/grants?status=EXPIRED").json()["data"] == [over | told]
        assert over["id"] not in [one["id"] for one in norden.get("/grants?status=ACTIVE").json()["data"]]

    def test_is_no_different_once_that_is_written_down(self, norden: Caller, over: dict[str, Any]) -> None:
        before = norden.get(f"/grants/{over['id']}").json()
        assert expire_grants() == 1
        after = norden.get(f"/grants/{over['id']}").json()

        assert {**after, "history": []} == {**before, "history": []}
        assert [one["event"] for one in after["history"]][-1] == "ConsentExpired"

    def test_cannot_be_ended_again(self, norden: Caller, over: dict[str, Any]) -> None:
        answer = norden.post(f"/grants/{over['id']}/revoke", {"reason": "account closed"})

        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert norden.get(f"/grants/{over['id']}").json()["status"] == "EXPIRED"

    def test_stands_on_the_page_that_comes_next(self, norden: Caller, over: dict[str, Any]) -> None:
        other = norden.get("/grants?customer_ref=CUST-1002").json()["data"][0]["id"]
        with scope(Principal.system()), transaction.atomic():
            Grant.objects.filter(pk=parse_public_id("grt", other)).update(
                status="EXPIRED", ended_at=timezone.now()
            )
        newest = norden.get("/grants?status=EXPIRED&limit=1").json()
        next_page = norden.get(f"/grants?status=EXPIRED&limit=1&cursor={newest['next_cursor']}").json()

        assert sorted(one["id"] for one in newest["data"] + next_page["data"]) == sorted([over["id"], other])
        assert next_page["next_cursor"] is None


@pytest.mark.parametrize("status", ["ACTIVE", "EXPIRED"])
def test_grants_of_a_status_are_read_from_the_index(norden: Caller, status: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        norden.get(f"/grants?status={status}")
    asked = next(one["sql"] for one in queries if "consents_grant" in one["sql"])
    with scope(Principal.system()), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # a table of two rows is not worth an index
        cursor.execute(f"EXPLAIN {asked}")
        plan = "\n".join(line for (line,) in cursor)

    assert "consents_grant_partner" in plan
    assert "Sort" not in plan


def test_a_list_of_grants_takes_as_many_statements_as_one(
    norden: Caller, django_assert_num_queries: Any
) -> None:
    norden.get("/grants")
    with CaptureQueriesContext(connection) as one:
        norden.get("/grants?limit=1")
    with django_assert_num_queries(len(one)):
        assert len(norden.get("/grants").json()["data"]) == 2
