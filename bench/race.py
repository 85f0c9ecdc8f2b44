"""Stopping while messages flow: how long it takes, and that nothing begins to be sent afterwards.

Four worker processes deliver, the platform reports each message delivered, and people disconnect on their page, write
STOP or take out a kind of message, one of each after the other. What was queued at first is followed by a steady
stream, with messages to those who have stopped among them. Before that, some stop while nothing flows: the baseline.
"""

import hmac
import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.test import Client

from bench.latency import percentiles
from bench.rounds import Row, show
from bench.stage import Stage
from bench.world import World
from consents.choosing import choosable_for
from notifications.nudge import nudge
from portal.demo.addresses import HOST
from portal.demo.world import CustomerStory
from portal.ids import public_id, uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

WORKERS = 4
DELAY_MS = 20
WAVE = 500  # messages that are put into the queue at once
FEED_EVERY = 0.5  # seconds
PAUSE = (0.2, 0.6)  # seconds between two stops of one kind
REST = 10  # the baseline has a tenth of each kind's stops
TOKEN = "a" * 32
LEFT = "TRANSACTIONS"  # in the grant, when the kind that is sent is taken out
_OPEN = """
SELECT count(*) FROM notifications_delivery
WHERE status = 'SENDING' OR status = 'QUEUED' AND next_attempt_at <= now()
"""
# By grant, when nothing more of it, or of what was taken out of it, could be sent
_STOPPED = """
SELECT grant_id, stopped_at FROM consents_grantstop
UNION ALL SELECT target_id, at FROM audit_auditevent WHERE code = 'consent.narrowed'
"""
# What began after the stop of its grant, what leads to no record that was valid then, what was tried, what withdrawn
_FOUND = f"""
WITH s AS ({_STOPPED})
SELECT count(*) FILTER (WHERE a.at > s.stopped_at),
       count(*) FILTER (WHERE a.id IS NOT NULL AND (r.id IS NULL OR a.at NOT BETWEEN r.at AND r.valid_until)),
       count(a.id), count(*) FILTER (WHERE d.status = 'WITHDRAWN'), count(DISTINCT d.id)
FROM notifications_delivery d JOIN notifications_notification n ON n.id = d.notification_id
LEFT JOIN notifications_attempt a ON a.delivery_id = d.id
LEFT JOIN consents_consentrecord r ON r.id = n.record_id
LEFT JOIN s ON s.grant_id = d.grant_id
"""
# By grant, when a worker began with the word
_TAKEN = """
SELECT g.id, extract(epoch FROM e.processed_at) FROM notifications_inboundevent e
JOIN consents_linkedaccount a ON a.sender_id = e.sender_id AND a.address_index = e.conversation
JOIN consents_grant g ON g.account_id = a.id WHERE e.kind = 'message' AND e.processed_at IS NOT NULL
"""
_REPORTS = """
SELECT count(*), count(*) FILTER (WHERE processed_at IS NULL) FROM notifications_inboundevent WHERE kind = 'delivery'
"""


