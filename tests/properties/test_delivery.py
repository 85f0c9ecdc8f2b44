"""A delivery's state only rises, whatever comes back in whatever order and however often."""

import time
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from consents.actions.stop import end_grant
from consents.models import LinkedAccount
from notifications.actions.claim import Claimed, claim_due
from notifications.actions.outcome import Result, write_results
from notifications.actions.receipts import apply_delivery, apply_echo, apply_read
from notifications.actions.sweep import sweep
from notifications.actions.withdraw import cancel_notification
from notifications.channels import Answer, Outcome
from notifications.models import Delivery, Lane
from partners.models import Sender
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.isolation.stage import Stage, balance, rolled_back

from .machine import cast, tried

_S = Delivery.Status
SYSTEM = Principal.system()
# A test's transaction has but one now(): what is to be past is put there.
YESTERDAY = timezone.now() - timedelta(days=1)
ADDRESS = "2001"
WENT = (_S.SENT, _S.DELIVERED, _S.READ)
ENDED = (_S.FAILED, _S.EXPIRED, _S.WITHDRAWN, _S.CANCELLED, _S.UNCONFIRMED)
# From each state, all that may follow. Nothing follows what is not here.
FOLLOWS = {
    _S.QUEUED: {_S.SENDING, _S.SENT, _S.EXPIRED, _S.WITHDRAWN, _S.CANCELLED, _S.FAILED},
    _S.SENDING: {_S.QUEUED, _S.SENT, _S.DELIVERED, _S.READ, _S.FAILED, _S.EXPIRED, _S.UNCONFIRMED},
    _S.UNCONFIRMED: {_S.SENT, _S.DELIVERED, _S.READ},
    _S.SENT: {_S.DELIVERED, _S.READ},
    _S.DELIVERED: {_S.READ},
}


def clear() -> None:
    """The stage's own deliveries are out of the way."""
    with scope(SYSTEM):
        Delivery.objects.update(status=_S.READ)


def queue_one(stage: Stage) -> Delivery:
    """A delivery to Ana, accepted at the front door and due."""
    ana = stage.customers["ana"]
    body = {"customer_ref": "CUST-1", "template": "balance_update", "data": balance(ana)}
    headers = stage.headers("live", "notify:balances")
    answer = Client().post("/api/v1/notifications", body, "application/json", headers=headers)
    assert answer.status_code == 202, answer.content
    with scope(SYSTEM):
        due = Delivery.objects.filter(status=_S.QUEUED)
        due.update(next_attempt_at=YESTERDAY)
        return due.latest("id")


def claim() -> list[Claimed]:
    """What was to be sent, and the moment it might be."""
    return [row for row in claim_due(lane=Lane.STANDARD) if row.status == _S.SENDING]


def answered(row: Claimed, outcome: Outcome, mid: str) -> Result:
    is_sent = outcome is Outcome.SENT
    return Result(row, Answer(outcome, provider_id=mid if is_sent else "", code="" if is_sent else "1"))


def watermark(seconds: int) -> int:
    """That far from now, in milliseconds."""
    return time.time_ns() // 1_000_000 + seconds * 1000


which, seconds = st.integers(0, 1), st.sampled_from([-60, 5, 60])
outcomes = st.sampled_from([*Outcome, *[Outcome.SENT] * 4, Outcome.UNKNOWN, Outcome.TRANSIENT])
EVENTS = st.one_of(
    st.tuples(st.just("take")),
    st.tuples(st.just("answer"), which, outcomes),
    st.tuples(st.just("answer"), which, outcomes),
    st.tuples(st.just("put_back"), which),
    st.tuples(st.just("echo"), which, st.sampled_from(["ours", "ours", "somebody else's"])),
    st.tuples(st.just("receipt"), st.sampled_from([(), (), (0,), (0,), (1,), (0, 1), (1, 1), (2,)]), seconds),
    st.tuples(st.just("read"), st.sampled_from([ADDRESS, ADDRESS, "2002"]), seconds),
    st.tuples(st.just("give_up_waiting")),
    st.tuples(st.sampled_from(["cancel", "run_out", "disconnect"]), which),
)


