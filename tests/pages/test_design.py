"""The design system is whole, shown, and small."""

import re

import pytest
from django.test import Client

from partners.clusters import Cluster, Purpose
from portal.design.states import KINDS, PURPOSES, STATES
from tests.conftest import ROOT

PARTS = {path.name for path in (ROOT / "templates/parts").iterdir()}
STYLES = (ROOT / "portal/static/parley/parley.css").read_text()


@pytest.mark.django_db
def test_the_page_shows_every_state() -> None:
    page = Client().get("/docs/design").content.decode()
    for state, shown in STATES.items():
        assert f"<code>{state}</code>" in page
        assert str(shown.word) in page


def test_every_part_is_used() -> None:
    included = {
        name
        for path in (ROOT / "templates").rglob("*.html")
        for name in re.findall(r'include "parts/([a-z_]+\.html)"', path.read_text())
    }
    assert included == PARTS


def test_every_kind_of_message_has_its_reason() -> None:
    assert set(KINDS) == set(Cluster.values)
    assert set(PURPOSES) == {purpose.value for purpose in Purpose}


def test_every_colour_is_a_token() -> None:
    without_tokens = re.sub(r"@layer tokens \{.*?\n\}", "", STYLES, flags=re.DOTALL)
    band = re.search(r"\.sandbox-band \{[^}]*\}", without_tokens)
    assert band
    rest = without_tokens.replace(band[0], "").replace("background: #fff; }", "")  # a QR code is never dark
    assert re.findall(r"oklch|#[0-9a-f]{3,6}\b|rgba?\(", rest) == []


def test_the_stylesheet_stays_small() -> None:
    assert len(STYLES.encode()) < 25_000
    assert "url(" not in STYLES
