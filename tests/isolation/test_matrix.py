"""Every route, called by everybody, for everything: yours, not yours, and not there."""

import re
from itertools import product
from typing import Any
from urllib.parse import unquote

import pytest
from django.http import HttpResponse
from django.test import Client

from consents.models import Grant
from notifications.models import Delivery
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

from .matrix import (
    CLIENTS,
    DOORS,
    EVERYBODY,
    MINE,
    OPEN,
    PERMISSIONS,
    ROLE,
    ROWS,
    SCOPE,
    SECOND_STEP,
    SIGN_IN,
    WORDS,
    Door,
    Row,
)
from .routes import guess_row, routes
from .stage import BACKEND, Stage, Thing, balance, rolled_back

pytestmark = pytest.mark.usefixtures("phones")
NO_THING = Thing({})
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PAGES = (Door.PERSON, Door.MEMBER, Door.STAFF)
CODES = {401: "invalid_token", 403: "insufficient_scope", 404: "not_found", 405: "method_not_allowed"}
BY_ROUTE = {
    row.route: " ".join(one.methods for one in ROWS if one.route == row.route).split() for row in ROWS
}


def rows(method: str = "", *doors: Door) -> pytest.MarkDecorator:
    """Those with this method, at these doors; all without."""
    found = [row for row in ROWS if method in row.methods and row.door in (doors or Door)]
    return pytest.mark.parametrize("row", found, ids=lambda row: f"{row.methods} /{row.route}")


def test_every_route_has_a_row() -> None:
    missing = [guess_row(route, view) for route, view in routes().items() if route not in BY_ROUTE]
    assert not missing, (
        "Add to ROWS in tests/isolation/matrix.py, and check each word:\n    " + "\n    ".join(missing)
    )


def test_every_row_has_a_route() -> None:
    stale = [row.route for row in ROWS if row.route not in routes()]
    assert not stale, f"Take these rows out of tests/isolation/matrix.py: {stale}"
    assert all(len(set(methods)) == len(methods) for methods in BY_ROUTE.values())


@rows()
def test_each_gets_what_the_matrix_says(stage: Stage, row: Row) -> None:
    wrong = []
    for method, who in product(row.methods.split(), EVERYBODY):
        for thing in things_for(stage, row, who):
            with rolled_back():
                response = call(stage, row, method, who, thing)
            found = faults(stage, row, who, response)
            if told(response) != (expected := expect(stage, row, method, who, thing)):
                found.append(f"{told(response)}, not {expected}")
            wrong += [f"{method} {path(row, thing)} by {who}: {fault}" for fault in found]
    assert not wrong, "\n".join(wrong)


@rows("GET")
def test_head_shows_nothing_that_get_would_refuse(stage: Stage, row: Row) -> None:
    """Once for each answer that there is at the door."""
    found = {
        expect(stage, row, "GET", who, thing): (who, thing)
        for who in EVERYBODY
        for thing in things_for(stage, row, who)
    }
    for expected, (who, thing) in found.items():
        head = call(stage, row, "HEAD", who, thing)
        assert told(head) in (expected, 405), (who, path(row, thing))
        assert b"".join(head) == b""


@rows()
def test_other_methods_are_405(stage: Stage, row: Row) -> None:
    who = insider(row)
    thing = next(thing for thing in things_for(stage, row, who))
    for method in sorted(set(METHODS) - set(BY_ROUTE[row.route])):
        with rolled_back():
            response = call(stage, row, method, who, thing)
        assert told(response) == 405, method
        assert response.headers["Allow"], method


@rows("POST", *PAGES)
def test_a_forged_form_is_refused(stage: Stage, row: Row) -> None:
    """A page that changes something asks for the token that only our own pages carry."""
    http = Client(enforce_csrf_checks=True)
    http.force_login(stage.users[insider(row)], backend=BACKEND)
    assert http.post(path(row, things_for(stage, row, insider(row))[0])).status_code == 403


@pytest.mark.parametrize(
    ("row", "method"),
    [
        (row, method)
        for row in ROWS
        for method in ("POST", "PATCH")
        if row.door is Door.API and method in row.methods
    ],
    ids=lambda value: value if isinstance(value, str) else value.route,
)
def test_a_field_that_is_not_the_callers_to_set_is_refused(stage: Stage, row: Row, method: str) -> None:
    who = insider(row)
    thing, before = things_for(stage, row, who)[0], state()
    taken = []
    for name in set(NOT_THEIRS) - set(row.sends):
        with rolled_back():
            response = call(stage, row, method, who, thing, {name: "harbour"})
            if (response.status_code, response.json().get("code")) != (400, "invalid_request"):
                taken.append(f"{name}: {response.status_code}")
            elif state() != before:
                taken.append(f"{name}: refused, but something changed")
    assert taken == []
    assert call(stage, row, method, who, thing).status_code == row.answers.get(method, 200)


@rows("POST", *PAGES)
def test_a_form_cannot_change_more_than_its_page(stage: Stage, row: Row) -> None:
    who = insider(row)
    hostile = {"environment": "sandbox", "clusters": "CHAT", "expires_at": "2099-01-01", "person_id": "1"}
    before = state(*FIXED)
    call(stage, row, "POST", who, things_for(stage, row, who)[0], hostile)
    assert state(*FIXED) == before


def test_one_reference_at_two_banks_and_in_two_environments_leads_to_four_people(stage: Stage) -> None:
    row = next(row for row in ROWS if row.route == "api/v1/notifications" and row.sends)
    answers = {who: call(stage, row, "POST", who, NO_THING).json()["grant_id"] for who in CLIENTS}
    assert len(set(answers.values())) == 4
    for who, grant in answers.items():
        assert stage.owns(
            who, next(one for one in stage.things["grant"] if one.ids["grt"] == grant), Door.API
        )