class Conversation:
    """Two messages to one person, both being sent."""

    def __init__(self, stage: Stage) -> None:
        self.sender, self.who = stage.world.bank.sender, cast(stage, stage.world.bank.partner.id)
        clear()
        self.ids = [queue_one(stage).id, queue_one(stage).id]
        self.claimed: dict[Any, Claimed] = {}
        self.went: set[Any] = set()
        self.rows = self._read()
        self.take()
        self.check()

    def take(self) -> None:
        """All that is queued is due, the person can be reached, and the sender's troubles are over."""
        with scope(SYSTEM):
            Delivery.objects.filter(status=_S.QUEUED).update(next_attempt_at=YESTERDAY)
            LinkedAccount.objects.filter(status="SUSPENDED").update(status="ACTIVE")
            Sender.objects.update(status="ACTIVE", breaker_failures=0, breaker_open_until=None)
        for row in claim():
            assert row.id not in self.went, "what is known to have gone is never sent again"
            self.claimed[row.id] = row

    def answer(self, which: int, outcome: Outcome) -> None:
        """Each claim is answered once, however late."""
        if row := self.claimed.pop(self.ids[which], None):
            write_results([answered(row, outcome, f"m_{row.id.hex}")])
            if outcome is Outcome.SENT and self.rows[row.id].status in (_S.SENDING, _S.UNCONFIRMED):
                self.went.add(row.id)

    def put_back(self, which: int) -> None:
        """It could not begin in time."""
        if self.rows[self.ids[which]].status == _S.SENDING and (
            row := self.claimed.pop(self.ids[which], None)
        ):
            write_results([Result(row, None, wait=1.0)])

    def echo(self, which: int, whose: str) -> None:
        """Comes only for what was handed over."""
        row = self.rows[self.ids[which]]
        if row.attempts:
            reference = row.id.hex if whose == "ours" else whose
            with scope(SYSTEM):
                apply_echo(self.sender, {"metadata": reference, "mid": f"m_{row.id.hex}"})
            if whose == "ours" and row.status in (_S.QUEUED, _S.SENDING, _S.UNCONFIRMED):
                self.went.add(row.id)

    def receipt(self, which: tuple[int, ...], seconds: int) -> None:
        """Of these messages, or of all until then."""
        names = [*(f"m_{one.hex}" for one in self.ids), "m_unknown"]
        mids = {"mids": [names[one] for one in which]} if which else {}
        with scope(SYSTEM):
            apply_delivery(self.sender, ADDRESS, {"watermark": watermark(seconds), **mids})

    def read(self, address: str, seconds: int) -> None:
        with scope(SYSTEM):
            apply_read(self.sender, address, {"watermark": watermark(seconds)})

    def give_up_waiting(self) -> None:
        with scope(SYSTEM):
            Delivery.objects.filter(status=_S.SENDING).update(lease_until=YESTERDAY)
        sweep()

    def cancel(self, which: int) -> None:
        tried(cancel_notification, delivery=self.rows[self.ids[which]], actor=self.who["client"])

    def run_out(self, which: int) -> None:
        with scope(SYSTEM):
            Delivery.objects.filter(pk=self.ids[which], status=_S.QUEUED).update(expires_at=YESTERDAY)
        sweep()

    def disconnect(self, which: int) -> None:
        with scope(SYSTEM):
            Delivery.objects.filter(status=_S.SENDING).update(start_by=YESTERDAY)
        grant = self.rows[self.ids[which]].grant_id
        tried(end_grant, grant_id=grant, actor=self.who["person"], reason="test")

    def check(self) -> None:
        """What holds after each event."""
        before, self.rows = self.rows, self._read()
        for key, row in self.rows.items():
            was = before[key].status
            assert row.status == was or row.status in FOLLOWS.get(was, ()), f"{was} > {row.status}"
            assert (row.ended_at is not None) == (row.status in ENDED), (
                f"{row.status} ended at {row.ended_at}"
            )
            assert row.status in WENT or key not in self.went, (
                f"it is known to have gone, and is {row.status}"
            )
            assert row.sent_at or row.status not in WENT
            assert row.delivered_at or row.status not in (_S.DELIVERED, _S.READ)
            assert (row.read_at is not None) == (row.status == _S.READ)
            assert row.attempts >= 0

    def _read(self) -> dict[Any, Delivery]:
        with scope(SYSTEM):
            return {row.id: row for row in Delivery.objects.filter(pk__in=self.ids)}


