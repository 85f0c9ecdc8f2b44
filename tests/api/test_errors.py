"""Every error of the API is a problem (RFC 9457)."""

import json

import pytest
from django.conf import settings

from portal.api import authentication, valkey


def check(answer, status, code):
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert answer["Content-Type"] == "application/problem+json"
    assert body["type"] == f"{settings.BASE_URL}/docs/errors/{code}"
    assert body["status"] == status
    assert body["request_id"] == answer["X-Request-Id"]
    assert {"title", "detail"} <= body.keys()
    return body


def test_no_token(client):
    answer = client.get("/api/v1/me")

    check(answer, 401, "invalid_token")
    assert answer["WWW-Authenticate"] == 'Bearer realm="parley"'


def test_an_unknown_token(client, db):
    check(client.get("/api/v1/me", headers={"Authorization": "Bearer made-up"}), 401, "invalid_token")


def test_an_unknown_address(client):
    check(client.get("/api/v1/nothing"), 404, "not_found")


@pytest.mark.parametrize(
    "path", ["/api/v1/me/", "/api/v1/notifications/", "/api/v1/", "/oauth/token/", "/oauth/"]
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_address_with_a_slash_at_its_end(caller, path, method):
    check(getattr(caller.http, method)(path, headers=caller.bearer()), 404, "not_found")


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"])
def test_methods_that_a_list_does_not_have(caller, method):
    answer = caller.http.generic(method, "/api/v1/notifications", headers=caller.bearer())

    check(answer, 405, "method_not_allowed")
    assert answer["Allow"] == "GET, POST, HEAD"


def test_a_method_that_is_not_there(caller):
    answer = caller.http.delete("/api/v1/me", headers=caller.bearer())

    check(answer, 405, "method_not_allowed")
    assert "GET" in answer["Allow"]


def test_a_missing_scope(caller):
    answer = caller.http.get("/api/v1/notifications", headers=caller.bearer())

    assert "notifications:read" in check(answer, 403, "insufficient_scope")["detail"]


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[1]",
        '"text"',
        "\x00",
        b"\xff",
        '{"a": NaN}',
        "[" * 100_000,
        '{"a": 1' + "0" * 5000 + "}",
        '{"\\ud800": 1}',
        '{"customer_ref": "\\uDFFF", "template": "x", "data": {}}',
    ],
)
def test_a_body_that_is_no_json_object(caller, body):
    answer = caller.http.post("/api/v1/notifications", body, "application/json", headers=caller.bearer())

    check(answer, 400, "invalid_request")


def test_another_media_type(caller):
    answer = caller.http.post("/api/v1/notifications", "<a/>", "text/xml", headers=caller.bearer())

    check(answer, 415, "unsupported_media_type")


def test_a_body_that_is_too_large(caller):
    body = json.dumps({"text": "x" * 1_100_000})
    answer = caller.http.post("/api/v1/notifications", body, "application/json", headers=caller.bearer())

    check(answer, 413, "payload_too_large")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=!", "cursor=abc"])
def test_a_bad_page(caller, query):
    check(caller.http.get(f"/api/v1/grants?{query}", headers=caller.bearer()), 400, "invalid_request")


@pytest.mark.parametrize("key", ["k" * 256, "", " ", "schlüssel"])
def test_a_key_that_does_not_fit(caller, key):
    headers = caller.bearer() | {"Idempotency-Key": key}
    answer = caller.http.post("/api/v1/notifications", "{}", "application/json", headers=headers)

    check(answer, 400, "invalid_request")


def test_a_break_on_our_side_tells_nothing(caller, monkeypatch):
    def fail(*args):
        raise RuntimeError("a secret")

    monkeypatch.setattr("partners.views.api.MeView.get", fail)
    answer = caller.http.get("/api/v1/me", headers=caller.bearer())

    check(answer, 500, "internal_error")
    assert b"secret" not in answer.content


def test_too_many_requests(caller, monkeypatch):
    headers, known = caller.bearer(), authentication._entry
    monkeypatch.setattr(authentication, "_entry", lambda checksum: known(checksum) | {"rate": 1})
    first, second = (caller.http.get("/api/v1/me", headers=headers) for _ in range(2))

    assert first.status_code == 200
    check(second, 429, "rate_limited")
    assert second["Retry-After"] == "1"
    assert second["RateLimit-Policy"] == '"client";q=1;w=1'


def test_without_valkey_the_database_answers(caller, monkeypatch):
    headers = caller.bearer()

    def unreachable(*args, **options):
        raise valkey.Unreachable

    monkeypatch.setattr(valkey, "call", unreachable)
    assert caller.http.get("/api/v1/me", headers=headers).status_code == 200
    assert caller.http.get("/api/v1/me", headers={"Authorization": "Bearer x"}).status_code == 401
