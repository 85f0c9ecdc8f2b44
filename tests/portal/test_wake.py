"""One call of a name waits at a time; a broker that is away holds nobody up."""

import threading
from uuid import uuid4

from portal.api import valkey
from portal.wake import take_wake, wake


def test_calls_are_sent_once_until_a_worker_has_begun() -> None:
    one, other = f"test-{uuid4()}", f"test-{uuid4()}"
    sent: list[str] = []
    come = threading.Event()

    def ask_and_wait(name: str) -> None:
        come.clear()
        wake(name, lambda: sent.append(name))
        marker = f"test-{uuid4()}"
        wake(marker, come.set)  # the thread takes them in order
        assert come.wait(5)

    ask_and_wait(one)
    ask_and_wait(one)
    ask_and_wait(other)
    assert sent == [one, other]
    take_wake(one)
    ask_and_wait(one)
    assert sent == [one, other, one]


def test_one_that_cannot_be_sent_stops_no_other() -> None:
    def fail() -> None:
        raise OSError("the broker is away")

    come = threading.Event()
    wake(f"test-{uuid4()}", fail)
    wake(f"test-{uuid4()}", come.set)
    assert come.wait(5)


def test_without_valkey_nothing_waits() -> None:
    valkey._down_until = float("inf")
    try:
        wake("test", lambda: None)
        take_wake("test")
    finally:
        valkey._down_until = 0.0