@given(events=st.lists(EVENTS, min_size=4, max_size=12))
@example(
    events=[
        ("answer", 0, Outcome.UNKNOWN),
        ("give_up_waiting",),
        ("receipt", (0,), 5),
        ("echo", 0, "ours"),
        ("receipt", (0,), 5),
    ]
)
@example(events=[("echo", 0, "ours"), ("answer", 0, Outcome.PERMANENT)])
@example(events=[("give_up_waiting",), ("answer", 0, Outcome.SENT)])
@example(events=[("answer", 0, Outcome.TRANSIENT), ("echo", 0, "ours"), ("take",)])
def test_a_state_only_rises(stage: Stage, events: list[tuple[Any, ...]]) -> None:
    with rolled_back():
        conversation = Conversation(stage)
        for name, *arguments in events:
            getattr(conversation, name)(*arguments)
            conversation.check()


# What comes back about one send; what is asked to come again later comes again at the end.
BACK = ("answer", "echo", "receipt", "read")


@pytest.mark.parametrize("has_mids", [True, False], ids=["by message id", "by watermark"])
@pytest.mark.parametrize("outcome", [Outcome.SENT, Outcome.UNKNOWN])
def test_the_order_in_which_things_come_back_makes_no_difference(
    stage: Stage, outcome: Outcome, has_mids: bool
) -> None:
    orders = [order for size in range(1, 5) for order in permutations(BACK, size)]
    if outcome is Outcome.UNKNOWN:
        orders = [order for order in orders if "echo" in order]  # nothing else ties a receipt to it
    wrong = {}
    with rolled_back():
        clear()
        queue_one(stage)
        [row] = claim()
        for order in orders:
            with rolled_back():
                ended = _replay(stage.world.bank.sender, row, order, outcome, has_mids)
            if ended != _highest(order):
                wrong[" > ".join(order)] = ended
    assert wrong == {}


def _highest(order: tuple[str, ...]) -> str:
    if "answer" not in order and "echo" not in order:
        return _S.SENDING  # nobody has told us yet which message it was
    return (_S.SENT, _S.SENT, _S.DELIVERED, _S.READ)[max(map(BACK.index, order))]


def _replay(sender: Sender, row: Claimed, order: tuple[str, ...], outcome: Outcome, has_mids: bool) -> str:
    mids = {"mids": ["m_1"]} if has_mids else {}
    late = watermark(5)
    steps = {
        "answer": lambda: write_results([answered(row, outcome, "m_1")]) or True,
        "echo": lambda: apply_echo(sender, {"metadata": row.id.hex, "mid": "m_1"}),
        "receipt": lambda: apply_delivery(sender, ADDRESS, {"watermark": late, **mids}),
        "read": lambda: apply_read(sender, ADDRESS, {"watermark": late}),
    }
    again = [name for name in order if name != "answer"]  # platforms repeat themselves, a worker does not
    with scope(SYSTEM), transaction.atomic():
        waiting = [name for name in [*order, *again] if not steps[name]()]
        for name in waiting:
            steps[name]()
        return Delivery.objects.get(pk=row.id).status
