"""A commit wakes a real worker through the real broker; without a broker the rows wait, and nothing else happens."""

import threading
from typing import Any
from uuid import uuid4

import pytest
from celery.contrib.testing.worker import start_worker
from django.db import connections

from partners.tasks import deliver_webhooks
from partners.webhooks.wake import take_wake
from portal.celery import app

from .conftest import PATIENCE, deliveries


@pytest.fixture
def worker(bank: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A worker of the events queue, in threads of this process; none keeps its connection to this database."""
    monkeypatch.setitem(app.conf, "CELERY_DB_REUSE_MAX", None)
    take_wake()
    with start_worker(app, pool="threads", queues="events", perform_ping_check=False, loglevel="ERROR"):
        yield
    connections.close_all()


def test_an_event_is_sent_as_soon_as_it_is_committed(bank: Any, server: Any, worker: Any) -> None:
    """No beat runs here: only the call after the commit can have done it."""
    proven, came = threading.Event(), threading.Event()

    def note(call: Any) -> tuple[int, dict[str, str], bytes]:
        (proven if call.json["type"] == "webhook.challenge" else came).set()
        return 200, {}, call.body

    server.behaviours["/hook"] = note
    endpoint, _ = bank.add(server.url())
    assert proven.wait(PATIENCE)
    bank.tell(grant_id=uuid4())
    assert came.wait(PATIENCE)
    assert len(deliveries(endpoint)) == 1


def test_beat_looks_for_what_no_call_announced() -> None:
    app.loader.import_default_modules()
    scheduled = {(one["task"], one["options"]["queue"]) for one in app.conf.beat_schedule.values()}
    assert (deliver_webhooks.name, "events") in scheduled
    assert {task for task, _ in scheduled} <= set(app.tasks)
    assert {queue for _, queue in scheduled} == {"urgent", "standard", "people", "events"}
