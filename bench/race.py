"""Stopping while messages flow: how long it takes, and that nothing begins to be sent afterwards.

Four worker processes deliver, and people disconnect on their page or write STOP, one of each after the other. What was
queued at first is followed by a steady stream, with messages to those who have stopped among them.
"""

import hmac
import http.client
import json
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.test import Client

from bench.latency import percentiles
from bench.rounds import Row, show
from bench.stage import Stage
from bench.world import World
from notifications.nudge import nudge
from portal.demo.addresses import HOST
from portal.demo.world import CustomerStory
from portal.ids import public_id, uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

T = TypeVar("T")
WORKERS = 4
DELAY_MS = 20
WAVE = 500  # messages that are put into the queue at once
FEED_EVERY = 0.5  # seconds
PAUSE = (0.2, 0.6)  # seconds between two stops of one kind
TOKEN = "a" * 32
_OPEN = """
SELECT count(*) FROM notifications_delivery
WHERE status = 'SENDING' OR status = 'QUEUED' AND next_attempt_at <= now()
"""
# What began after the stop of its grant, what leads to no record that was valid then, what was tried, what withdrawn
_FOUND = """
SELECT count(*) FILTER (WHERE a.at > s.stopped_at),
       count(*) FILTER (WHERE a.id IS NOT NULL AND (r.id IS NULL OR a.at NOT BETWEEN r.at AND r.valid_until)),
       count(a.id), count(*) FILTER (WHERE d.status = 'WITHDRAWN'), count(DISTINCT d.id)
FROM notifications_delivery d JOIN notifications_notification n ON n.id = d.notification_id
LEFT JOIN notifications_attempt a ON a.delivery_id = d.id
LEFT JOIN consents_consentrecord r ON r.id = n.record_id
LEFT JOIN consents_grantstop s ON s.grant_id = d.grant_id
"""


def measure(stage: Stage, world: World, *, messages: int, stops: int) -> None:
    """Ends the run when anything began after its stop, or fewer than `messages` were in the race."""
    stub = stage.stub(delay_ms=DELAY_MS)
    children = [stage.web(), *stage.workers(), *stage.more_workers(WORKERS - 1)]
    people = world.customers[:stops]
    pages = [_Page(stage.port, one) for one in people[::2]]
    world.queue(messages)
    nudge("standard")
    feeding = _Feeding(world)
    feeding.start()
    with ThreadPoolExecutor(2) as pool:
        by_page = pool.submit(_in_turn, [page.disconnect for page in pages])
        by_word = pool.submit(_in_turn, [partial(_write_stop, stage, world, one) for one in people[1::2]])
        asked = {one.grant.id: began for one, (began, _) in zip(people[::2], by_page.result(), strict=True)}
        told = {one.grant.id: began for one, began in zip(people[1::2], by_word.result(), strict=True)}
    stopped = _stopped(stops)
    feeding.end()
    _settle()
    [(begun, unproven, sent, withdrawn, total)] = _read(_FOUND)
    stage.stop(*reversed(children), stub.child)
    if begun or unproven or total < messages:
        raise SystemExit(f"{begun} began after their stop, {unproven} lead to no record, of {total} messages")
    answers = [answered - began for began, answered in by_page.result()]
    show(
        f"Stopping, while {total:,} messages flow through {WORKERS} workers",
        [
            Row(f"{len(asked)} × Disconnect: until the page has its answer", percentiles(answers), "", "p99 ≤ 1 s"),
            Row("of it, until nothing more can be sent", percentiles(_seconds(asked, stopped))),
            Row(f"{len(told)} × STOP: from the hook until nothing more can be sent",
                percentiles(_seconds(told, stopped)), "", "p99 ≤ 1 s"),
            Row("sends that began after their stop", f"{begun} of {sent:,}; {withdrawn:,} were withdrawn", "", "0"),
        ],
        [],
    )  # fmt: skip


class _Feeding(threading.Thread):
    """A steady stream into the queue, beside what was in it at first."""

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True)
        self.world, self.is_over = world, threading.Event()

    def run(self) -> None:
        while not self.is_over.wait(FEED_EVERY):
            self.world.queue(WAVE)
            nudge("standard")
        connection.close()

    def end(self) -> None:
        self.is_over.set()
        self.join()


class _Page:
    """A person before the page that asks whether to disconnect, signed in."""

    def __init__(self, port: int, one: CustomerStory) -> None:
        session = Client()
        session.force_login(one.person.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        key = session.cookies[settings.SESSION_COOKIE_NAME].value
        self.port, self.path = port, f"/me/grants/{public_id('grt', one.grant.id)}/disconnect"
        self.headers = {
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={key}; {settings.CSRF_COOKIE_NAME}={TOKEN}",
            "Content-Type": "application/x-www-form-urlencoded",
        }

    def disconnect(self) -> tuple[float, float]:
        """When it was sent and when it was answered (Unix time)."""
        began = time.time()
        form = urlencode({"csrfmiddlewaretoken": TOKEN})
        _post(self.port, self.path, form.encode(), self.headers, expect=302)
        return began, time.time()


def _write_stop(stage: Stage, world: World, one: CustomerStory) -> float:
    """As the platform tells us; when."""
    sender, secret = world.bank.sender, world.bank.sender_secrets["app_secret"]
    event = {
        "sender": {"id": one.address},
        "recipient": {"id": sender.external_id},
        "timestamp": time.time_ns() // 1_000_000,
        "message": {"mid": f"m_{uuid7().hex}", "text": "STOP"},
    }
    entry = {"id": sender.external_id, "time": 0, "messaging": [event]}
    body = json.dumps({"object": "page", "entry": [entry]}).encode()
    signed = hmac.new(secret.encode(), body, "sha256").hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={signed}", "Content-Type": "application/json"}
    began = time.time()
    _post(stage.port, f"/hooks/messenger/{sender.id}", body, headers, expect=200)
    return began


def _post(port: int, path: str, body: bytes, headers: dict[str, str], *, expect: int) -> None:
    connected = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connected.request("POST", path, body, headers)
        answer = connected.getresponse()
        content = answer.read()
    finally:
        connected.close()
    if answer.status != expect:
        raise SystemExit(f"{path}: {answer.status} {content[:300]!r}")


def _in_turn(stops: list[Callable[[], T]]) -> list[T]:
    found, pause = [], random.Random(1)
    for stop in stops:
        time.sleep(pause.uniform(*PAUSE))  # so that no beat of the clock is always met, or never
        found.append(stop())
    return found


def _stopped(count: int) -> dict[UUID, float]:
    """By grant, when it was stopped (Unix time), once all are."""
    end = time.monotonic() + 60
    while (
        len(found := _read("SELECT grant_id, extract(epoch FROM stopped_at) FROM consents_grantstop")) < count
    ):
        if time.monotonic() > end:
            raise SystemExit(f"only {len(found)} of {count} are stopped")
        time.sleep(0.1)
    return {grant_id: float(at) for grant_id, at in found}


def _seconds(began: dict[UUID, float], stopped: dict[UUID, float]) -> list[float]:
    return [stopped[grant_id] - at for grant_id, at in began.items()]


def _settle() -> None:
    """Until nothing is due and nothing is under way."""
    end = time.monotonic() + 60
    while left := _read(_OPEN)[0][0]:
        if time.monotonic() > end:
            raise SystemExit(f"{left} deliveries have not ended")
        time.sleep(0.2)


def _read(sql: str) -> list[Any]:
    with scope(Principal.system()), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()