def measure(stage: Stage, world: World, *, messages: int, stops: int) -> None:
    """Ends the run when anything began after its stop, or fewer than `messages` were in the race."""
    sender, secret = world.bank.sender, world.bank.sender_secrets["app_secret"]
    hook = f"http://{HOST}:{stage.port}/hooks/messenger/{sender.id}"
    stub = stage.stub(delay_ms=DELAY_MS, hook=(hook, secret, sender.external_id))
    children = [stage.web(), *stage.workers(), *stage.more_workers(WORKERS - 1)]
    people, first = world.customers[:stops], max(3, stops // REST)
    _all_stop(stage, world, world.customers[-6:])  # until every process works; not counted
    at_rest = _all_stop(stage, world, people[:first])
    world.queue(messages)
    nudge("standard")
    feeding = _Feeding(world)
    feeding.start()
    under_load = _all_stop(stage, world, people[first:])
    [(told, unheard)] = _read(_REPORTS)
    feeding.end()
    _settle()
    [(begun, unproven, sent, withdrawn, total)] = _read(_FOUND)
    stage.stop(*reversed(children), stub.child)
    if begun or unproven or total < messages:
        raise SystemExit(f"{begun} began after their stop, {unproven} lead to no record, of {total} messages")
    show(
        f"Stopping, {stops} times while {total:,} messages flow through {WORKERS} workers",
        [
            *(Row(what, under_load[what], at_rest[what], "p99 ≤ 1 s") for what in under_load),
            Row("sends that began after their stop", f"{begun} of {sent:,}; {withdrawn:,} were withdrawn", "", "0"),
        ],
        [f"Receipts heard by the time of the last stop: {told:,}, of which {unheard:,} still waited."],
    )  # fmt: skip


def _all_stop(stage: Stage, world: World, people: list[CustomerStory]) -> dict[str, str]:
    """A third disconnects, a third writes STOP, a third takes a kind of message out; how long each took."""
    disconnecting, writing, narrowing = people[::3], people[1::3], people[2::3]
    ways: dict[str, list[Callable[[], _Said]]] = {
        "Disconnect": [_disconnect(stage.port, one) for one in disconnecting],
        "STOP in the chat": [partial(_write_stop, stage, world, one) for one in writing],
        "Taking a kind out": [_narrow(stage.port, one) for one in narrowing],
    }
    with ThreadPoolExecutor(len(ways)) as pool:
        said = dict(zip(ways, pool.map(_in_turn, ways.values()), strict=True))
    stopped = _until_stopped({one.grant.id for one in people})
    taken = {grant_id: float(at) for grant_id, at in _read(_TAKEN)}
    found = {}
    for way, all_of_it in said.items():
        found[f"{way}, until nothing more can be sent"] = _percentiles(all_of_it, stopped)
        is_page = way != "STOP in the chat"
        found[f"{way}, until the {'page' if is_page else 'hook'} has answered"] = percentiles(
            [one.answered - one.began for one in all_of_it]
        )
        if not is_page:
            found[f"{way}, until a worker has begun with it"] = _percentiles(all_of_it, taken)
    return found


@dataclass(frozen=True)
class _Said:
    """By whom a stop was sent, when, and when it was answered (Unix time)."""

    grant_id: UUID
    began: float
    answered: float


def _percentiles(said: list[_Said], at: Mapping[UUID, float]) -> str:
    return percentiles([at[one.grant_id] - one.began for one in said])


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
    """A person before a form of their grant's, signed in."""

    def __init__(self, port: int, one: CustomerStory, name: str, **fields: object) -> None:
        session = Client()
        session.force_login(one.person.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        key = session.cookies[settings.SESSION_COOKIE_NAME].value
        self.port, self.path = port, f"/me/grants/{public_id('grt', one.grant.id)}/{name}"
        self.grant_id, self.form = one.grant.id, {"csrfmiddlewaretoken": TOKEN, **fields}
        self.headers = {
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={key}; {settings.CSRF_COOKIE_NAME}={TOKEN}",
            "Content-Type": "application/x-www-form-urlencoded",
        }

    def send(self) -> _Said:
        began = time.time()
        form = urlencode(self.form, doseq=True)
        _post(self.port, self.path, form.encode(), self.headers, expect=302)
        return _Said(self.grant_id, began, time.time())


def _disconnect(port: int, one: CustomerStory) -> Callable[[], _Said]:
    return _Page(port, one, "disconnect").send


def _narrow(port: int, one: CustomerStory) -> Callable[[], _Said]:
    with scope(Principal.system()), transaction.atomic():
        accounts = list(choosable_for(one.grant).held)
    return _Page(port, one, "change", kinds=[LEFT], accounts=accounts).send


def _write_stop(stage: Stage, world: World, one: CustomerStory) -> _Said:
    """As the platform tells us."""
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
    return _Said(one.grant.id, began, time.time())


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


def _in_turn(stops: list[Callable[[], _Said]]) -> list[_Said]:
    found, pause = [], random.Random(1)
    for stop in stops:
        time.sleep(pause.uniform(*PAUSE))  # so that no beat of the clock is always met, or never
        found.append(stop())
    return found


def _until_stopped(grants: set[UUID]) -> dict[UUID, float]:
    """By grant, when it was stopped (Unix time), once all of them are."""
    end = time.monotonic() + 60
    while left := grants - (found := {grant_id: at.timestamp() for grant_id, at in _read(_STOPPED)}).keys():
        if time.monotonic() > end:
            raise SystemExit(f"{len(left)} of {len(grants)} are not stopped")
        time.sleep(0.1)
    return found


def _settle() -> None:
    """Until nothing is due and nothing is under way."""
    end = time.monotonic() + 300
    while left := _read(_OPEN)[0][0]:
        if time.monotonic() > end:
            raise SystemExit(f"{left} deliveries have not ended")
        time.sleep(0.2)


def _read(sql: str) -> list[Any]:
    with scope(Principal.system()), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()
