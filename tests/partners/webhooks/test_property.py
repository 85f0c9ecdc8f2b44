"""Whatever a server answers, whoever dies and whoever else sends: each message ends, in order for its grant."""

import os
import subprocess
import sys
from collections import defaultdict
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings as django_settings
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from partners.actions.webhooks import delete_endpoint
from partners.webhooks.actions.claim import claim_due
from partners.webhooks.engine import deliver_due
from tests.conftest import ROOT

from .conftest import ask, deliveries, let_time_pass

ANSWERS = st.lists(st.sampled_from([200, 204, 500, 429, 302, 400, 0, 410]), min_size=1, max_size=30)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), st.integers(0, 2)), st.sampled_from([("send", 0), ("wait", 0), ("die", 0)])
    ),
    min_size=1,
    max_size=20,
)
numbers = count()


def act(bank: Any, step: str, grant: UUID) -> None:
    if step == "tell":
        bank.tell(grant_id=grant)
    elif step == "wait":
        let_time_pass()
    elif step == "send":
        deliver_due()
    else:
        claim_due(3)
        ask("UPDATE partners_webhookdelivery SET lease_until = now() WHERE lease_until IS NOT NULL")


def until_all_have_ended(endpoint: Any) -> list[Any]:
    """At most so often as the messages together may be tried."""
    for _ in range(8 * 25):
        rows = deliveries(endpoint)
        if all(row.status != "PENDING" for row in rows):
            return rows
        let_time_pass()
        deliver_due()
    raise AssertionError("Some message never ends.")


def test_each_message_ends_delivered_or_given_up_in_order(bank: Any, server: Any) -> None:
    @given(answers=ANSWERS, steps=STEPS)
    @example(answers=[500], steps=[("tell", 0), ("tell", 0), ("tell", 1)])
    @example(answers=[410], steps=[("tell", 0), ("send", 0), ("tell", 0)])
    @example(
        answers=[200], steps=[("tell", 0), ("die", 0), ("tell", 0), ("die", 0), ("wait", 0), ("send", 0)]
    )
    @settings(
        max_examples=20,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def holds(answers: list[int], steps: list[tuple[str, int]]) -> None:
        path = f"/{next(numbers)}"
        endpoint = bank.listen(server.url(path))
        given_answers: dict[str, int] = {}

        def reply(call: Any) -> tuple[int, dict[str, str], bytes]:
            status = answers[min(sum(given_answers.values()), len(answers) - 1)]
            given_answers[call.id] = given_answers.get(call.id, 0) + 1
            return status, {}, b""

        server.behaviours[path] = reply
        grants = [uuid4() for _ in range(3)]
        for step, number in steps:
            act(bank, step, grants[number])
        rows = until_all_have_ended(endpoint)
        check(rows, server.at(path))
        delete_endpoint(endpoint_id=endpoint.id, actor=bank.owner)

    holds()


def check(rows: list[Any], calls: list[Any]) -> None:
    """Nobody is missing, nothing comes before its turn, and one message is one id and one body."""
    allowed = {("DELIVERED", ""), ("FAILED", "exhausted"), ("FAILED", "endpoint_disabled")}
    assert {(row.status, row.reason) for row in rows} <= allowed
    by_id = defaultdict(set)
    for call in calls:
        by_id[call.id].add(call.body)
    assert all(len(bodies) == 1 for bodies in by_id.values())
    assert set(by_id) <= {f"evt_{row.message_id.hex}" for row in rows}
    grants = {f"evt_{row.message_id.hex}": row.grant_id for row in rows}
    seen: dict[UUID, int] = defaultdict(int)
    for call in calls:
        sequence = call.json["data"]["sequence"]
        assert sequence >= seen[grants[call.id]]
        seen[grants[call.id]] = sequence
    delivered = {f"evt_{row.message_id.hex}" for row in rows if row.status == "DELIVERED"}
    assert delivered <= set(by_id)


WORKER = """
import django; django.setup()
from partners.webhooks.engine import deliver_due
print("ready", flush=True); input()
print(sum(deliver_due() for _ in range(40)))
"""


def test_two_worker_processes_send_each_message_once_and_in_order(bank: Any, server: Any) -> None:
    endpoints = [bank.listen(server.url(f"/{number}")) for number in range(3)]
    grants = [uuid4() for _ in range(6)]
    for _ in range(10):
        for grant in grants:
            bank.tell(grant_id=grant)
    name = django_settings.DATABASES["default"]["NAME"]
    environment = {
        **os.environ,
        "DATABASE_URL": django_settings.DATABASE_URL.replace("/parley?", f"/{name}?"),
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "OUTBOUND_ALLOW_LOOPBACK": "1",
    }
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=environment, **pipes) for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    taken = [int(worker.communicate(timeout=60)[0]) for worker in workers]
    assert sum(taken) + deliver_due() == 180
    for number, endpoint in enumerate(endpoints):
        rows, calls = deliveries(endpoint), server.at(f"/{number}")
        assert {row.status for row in rows} == {"DELIVERED"}
        assert len(calls) == len({call.id for call in calls}) == 60
        check(rows, calls)
