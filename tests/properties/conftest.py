"""Property tests: the same examples in every build. HYPOTHESIS_PROFILE=search tries new and more of them, and
takes its time to find the shortest one that fails.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, configuration, settings

from tests.conftest import ROOT
from tests.isolation.stage import Stage, make_stage, rolled_back

configuration.set_hypothesis_home_dir(ROOT / "var" / "hypothesis")
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile(
    "build",
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=SLOW,
)
settings.register_profile(
    "search", settings.get_profile("build"), derandomize=False, phases=list(Phase), max_examples=1000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "build"))


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: Any) -> Iterator[Stage]:
    """Two banks with teams, customers and sandboxes, once for a file; each example undoes what it did."""
    with django_db_blocker.unblock(), rolled_back():
        yield make_stage()
