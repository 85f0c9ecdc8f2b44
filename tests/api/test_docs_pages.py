"""The pages that explain the API: complete, true, and fit for everybody."""

import html
import json
import re
import shlex
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from notifications.serializers import EXAMPLES
from portal.api.openapi import document
from portal.api.problems import PROBLEMS
from tests.conftest import CHROMIUM
from tests.looks import looks_right

OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
}


@pytest.fixture
def page(client: Any) -> str:
    """/docs/api."""
    return client.get("/docs/api").content.decode()


def section_of(page: str, name: str) -> str:
    """What the page says of an operation, without its tags."""
    (found,) = re.findall(rf'<section aria-labelledby="{name}">(.*?)</section>', page, re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", found))


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_there_with_all_it_takes_and_gives(page: str, name: str) -> None:
    method, path, operation = OPERATIONS[name]
    text = section_of(page, name)

    assert operation["summary"] in text
    assert f"{method} {path}" in text
    codes = re.findall(r"[a-z_]+ \d{3}", text.partition("Problems:")[2])
    assert {code.split()[0] for code in codes} == {
        code
        for answer in operation["responses"].values()
        for one in answer.get("content", {})
        .get("application/problem+json", {})
        .get("schema", {})
        .get("allOf", [])
        for code in one.get("properties", {}).get("code", {}).get("enum", [])
    }


def test_the_first_message_is_the_example_that_works(page: str) -> None:
    start = html.unescape(page[page.index('id="start"') : page.index('id="conventions"')])
    (command,) = re.findall(r"<code>(curl -s -H [^<]*notifications\")</code>", start.replace("?limit=1", ""))[
        :1
    ]
    words = shlex.split(command.replace("\\\n", " "))

    assert json.loads(words[words.index("-d") + 1]) == EXAMPLES["BALANCES"]
    assert words[-1] == "$BASE_URL/api/v1/notifications"


def test_every_cluster_has_its_fields_and_an_example(page: str) -> None:
    data = page[page.index('id="data"') : page.index('id="problems"')]

    for cluster, example in EXAMPLES.items():
        (part,) = re.findall(rf'id="{cluster}">.*?(?=<h3|<h2|$)', data, re.DOTALL)
        for name in example["data"]:
            assert f"<code>{name}</code>" in part
        assert (
            json.loads(html.unescape(re.findall(r"<pre><code>(.*?)</code>", part, re.DOTALL)[0])) == example
        )


def test_every_link_leads_somewhere(client: Any, db: None, page: str) -> None:
    ids = re.findall(r'id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for target in set(re.findall(r'href="([^"]+)"', page)):
        if target.startswith("#"):
            assert target[1:] in ids, target
        else:
            answer = client.get(target)
            answer.close()
            assert answer.status_code in (200, 302), target


@pytest.mark.parametrize("code", PROBLEMS)
def test_every_problem_has_a_page_with_its_cause_and_what_to_do(client: Any, code: str) -> None:
    text = html.unescape(client.get(f"/docs/errors/{code}").content.decode())
    kind = PROBLEMS[code]

    assert len(kind.fix) > 15
    for words in (kind.title, kind.explanation, kind.fix):
        assert re.sub("`", "", words) in re.sub(r"</?code>|`", "", text)
    given_by = {
        name
        for name, (_, _, one) in OPERATIONS.items()
        if any(f'"{code}"' in json.dumps(why) for status, why in one["responses"].items() if status >= "300")
    }
    assert set(re.findall(r'/docs/api#(\w+)"', text)) == given_by


def test_no_page_for_what_is_no_code(client: Any) -> None:
    assert client.get("/docs/errors/unheard-of").status_code == 404


@pytest.mark.browser
def test_the_pages_are_accessible_in_both_themes_and_on_a_phone() -> None:
    from playwright.sync_api import sync_playwright

    server, errors = LiveServer("localhost"), []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(reduced_motion="reduce")
        tab.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        for path in ("/docs/api", "/docs/errors/insufficient_scope"):
            tab.goto(f"{server.url}{path}")
            looks_right(tab, rules=["best-practice"])  # the rest: tests/pages/test_every_page.py
        browser.close()
    server.stop()
    assert errors == []
