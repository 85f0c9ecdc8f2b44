"""Tokens: how clients get, use and lose them."""

import json
import time

import pytest
from django.conf import settings
from django.test import TestCase
from joserfc import jwk, jwt
from oauth2_provider.models import get_access_token_model

from partners.actions.clients import add_client_key, add_secret, revoke_client
from partners.api_client import ClientSecret
from partners.client_authentication import ASSERTION_TYPE
from partners.refusals import Refused
from portal.ids import uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

GRANT = {"grant_type": "client_credentials"}


def test_a_token_by_basic_authentication(caller):
    answer = caller.http.post("/oauth/token", GRANT, headers=caller.basic)

    body = answer.json()
    assert answer.status_code == 200
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] <= 600
    assert body["scope"] == "grants:read notify:balances"
    assert answer["Cache-Control"] == "no-store"


def test_a_token_by_secret_in_the_body(caller):
    form = GRANT | {"client_id": caller.client_id, "client_secret": caller.secret, "scope": "grants:read"}

    assert caller.http.post("/oauth/token", form).json()["scope"] == "grants:read"


def test_only_hashes_are_kept(caller):
    token = caller.token()

    assert not get_access_token_model().objects.filter(token=token).exists()
    with scope(Principal.system()):
        assert caller.secret not in str(ClientSecret.objects.values())


@pytest.mark.parametrize(
    "change", [{"client_secret": "wrong"}, {"client_id": "cli_" + "0" * 32}, {"client_id": "\0"}]
)
def test_wrong_credentials(caller, change):
    form = GRANT | {"client_id": caller.client_id, "client_secret": caller.secret} | change
    answer = caller.http.post("/oauth/token", form)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_two_ways_to_authenticate_at_once_are_refused(caller):
    form = GRANT | {"client_id": caller.client_id, "client_secret": caller.secret}

    assert caller.http.post("/oauth/token", form, headers=caller.basic).status_code == 401


@pytest.mark.parametrize("path", ["token", "revoke", "introspect"])
def test_a_client_that_did_not_prove_itself_is_told_how(caller, path):
    form = GRANT | {"token": "x", "client_id": caller.client_id, "client_secret": "wrong"}
    answer = caller.http.post(f"/oauth/{path}", form)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer["WWW-Authenticate"].startswith("Basic realm=")
    assert answer["Cache-Control"] == "no-store"


def test_a_secret_for_somebody_else_is_refused(caller, make_caller):
    form = GRANT | {"client_id": make_caller("second").client_id}

    assert caller.http.post("/oauth/token", form, headers=caller.basic).status_code == 401


@pytest.mark.parametrize("name", ["grant_type", "scope", "client_id"])
def test_a_parameter_that_comes_twice(caller, name):
    form = GRANT | {name: ["grants:read", "notify:balances"]}
    answer = caller.http.post("/oauth/token", form, headers=caller.basic)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert name in answer.json()["error_description"]


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("token", '{"grant_type": "client_credentials"}', "application/json"),
        ("revoke", "token=x", "text/plain"),
        ("introspect", "", ""),
        ("token?client_id=x", "grant_type=client_credentials", "application/x-www-form-urlencoded"),
        ("introspect", "token_type_hint=access_token", "application/x-www-form-urlencoded"),
        ("token", "grant_type=client_credentials&scope=%00", "application/x-www-form-urlencoded"),
        ("token", "grant_type=client_credentials&scope=a%22b", "application/x-www-form-urlencoded"),
    ],
)
def test_a_request_that_is_none(caller, path, body, kind):
    answer = caller.http.post(f"/oauth/{path}", body, kind, headers=caller.basic)

    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid_request", "invalid_scope")
    assert answer["Cache-Control"] == "no-store"


def test_a_form_that_is_too_large(caller):
    answer = caller.http.post(
        "/oauth/token", "x=" + "y" * 1_100_000, "application/x-www-form-urlencoded", headers=caller.basic
    )

    assert (answer.status_code, answer["Content-Type"]) == (413, "application/problem+json")


def test_a_scope_the_client_does_not_have(caller):
    answer = caller.http.post("/oauth/token", GRANT | {"scope": "audit:read"}, headers=caller.basic)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize("grant", ["password", "authorization_code", "refresh_token", "nonsense"])
