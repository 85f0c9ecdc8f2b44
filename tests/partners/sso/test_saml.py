"""The optional extra `saml`: what it brings can be imported, and lacks nothing but its own library."""

import importlib
import tomllib
from importlib.metadata import requires
from importlib.util import find_spec

import pytest

from tests.settings.production import ROOT

MODULES = ("provider", "urls", "views")


def test_the_extra_is_allauths() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["optional-dependencies"]["saml"] == ["django-allauth[saml]"]
    brought = [one for one in requires("django-allauth") or [] if 'extra == "saml"' in one]
    assert [one.partition("<")[0] for one in brought] == ["python3-saml"]


@pytest.mark.parametrize("name", MODULES)
def test_it_can_be_imported(name: str) -> None:
    """Without the extra, only the library that it brings is missing."""
    path = f"allauth.socialaccount.providers.saml.{name}"
    if find_spec("onelogin") is None and name != "provider":
        with pytest.raises(ModuleNotFoundError, match="'onelogin'"):
            importlib.import_module(path)
    else:
        assert importlib.import_module(path)
