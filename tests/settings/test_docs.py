"""The documents speak of what is there: files, make targets, variables, addresses of the API."""

import re
from pathlib import Path

import pytest
from django.urls import Resolver404, resolve

from portal.sandbox.app import routes
from tests.settings.production import ROOT, run

DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
CALL = re.compile(r"`(GET|POST|PATCH|DELETE) (/[\w{}/-]+)`")
SHELL_CALL = re.compile(r"\$(?:WEB|PHONES)(/[\w$/.-]*)")
MISSING = "not there yet"
SANDBOX = {(route.method, route.path) for route in routes()}

names = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]
each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=names)


def resolves(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def is_call(method: str, path: str) -> bool:
    """Of the API, or of the sandbox."""
    if (method, path) in SANDBOX:
        return True
    address = "/api/v1" + re.sub(r"\{\w+\}", "x", path)
    return resolves(address) and hasattr(resolve(address).func.cls, method.lower())


def anchors(text: str) -> set[str]:
    """The headings, as a link names them."""
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in found}


@each_document
def test_every_link_leads_somewhere(path: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), target
        assert not anchor or anchor in anchors(there.read_text()), target


@each_document
def test_every_make_target_exists(path: Path):
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = re.findall(r"(?:`|^ {4}|&& )make ([a-z]+)", path.read_text(), re.MULTILINE)

    assert set(asked) <= targets


@each_document
def test_every_file_that_is_named_exists(path: Path):
    folders = "bench|consents|deploy|docs|notifications|partners|portal|tests|tools"
    for name in re.findall(rf"`((?:{folders})/[\w./*-]+)`", path.read_text()):
        assert list(ROOT.glob(name)), name


@each_document
def test_every_call_of_the_api_exists_unless_the_document_says_that_it_does_not(path: Path):
    paragraphs = (" ".join(one.split()) for one in path.read_text().split("\n\n"))
    for paragraph in paragraphs:
        for method, call in CALL.findall(paragraph):
            assert is_call(method, call) != (MISSING in paragraph), f"{method} {call}: {paragraph}"


@each_document
def test_every_address_in_a_shell_block_exists(path: Path):
    for block in re.findall(r"```sh\n(.*?)```", path.read_text(), re.DOTALL):
        for address in SHELL_CALL.findall(block):
            address = re.sub(r"\$[A-Z]+", "x", address)
            assert ("GET", address) in SANDBOX or resolves(address), address


def test_every_variable_that_is_read_is_documented_and_no_other():
    reading = "from portal import settings; print(*settings.ENVIRONMENT.read)"
    read = {
        name for env in ("production", "test") for name in run("-c", reading, PARLEY_ENV=env).stdout.split()
    }
    table = (ROOT / "docs" / "operations.md").read_text().split("## Variables")[1].split("\n## ")[0]

    assert set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE)) == read


def test_every_decision_has_its_parts_and_the_next_number():
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    for number, path in enumerate(decisions, start=1):
        text = path.read_text()
        assert path.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        assert "\nStatus: " in text
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], path.name


def test_a_picture_is_small_enough_to_wait_for():
    for path in (ROOT / "docs" / "images").iterdir():
        assert path.stat().st_size <= 200_000, path.name
