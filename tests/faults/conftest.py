"""One demo for all tests that break it; each test has a bank of its own there."""

from collections.abc import Generator, Iterator

import pytest

from tests.faults.kit import TIMES, Bank, Demo, own_demo, until

RACING = [f"racing-{number}" for number in range(5)]
# How many customers each bank has. Every test names its own by the parameter `slug`.
BANKS = {
    "killed": 12,
    "emptied": 20,
    "broken": 20,
    "frozen": 10,
    "database": 20,
    "unwritten": 5,
    "failing": 12,
    "late": 1,
    "throttled": 1,
    "limited": 4,
    "blocked": 1,
    "away": 5,
    "silent": 3,
    "shuffled": 5,
    "forged": 1,
    **dict.fromkeys(RACING, 20),
    "unreached": 10,
    "talkative": 20,
    "cancelled": 20,
    "hung": 20,
    "neighbour": 1,
    "ledger": 20,
}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows with a failure what went on in the demo, whose logs are gone soon after."""
    report = yield
    demo = getattr(item, "funcargs", {}).get("demo")
    if report.failed and demo is not None:
        report.sections.append(("The demo", demo.troubles()))
    return report


@pytest.fixture(scope="session")
def started() -> Iterator[Demo]:
    """Running."""
    with own_demo(**TIMES) as demo:
        demo.start()
        yield demo


@pytest.fixture(scope="session")
def founded(started: Demo) -> dict[str, Bank]:
    """A bank for every test, by slug: made for those that ask for one, as it takes a while."""
    return started.make_banks(BANKS)


@pytest.fixture
def demo(started: Demo) -> Demo:
    """Whole again after what the last test did to it."""
    until(started.is_whole, seconds=60, what="every process of the demo")
    return started


@pytest.fixture
def banks(demo: Demo, founded: dict[str, Bank]) -> Iterator[dict[str, Bank]]:
    """By slug. The platform behaves towards all of them afterwards, and no test may bring about a deadlock."""
    before = demo.deadlocks()
    yield founded
    for bank in founded.values():
        bank.fault()
    assert demo.deadlocks() == before


@pytest.fixture
def bank(banks: dict[str, Bank], slug: str) -> Bank:
    """The test's own, by its parameter `slug`."""
    return banks[slug]
