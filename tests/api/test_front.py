"""The API's own way in: what it does without, and what it must not lose by that."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.notifications.conftest import Api

pytestmark = pytest.mark.django_db


def test_only_what_serves_both_stands_before_it() -> None:
    front = settings.MIDDLEWARE.index("portal.api.front.ApiFrontMiddleware")
    assert settings.MIDDLEWARE[:front] == [
        "portal.requests.RequestIdMiddleware",
        "django.middleware.security.SecurityMiddleware",
    ]


def test_an_answer_has_the_headers_of_security_and_no_cookie(world: Any) -> None:
    answer = Api(world.bank.clients["live"]).http.get("/api/v1/me")
    assert answer.status_code == 401
    assert answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Length"] == str(len(answer.content))
    assert answer["X-Request-Id"] == answer.json()["request_id"]
    assert not answer.cookies


def test_a_session_opens_nothing(world: Any) -> None:
    http = Client()
    http.force_login(world.bank.members[0].user)
    assert http.get("/api/v1/me").json()["code"] == "invalid_token"


def test_another_host_and_another_address_are_refused_as_problems(settings: Any, client: Client) -> None:
    assert client.get("/api/v1/nowhere").json()["code"] == "not_found"
    settings.ALLOWED_HOSTS = ["parley.example"]
    answer = client.get("/api/v1/me", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_plain_http_is_sent_on_where_the_portal_is_served_by_tls(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().get("/api/v1/me")
    assert (answer.status_code, answer["Location"]) == (301, "https://testserver/api/v1/me")