NOT_THEIRS = (
    "unheard_of",
    "id",
    "status",
    "environment",
    "partner",
    "partner_id",
    "person_id",
    "scopes",
    "created_at",
)
FIXED = (
    "id",
    "partner_id",
    "person_id",
    "environment",
    "clusters",
    "granted_at",
    "expires_at",
)


def state(*columns: str) -> list[Any]:
    """All grants and deliveries."""
    with scope(Principal.system()):
        grants = Grant.objects.order_by("id").values_list(*columns)
        return [*grants, *([] if columns else Delivery.objects.order_by("id").values_list())]


def insider(row: Row) -> str:
    """Somebody whom the row lets in."""
    api = row.environment or "live"
    return {Door.PERSON: "ana", Door.MEMBER: "owner", Door.STAFF: "operator", Door.API: api}.get(
        row.door, "the machine itself"
    )


def things_for(stage: Stage, row: Row, who: str) -> list[Thing]:
    """Their own first, then all others; only one for those who are turned away at the door, and one of theirs, of
    somebody else's and of nobody's for those who are turned away by their role.
    """
    if not row.thing:
        return [NO_THING]
    found = sorted(stage.things[row.thing], key=lambda thing: not stage.owns(who, thing, row.door))
    answer = DOORS[row.door][who]
    if answer not in (OPEN, MINE, ROLE, SCOPE, 403):
        return found[:1]
    if answer == ROLE and row.needs and row.needs not in PERMISSIONS[who.split(" ")[0]]:
        others = [thing for thing in found if not stage.owns(who, thing, row.door)]
        return [*found[:1], *others[:1], *others[-1:]]
    return found


def path(row: Row, thing: Thing) -> str:
    """The route with its words and the thing's ids in it; an id without a place goes into the query."""
    found = re.sub(r"<[a-z]+:([a-z_]+)>", lambda name: thing.ids.get(name[1]) or WORDS[name[1]], row.route)
    query = [f"{name}={text}" for name, text in thing.ids.items() if f":{name}>" not in row.route]
    if "POST" not in row.methods:
        query += [f"{name}={text}" for name, text in row.sends.items()]
    return f"/{found}" + (f"?{'&'.join(query)}" if query else "")


def call(
    stage: Stage, row: Row, method: str, who: str, thing: Thing, extra: dict[str, Any] | None = None
) -> HttpResponse:
    """As that caller would, from outside; `extra` goes into the body beside what the row sends."""
    more: dict[str, Any] = {"headers": stage.headers(who, row.needs if row.door is Door.API else "")}
    more["REMOTE_ADDR"] = "127.0.0.1" if who == "the machine itself" else "203.0.113.9"
    if method in ("POST", "PATCH"):
        sent = {
            name: thing.digest if text == "{digest}" else text for name, text in body(stage, row, who).items()
        }
        more["data"] = {**sent, **(extra or {})}
        if row.door in (Door.API, Door.HOOK):
            more["content_type"] = "application/json"
    return getattr(stage.http(who), method.lower())(path(row, thing), **more)


def body(stage: Stage, row: Row, who: str) -> dict[str, Any]:
    """What the row sends, about one of the caller's own customers or pages."""
    if "redirect_uri" in row.sends:
        slug = "harbour" if who.startswith("other") else "norden"
        return {**row.sends, "redirect_uri": f"https://{slug}.example/back"}
    if "data" not in row.sends:
        return row.sends
    name = who.partition(", ")[0]
    mine = next((one for one in stage.customers.values() if one.client == name), stage.customers["ana"])
    return {**row.sends, "data": balance(mine)}


def told(response: HttpResponse) -> str | int:
    """The status, or in words where somebody is sent to."""
    place = response.headers.get("Location", "")
    for prefix, answer in (("/accounts/login/", SIGN_IN), ("/accounts/2fa/", SECOND_STEP)):
        if response.status_code == 302 and place.startswith(prefix):
            return answer
    return response.status_code


def expect(stage: Stage, row: Row, method: str, who: str, thing: Thing) -> str | int:
    """What the matrix says, come down to one answer."""
    answer, success = DOORS[row.door][who], row.answers.get(method, 200)
    is_theirs = not row.thing or stage.owns(who, thing, row.door)
    if row.environment and answer in (MINE, SCOPE) and row.environment not in who:
        return 403
    if row.door is Door.HOOK and not is_theirs:
        return 404
    if answer == SCOPE:
        if not row.needs or row.is_wide:
            answer = MINE
        else:
            return 404 if row.looks_first and not is_theirs else 403
    if answer == ROLE:
        if row.needs and row.needs not in PERMISSIONS[who.split(" ")[0]]:
            return 403
        answer = MINE
    if answer == MINE:
        return success if is_theirs else row.not_theirs
    return success if answer == OPEN else answer


def faults(stage: Stage, row: Row, who: str, response: HttpResponse) -> list[str]:
    """What the answer shows of things that are not theirs; and an API's refusal that is no problem with a code."""
    shown, asked = b"".join(response).decode(errors="replace"), unquote(response.wsgi_request.path)
    others = [
        thing for things in stage.things.values() for thing in things if not stage.owns(who, thing, row.door)
    ]
    secrets = {secret for thing in others for secret in thing.secrets if secret not in asked}
    found = [f"shows {secret}" for secret in secrets if secret in shown]
    if row.door is Door.API and response.status_code >= 400:
        kind, expected = response.headers["Content-Type"], CODES.get(response.status_code)
        if expected == "insufficient_scope" and row.environment and row.environment not in who:
            expected = "sandbox_only"
        if kind != "application/problem+json" or response.json()["code"] != expected:
            found.append(f"{kind} {shown[:200]}, not the problem {expected}")
    return found
