"""Whatever anybody sends, the answer is one we chose: never a 500, and nothing written that was refused."""

import hashlib
import hmac
import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from django.http import HttpResponse
from django.test import Client
from hypothesis import example, given, settings
from hypothesis import strategies as st

from notifications.actions.claim import claim_due
from notifications.models import Delivery, InboundEvent, Lane, Notification
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.isolation.matrix import ROWS, WORDS, Door, Row
from tests.isolation.stage import Stage, balance, rolled_back
from tests.notifications.conftest import process_inbound

from .test_values import any_json, anything

SYSTEM = Principal.system()
POSTS = [row for row in ROWS if row.door is Door.API and "POST" in row.methods]
LISTS = [row for row in ROWS if row.door is Door.API and "GET" in row.methods and not row.thing]
PAGES = [row for row in ROWS if row.door in (Door.PERSON, Door.MEMBER) and "GET" in row.methods]
FILTERS = ("limit", "cursor", "status", "cluster", "customer_ref", "created_after", "before", "q")
FIELDS = (
    "grant_type",
    "scope",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "token",
)
odd = st.sampled_from(
    ["\0", "\ud800", "", " ", "9" * 400, "-1", "0", "null", "[]", "%", "'", "é", "\u212a", "9999-12-31T23:59:59-23:59",
     "0001-01-01T00:00:00+23:59", "2026-11-23T09:30:00+00:00:30", "AAAAAAAAAAAAAAAAAAAAAA", "AAAA", "=", "grt_" + "f" * 32]
)  # fmt: skip
texts = odd | anything
values = odd | any_json
some = settings(max_examples=settings.default.max_examples // 2)
few = settings(max_examples=settings.default.max_examples // 4)


def by_route(row: Row) -> str:
    return f"/{row.route}"


def path(stage: Stage, row: Row) -> str:
    """To a thing of the live client's, Ana's or the bank's own."""
    ids = {**WORDS, **(stage.things[row.thing][0].ids if row.thing else {})}
    return "/" + re.sub(r"<[a-z]+:([a-z_]+)>", lambda found: ids[found[1]], row.route)


def fine(response: HttpResponse) -> bool:
    """502 is the word for a bank's own sign-in that does not answer: there is none here."""
    return response.status_code < 500 or response.status_code == 502


@pytest.mark.parametrize("row", POSTS, ids=by_route)
@some
@given(data=st.data())
def test_any_body(stage: Stage, row: Row, data: st.DataObject) -> None:
    body: Any = dict(row.sends)
    if "data" in body:
        body["data"] = balance(stage.customers["ana"])
    names = sorted(
        {*body, "grant_id", "locale", "send_at", "expires_at", "collapse_key", "customer_ref", "reason"}
    )
    for name in data.draw(st.sets(st.sampled_from(names), max_size=3)):
        body[name] = data.draw(values, label=name)
    if data.draw(st.integers(0, 9)) == 0:
        body = data.draw(any_json)
    with rolled_back():
        before = counted()
        response = send(stage, row, json.dumps(body))
        assert fine(response), response.content
        assert response.status_code < 300 or counted() == before


def send(stage: Stage, row: Row, raw: str) -> HttpResponse:
    http, headers = Client(raise_request_exception=False), stage.headers("live", row.needs)
    return http.post(path(stage, row), raw, "application/json", headers=headers)


def counted() -> tuple[int, int]:
    with scope(SYSTEM):
        return Notification.objects.count(), Delivery.objects.exclude(status="QUEUED").count()


@some
@given(times=st.fixed_dictionaries({}, optional={"send_at": texts, "expires_at": texts}))
@example(times={"expires_at": "9999-12-31T23:59:59-23:59"})
@example(times={"send_at": "2026-11-23T09:30:00+00:00:30"})
def test_what_was_accepted_can_be_claimed(stage: Stage, times: dict[str, str]) -> None:
    """A row that cannot be read back would stop every bank's lane."""
    row = next(row for row in POSTS if row.sends.get("customer_ref"))
    body = {**row.sends, "data": balance(stage.customers["ana"]), **times}
    with rolled_back():
        if send(stage, row, json.dumps(body)).status_code < 300:
            with scope(SYSTEM):
                Delivery.objects.update(next_attempt_at="2026-01-01T00:00:00Z")
            claim_due(lane=Lane.STANDARD)


@pytest.mark.parametrize("row", LISTS, ids=by_route)
@few
@given(query=st.dictionaries(st.sampled_from(FILTERS), texts, min_size=1, max_size=3))
@example(query={"cluster": "\0"})
@example(query={"customer_ref": "\ud800"})
@example(query={"created_after": "9999-12-31T23:59:59-23:59"})
def test_any_query(stage: Stage, row: Row, query: dict[str, str]) -> None:
    http, headers = Client(raise_request_exception=False), stage.headers("live", row.needs)
    assert fine(http.get(f"{path(stage, row)}?{encoded(query)}", headers=headers))


@pytest.mark.parametrize("row", PAGES, ids=by_route)
@few
@given(query=st.dictionaries(st.sampled_from(FILTERS), texts, min_size=1, max_size=3))
def test_any_query_of_a_page(stage: Stage, row: Row, query: dict[str, str]) -> None:
    who = "ana" if row.door is Door.PERSON else "owner"
    assert fine(stage.http(who).get(f"{path(stage, row)}?{encoded(query)}"))


def encoded(query: dict[str, str]) -> str:
    return "&".join(f"{name}={quote(text, errors='surrogatepass')}" for name, text in query.items())


@pytest.mark.parametrize("name", ["token", "revoke", "introspect"])
@few
@given(raw=st.binary(max_size=60), form=st.dictionaries(st.sampled_from(FIELDS), texts))
def test_any_form_to_the_authorization_server(
    stage: Stage, name: str, raw: bytes, form: dict[str, str]
) -> None:
    http = Client(raise_request_exception=False)
    for body in (raw, encoded({"grant_type": "client_credentials", **form}).encode()):
        answer = http.post(f"/oauth/{name}", body, "application/x-www-form-urlencoded")
        assert fine(answer), answer.content


@given(token=st.text(st.characters(codec="latin-1", exclude_categories=["Cc"])) | st.just("x" * 9000))
def test_any_token(stage: Stage, token: str) -> None:
    headers = {"authorization": f"Bearer {token}"}
    assert Client(raise_request_exception=False).get("/api/v1/me", headers=headers).status_code == 401


# -- what a platform sends --------------------------------------------------------------------------------------

parts = st.fixed_dictionaries(
    {},
    optional={
        "sender": st.just({"id": "2001"}) | values,
        "recipient": st.just({"id": "1001"}) | values,
        "timestamp": st.integers(0, 2**53) | values,
        "message": st.fixed_dictionaries({}, optional={"mid": texts, "text": texts, "is_echo": values, "metadata": texts}) | values,
        "delivery": st.fixed_dictionaries({}, optional={"watermark": values, "mids": values}) | values,
        "read": st.fixed_dictionaries({}, optional={"watermark": values}) | values,
        "postback": st.fixed_dictionaries({}, optional={"payload": values, "referral": values}) | values,
        "referral": values,
        "account_linking": st.fixed_dictionaries({}, optional={"status": values, "authorization_code": values}) | values,
    },
)  # fmt: skip
envelopes = any_json | st.fixed_dictionaries(
    {
        "entry": st.lists(
            st.fixed_dictionaries({"messaging": st.lists(parts | values, max_size=3)}) | values, max_size=2
        )
    }
)


def hook(stage: Stage, raw: bytes) -> HttpResponse:
    signature = "sha256=" + hmac.new(b"app-secret", raw, hashlib.sha256).hexdigest()
    address = f"/hooks/messenger/{stage.world.bank.sender.id}"
    http = Client(raise_request_exception=False)
    return http.post(address, raw, "application/json", headers={"X-Hub-Signature-256": signature})


def event(**parts: Any) -> bytes:
    return json.dumps({"entry": [{"messaging": [parts]}]}).encode()


HELP = event(
    sender={"id": "2002"}, recipient={"id": "1001"}, timestamp=1, message={"mid": "m_help", "text": "HELP"}
)


@some
@given(raw=envelopes.map(lambda found: json.dumps(found).encode()) | st.binary(max_size=60))
@example(raw=b"[" * 50_000)
@example(raw=event(message={"mid": "\ud800"}))
@example(raw=event(message=None))
@example(raw=event(sender=None, message={"text": "STOP"}))
@example(raw=b'{"entry": [{"messaging": ["a delivery"]}]}')
@example(raw=event(sender={"id": "2001"}, delivery={"watermark": 10**30}))
@example(raw=event(sender={"id": "2001"}, timestamp="later", message={"text": "STOP"}))
@example(raw=event(sender={"id": "\ud800"}, message={"text": "STOP"}))
def test_any_signed_body_holds_up_no_other(stage: Stage, raw: bytes) -> None:
    with rolled_back():
        assert hook(stage, raw).status_code in (200, 400)
        assert hook(stage, HELP).status_code == 200
        with scope(SYSTEM):  # the test's now() stands still
            InboundEvent.objects.update(next_attempt_at="2026-01-01T00:00:00Z")
        process_inbound()
        with scope(SYSTEM):
            assert InboundEvent.objects.filter(kind="message", processed_at__isnull=False).exists()


@few
@given(raw=st.binary(max_size=60), signature=texts | st.just("sha256=") | st.just("sha256=" + "0" * 64))
def test_a_body_that_is_not_signed_is_refused(stage: Stage, raw: bytes, signature: str) -> None:
    address = f"/hooks/messenger/{stage.world.bank.sender.id}"
    header = signature.encode("utf-8", "replace").decode("latin-1").replace("\n", "").replace("\r", "")
    answer = Client(raise_request_exception=False).post(
        address, raw, "application/json", headers={"X-Hub-Signature-256": header}
    )
    assert answer.status_code == 403


@few
@given(mode=st.just("subscribe") | texts, token=st.just("verify") | texts, challenge=texts)
@example(mode="subscribe", token="é", challenge="1")
def test_a_subscription_is_confirmed_to_whoever_knows_the_word(
    stage: Stage, mode: str, token: str, challenge: str
) -> None:
    query = encoded({"hub.mode": mode, "hub.verify_token": token, "hub.challenge": challenge})
    address = f"/hooks/messenger/{stage.world.bank.sender.id}"
    answer = Client(raise_request_exception=False).get(f"{address}?{query}")
    assert answer.status_code == (200 if (mode, token) == ("subscribe", "verify") else 403)
    assert answer.headers["Content-Type"].startswith("text/plain") or answer.status_code == 403
