"""What people do has a worker of its own, and does not wait for what platforms report."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from consents.models import Grant
from notifications.actions.deliver import deliver_batch
from notifications.actions.inbound import hear_people, take_reports
from notifications.models import Delivery, InboundEvent, Lane
from notifications.nudge import PEOPLE, take_nudge
from notifications.tasks import work_inbound
from portal.celery import app
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.notifications.conftest import Api
from tests.notifications.test_engine import bank_api, change, hook, platform, says  # noqa: F401
from tests.sandbox.conftest import wait_until

SYSTEM = Principal.system()
RECEIPT = {"sender": {"id": "2001"}, "recipient": {"id": "1001"}, "timestamp": 1}


@pytest.fixture
def others() -> Iterator[Callable[..., Future[Any]]]:
    """Runs things in connections of their own."""
    with ThreadPoolExecutor(2) as pool:

        def run(function: Callable[..., Any], *given: Any) -> Any:
            try:
                return function(*given)
            finally:
                connections.close_all()

        yield lambda function, *given: pool.submit(run, function, *given)


@pytest.fixture
def listener(committed_world: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker of the people's queue, in threads of this process; none keeps its connection to this database."""
    monkeypatch.setitem(app.conf, "CELERY_DB_REUSE_MAX", None)
    take_nudge(PEOPLE)
    with start_worker(app, pool="threads", queues=PEOPLE, perform_ping_check=False, loglevel="ERROR"):
        yield
    connections.close_all()


def test_a_stop_is_heard_while_receipts_of_the_same_chat_are_stuck(
    committed_world: Any,
    bank_api: Api,  # noqa: F811
    platform: Any,  # noqa: F811
    listener: None,
    others: Callable[..., Future[Any]],
) -> None:
    bank_api.send()
    assert deliver_batch(lane=Lane.STANDARD) == 1
    hook(committed_world, {**RECEIPT, "delivery": {"watermark": time.time_ns() // 1_000_000}})
    with scope(SYSTEM), transaction.atomic():
        Delivery.objects.select_for_update().get()
        stuck = others(take_reports)
        wait_until(lambda: stuck.done() or waiting("transactionid"))
        others(hook, committed_world, says("STOP")).result(timeout=30)
        wait_until(lambda: Grant.objects.get(pk=committed_world.ana.grant.pk).status == "REVOKED")
        assert not stuck.done()
    assert stuck.result(timeout=30) == 1


def test_what_is_said_while_a_worker_is_on_the_chat_follows_at_once(
    committed_world: Any, others: Callable[..., Future[Any]]
) -> None:
    grant_id = committed_world.ana.grant.pk
    hook(committed_world, says("STOP", at=1_000))
    with scope(SYSTEM), transaction.atomic():
        Grant.objects.select_for_update().get(pk=grant_id)
        first = others(hear_people)
        wait_until(lambda: first.done() or waiting("transactionid"))
        others(hook, committed_world, says("START", at=2_000)).result(timeout=30)
        second = others(hear_people)
        wait_until(lambda: second.done() or waiting("advisory"))
        assert not second.done()
    assert first.result(timeout=30) + second.result(timeout=30) == 2
    with scope(SYSTEM), transaction.atomic():
        assert not InboundEvent.objects.filter(processed_at=None).exists()
        assert Grant.objects.get(pk=grant_id).status == "REVOKED"


def test_reports_leave_to_others_what_people_say(committed_world: Any) -> None:
    hook(committed_world, says("STOP"))
    assert take_reports() == 0
    assert hear_people() == 1


def test_what_nobody_has_heard_is_heard_by_whoever_works_on_reports(committed_world: Any) -> None:
    """The people's own worker may be gone."""
    hook(committed_world, says("STOP"))
    change(InboundEvent, next_attempt_at="2026-01-01T00:00:00Z")
    unheard = 'parley_state{what="words_unheard"}'
    assert f"{unheard} 1.0" in Client().get("/metrics").content.decode()
    assert work_inbound() == 1
    assert f"{unheard} 0.0" in Client().get("/metrics").content.decode()
    with scope(SYSTEM), transaction.atomic():
        assert Grant.objects.get(pk=committed_world.ana.grant.pk).status == "REVOKED"


def test_what_people_say_is_found_without_reading_what_platforms_report(committed_world: Any) -> None:
    receipts = [{**RECEIPT, "delivery": {"watermark": moment}} for moment in range(500)]
    hook(committed_world, *receipts)
    with CaptureQueriesContext(connection) as found:
        hear_people()
    sql = next(one["sql"] for one in found if "GROUP BY conversation" in one["sql"])
    with scope(SYSTEM), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}")
        assert "notifications_inbound_people" in str(cursor.fetchall())


def waiting(lock: str) -> bool:
    """Somebody waits for a lock of that kind."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE locktype = %s AND NOT granted", [lock])
        return cursor.fetchone() is not None
