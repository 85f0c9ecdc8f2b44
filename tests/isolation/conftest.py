"""One stage for a whole file; each test's changes are undone."""

from collections.abc import Iterator
from typing import Any

import pytest

from .stage import Stage, make_stage, rolled_back


@pytest.fixture(scope="module")
def _stage(django_db_setup: None, django_db_blocker: Any) -> Iterator[Stage]:
    with django_db_blocker.unblock(), rolled_back():
        yield make_stage()


@pytest.fixture
def stage(_stage: Stage) -> Iterator[Stage]:
    """Everybody and everything."""
    with rolled_back():
        yield _stage
