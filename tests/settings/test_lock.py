"""The lock files: every package with its hashes, and no word about where to take it from."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.settings.production import ROOT

FILES = (
    "requirements-bootstrap.lock",
    "requirements.lock",
    "requirements-saml.lock",
    "requirements-dev.lock",
)
PIN = re.compile(r"([a-z0-9][a-z0-9._-]*)==([^\s;]+)(?: ; .+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")


def pins(name: str) -> dict[str, str]:
    """Versions by package; fails on a line that is neither a pin nor one of its hashes."""
    found: dict[str, str] = {}
    lines = (ROOT / name).read_text().splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if pin := PIN.fullmatch(line):
            found[canonicalize_name(pin[1])] = pin[2]
            assert HASH.fullmatch(following), f"{name}: {pin[1]} has no hash"
        else:
            assert HASH.fullmatch(line), f"{name}: {line}"
    return found


@pytest.mark.parametrize("name", FILES)
def test_every_pin_has_a_hash_and_no_line_names_a_host(name):
    assert pins(name)


def test_development_adds_to_what_production_installs_and_changes_none_of_it():
    production, with_saml, development = (pins(name) for name in FILES[1:])

    assert production.items() < with_saml.items() < development.items()


def test_every_dependency_is_pinned_at_a_version_that_it_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [
        *((one, "requirements.lock") for one in project["dependencies"]),
        *((one, "requirements-saml.lock") for one in project["optional-dependencies"]["saml"]),
        *((one, "requirements-dev.lock") for one in project["optional-dependencies"]["dev"]),
    ]
    for text, file in asked:
        wanted = Requirement(text)
        version = pins(file).get(canonicalize_name(wanted.name))
        assert version is not None, f"{file} lacks {wanted.name}: run make lock"
        assert wanted.specifier.contains(version), f"{file} has {wanted.name} {version}: run make lock"
