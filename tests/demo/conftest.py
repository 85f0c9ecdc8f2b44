"""Folders for the launcher's tests: short, because a socket's path is, and open to the servers' account."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty place for a state folder."""
    folder = Path(tempfile.mkdtemp(prefix="parley-test-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder / "state"
    shutil.rmtree(folder, ignore_errors=True)