def test_no_other_grant(caller, grant):
    answer = caller.http.post("/oauth/token", {"grant_type": grant}, headers=caller.basic)

    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_the_client_sees_itself(caller):
    answer = caller.http.get("/api/v1/me", headers=caller.bearer())

    body = answer.json()
    assert answer.status_code == 200, body
    assert body["client"]["id"] == caller.client_id
    assert body["environment"] == "sandbox"
    assert body["agreement"] is None
    assert answer["RateLimit-Policy"] == '"client";q=200;w=1'
    assert answer["RateLimit"].startswith('"client";r=')


def test_a_revoked_token_ends_at_once(caller):
    token = caller.token()
    headers = {"Authorization": f"Bearer {token}"}
    assert caller.http.get("/api/v1/me", headers=headers).status_code == 200

    assert caller.http.post("/oauth/revoke", {"token": token}, headers=caller.basic).status_code == 200

    answer = caller.http.get("/api/v1/me", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_client_loses_its_tokens_at_once(caller):
    headers = caller.bearer()
    assert caller.http.get("/api/v1/me", headers=headers).status_code == 200

    with TestCase.captureOnCommitCallbacks(execute=True):
        revoke_client(client_id=caller.id, actor=caller.owner)

    assert caller.http.get("/api/v1/me", headers=headers).status_code == 401
    assert caller.http.post("/oauth/token", GRANT, headers=caller.basic).status_code == 401


def test_a_second_secret_works_beside_the_first_and_a_third_is_refused(caller):
    second = add_secret(client_id=caller.id, actor=caller.owner)

    for secret in (caller.secret, second):
        form = GRANT | {"client_id": caller.client_id, "client_secret": secret}
        assert caller.http.post("/oauth/token", form).status_code == 200
    with pytest.raises(Refused):
        add_secret(client_id=caller.id, actor=caller.owner)


def test_another_banks_token_can_neither_be_seen_nor_revoked(caller, make_caller):
    stranger, token = make_caller("second"), caller.token()

    seen = stranger.http.post("/oauth/introspect", {"token": token}, headers=stranger.basic)
    stranger.http.post("/oauth/revoke", {"token": token}, headers=stranger.basic)

    assert seen.json() == {"active": False}
    own = caller.http.post("/oauth/introspect", {"token": token}, headers=caller.basic).json()
    assert own["active"] is True
    assert own["client_id"] == caller.client_id


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["token", "revoke", "introspect"])
def test_post_only(caller, path, method):
    answer = caller.http.generic(method, f"/oauth/{path}?token=x", headers=caller.basic)

    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert method == "HEAD" or answer.json()["error"] == "invalid_request"


def test_metadata(client):
    body = client.get("/.well-known/oauth-authorization-server").json()

    assert body["issuer"] == settings.BASE_URL
    assert body["token_endpoint"] == f"{settings.BASE_URL}/oauth/token"
    assert "private_key_jwt" in body["token_endpoint_auth_methods_supported"]
    assert client.head("/.well-known/oauth-authorization-server").status_code == 200
    assert client.post("/.well-known/oauth-authorization-server").status_code == 405


class TestPrivateKeyJwt:
    """RFC 7523."""

    @pytest.fixture
    def key(self, caller):
        key = jwk.ECKey.generate_key("P-256", {"kid": "one"})
        public = json.dumps(key.as_dict(private=False))
        add_client_key(client_id=caller.id, public_key=public, actor=caller.owner)
        return key

    def ask(self, caller, key, **changes):
        claims = {
            "iss": caller.client_id,
            "sub": caller.client_id,
            "aud": f"{settings.BASE_URL}/oauth/token",
            "exp": int(time.time()) + 60,
            "jti": uuid7().hex,
        } | changes
        assertion = jwt.encode({"alg": "ES256", "kid": "one"}, claims, key)
        form = GRANT | {"client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE}
        return caller.http.post("/oauth/token", form).status_code

    def test_a_signed_assertion_gives_a_token(self, caller, key):
        assert self.ask(caller, key) == 200
        assert self.ask(caller, key, aud=settings.BASE_URL) == 200

    def test_an_assertion_works_once(self, caller, key):
        assert self.ask(caller, key, jti="the same") == 200
        assert self.ask(caller, key, jti="the same") == 401

    @pytest.mark.parametrize(
        "changes",
        [
            {"aud": "https://elsewhere.example"},
            {"exp": 1},
            {"exp": int(time.time()) + 3600},
            {"iss": "somebody"},
            {"jti": ""},
            {"iat": int(time.time()) + 600},
        ],
    )
    def test_a_claim_that_does_not_fit(self, caller, key, changes):
        assert self.ask(caller, key, **changes) == 401

    def test_a_stranger_s_key(self, caller, key):
        assert self.ask(caller, jwk.ECKey.generate_key("P-256")) == 401
