"""Every page there is, opened in a real browser by somebody who may see it: on a phone and a desk, dark and light.

The pages are the routes of the isolation matrix that answer a GET; what answers with something else than a page has
to be named in NO_PAGE. Those of the account stand in test_browser.py.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.test import Client, override_settings
from pytest_django.live_server_helper import LiveServer

from consents.actions.ask_again import ask_people
from partners.actions.partners import register_partner
from portal.accounts.actions import create_user_with_totp
from portal.ids import public_id
from tests.conftest import PASSWORD, cloned
from tests.isolation.matrix import ROWS, Door, Row
from tests.isolation.stage import BACKEND, Stage, make_stage
from tests.isolation.test_matrix import insider, path, things_for
from tests.looks import looks_right
from tests.partners.amending import agree_on

pytestmark = pytest.mark.browser
DOORS = (Door.PUBLIC, Door.PERSON, Door.MEMBER, Door.STAFF)
# Routes that answer a GET with something else
NO_PAGE = {
    "start": "leads on",
    "api/v1/openapi.json": "JSON",
    "health/live": "JSON",
    "health/ready": "JSON",
    ".well-known/oauth-authorization-server": "JSON",
    "me/activity.<slug:shape>": "a file",
    "me/link/<uuid:sender_id>/state": "a part of a page",
    "partners/<slug:slug>/webhooks/<str:whk>/arrivals": "a part of a page",
    "partners/<slug:slug>/webhooks/<str:whk>/challenge": "a part of a page",
    "partners/<slug:slug>/verification/documents/<str:doc>": "a file",
    "staff/reviews/<slug:slug>/documents/<str:doc>": "a file",
    "partners/<slug:slug>/agreement/<str:agv>/pdf": "a file",
    "staff/agreements/<str:agv>/pdf": "a file",
    "partners/<slug:slug>/leave/certificate": "a file",
    "me/grants/<str:grt>/receipts/<str:rcp>/pdf": "a file",
    "me/grants/<str:grt>/receipts/<str:rcp>/json": "a file",
}
PAGES = [
    row
    for row in ROWS
    if row.door in DOORS
    and "GET" in row.methods
    and row.route not in NO_PAGE
    and row.answers.get("GET", 200) == 200
]


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: Any, phones: str) -> Iterator[Stage]:
    """Everybody and everything, committed; and the owner of a bank that has only just registered."""
    with (
        override_settings(ACCOUNT_REAUTHENTICATION_TIMEOUT=86_400),
        cloned(f"{django_settings.DATABASES['default']['NAME']}_stage", django_db_blocker),
        django_db_blocker.unblock(),
    ):
        with transaction.atomic():
            made = make_stage()
            looked_up = Client().get("/api/v1/grants", headers=made.headers("live", "grants:read"))
            assert looked_up.status_code == 200  # so that there is something to see of it
            fresh = create_user_with_totp(email="owner@fresh.example", password=PASSWORD, name="Olga Owner")[
                0
            ]
            register_partner(name="Fresh Bank", slug="fresh", owner=fresh, domain="fresh.example")
        made.sessions["newcomer"] = Client()
        made.sessions["newcomer"].force_login(fresh, backend=BACKEND)
        made.sessions["newcomer"].post("/accounts/reauthenticate/", {"password": PASSWORD})
        yield made


@pytest.fixture(scope="module")
def visit(browser: Any, stage: Stage) -> Iterator[Callable[[str, str], None]]:
    """Opens a path as somebody, and checks what they see."""
    site, tabs = LiveServer("localhost"), {}
    name, errors = django_settings.SESSION_COOKIE_NAME, []

    def tab_of(who: str) -> Any:
        context = browser.new_context(base_url=site.url, reduced_motion="reduce")
        if session := stage.sessions.get(who):
            context.add_cookies([{"name": name, "value": session.cookies[name].value, "url": site.url}])
        tab = context.new_page()
        tab.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        return tab

    def visit(who: str, path: str) -> None:
        if who not in tabs:
            tabs[who] = tab_of(who)
        tab = tabs[who]
        answer = tab.goto(path)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert tab.url.removeprefix(site.url) == path, "it leads somewhere else"
        assert tab.locator("h1").count() == 1
        assert tab.title().endswith(" – Parley") or path == "/"
        looks_right(tab)
        found, errors[:] = list(errors), []
        assert found == []

    yield visit
    for tab in tabs.values():
        tab.context.close()
    site.stop()


@pytest.mark.parametrize("row", PAGES, ids=lambda row: f"/{row.route}")
def test_a_route_of_ours_looks_right(visit: Callable[[str, str], None], stage: Stage, row: Row) -> None:
    who = "nobody" if row.door is Door.PUBLIC else insider(row)
    visit(who, path(row, things_for(stage, row, who)[0]))


@pytest.mark.parametrize(
    "row",
    [row for row in PAGES if row.door is Door.MEMBER and not row.thing and "leave/now" not in row.route],
    ids=lambda row: f"/{row.route}",
)
def test_it_does_so_while_there_is_nothing(visit: Callable[[str, str], None], stage: Stage, row: Row) -> None:
    visit("newcomer", path(row, things_for(stage, row, "owner")[0]).replace("norden", "fresh"))


def test_what_an_amendment_changes_looks_right(visit: Callable[[str, str], None], stage: Stage) -> None:
    agv = public_id("agv", agree_on(stage.world, new=["SHIPMENTS", "CHAT"], retention_days=120).id)
    assert ask_people()
    visit("ana", f"/me/grants/{public_id('grt', stage.world.ana.grant.id)}/terms")
    visit("owner", f"/partners/norden/agreement/{agv}/compare")
    visit("operator", f"/staff/agreements/{agv}/compare")
