"""A bank leaves while 1,000 of its messages are queued and workers send: none leaves after the commit."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction

from notifications.actions.deliver import deliver_batch
from notifications.models import Delivery, Lane
from partners.models import ApiClient, Partner
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.notifications.conftest import BALANCE, Api
from tests.partners.clients.kit import signed_in

SYSTEM = Principal.system()
QUEUED = 1_000
SENT_BEFORE = 60
LAG = 0.1  # seconds that a request under way may take to arrive on a busy machine


@pytest.fixture
def arrivals(settings: Any) -> Iterator[list[float]]:
    """When each message reached the platform."""

    class Platform(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            found.append(time.monotonic())
            self.rfile.read(int(self.headers["Content-Length"]))
            content = json.dumps({"recipient_id": "r", "message_id": f"m_{time.monotonic_ns()}"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    found: list[float] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Platform)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    settings.MESSENGER_GRAPH_URL = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()


def _statuses() -> list[str]:
    with scope(SYSTEM), transaction.atomic():
        return list(Delivery.objects.values_list("status", flat=True))


def _until(is_true: Any, what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"no {what} in {seconds} s"
        time.sleep(0.02)


def _work(stop: threading.Event) -> None:
    """What a worker does all day."""
    try:
        while not stop.is_set():
            deliver_batch(lane=Lane.STANDARD)
    finally:
        connection.close()


def test_none_of_1000_queued_leaves_after_the_bank_has_left(
    committed_world: SimpleNamespace, arrivals: list[float]
) -> None:
    with scope(Principal.system()), transaction.atomic():
        ApiClient.objects.update(rate_per_second=5_000)
    api = Api(committed_world.bank.clients["live"])
    owner = signed_in(committed_world.bank.members[0].user)
    one = {"customer_ref": "CUST-1", "template": "balance_update", "data": BALANCE}
    taken = api.post("/notifications/batch", {"notifications": [one] * QUEUED}).json()["data"]
    assert {item["status"] for item in taken} == {"ACCEPTED"}
    stop = threading.Event()
    worker = threading.Thread(target=_work, args=(stop,))
    worker.start()
    try:
        _until(lambda: len(arrivals) >= SENT_BEFORE, "message")
        answer = owner.post("/partners/norden/leave/now", {"name": "Norden Bank"})
        left = time.monotonic()
        assert answer.status_code == 302
        refused = api.send()
        _until(lambda: "QUEUED" not in _statuses(), "end of the queue")
    finally:
        stop.set()
        worker.join()
    assert [at - left for at in arrivals if at > left + LAG] == []
    statuses = _statuses()
    assert len(statuses) == QUEUED
    assert set(statuses) == {"SENT", "WITHDRAWN"}
    assert statuses.count("SENT") == len(arrivals)
    assert statuses.count("WITHDRAWN") > QUEUED / 2
    assert (refused.status_code, refused.json()["code"]) == (403, "partner_suspended")
    with scope(SYSTEM), transaction.atomic():
        assert Partner.objects.get(slug="norden").status == Partner.Status.SURRENDERED
