"""One stage for a whole file, for whatever file asks for it; each test's changes are undone. A plugin of pytest."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from tests.isolation.stage import Stage, make_stage, rolled_back


@pytest.fixture(scope="module")
def _stage(django_db_setup: None, django_db_blocker: Any) -> Iterator[Stage]:
    # On a busy machine a file takes longer than a password counts as given a moment ago
    with (
        override_settings(ACCOUNT_REAUTHENTICATION_TIMEOUT=86_400),
        django_db_blocker.unblock(),
        rolled_back(),
    ):
        yield make_stage()


@pytest.fixture
def stage(_stage: Stage) -> Iterator[Stage]:
    """Everybody and everything."""
    with rolled_back():
        yield _stage
