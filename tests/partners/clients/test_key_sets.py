"""Keys at an address of the bank's own: read strictly, rotated by `kid`, believed for a while."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import ECKey

from partners.client_authentication import ASSERTION_TYPE
from partners.models import ApiClient
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

from .conftest import page_of

SYSTEM = Principal.system()
Create = Callable[..., tuple[ApiClient, str]]


class Published:
    """A bank's server with a key set."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/jwks.json"
        self.status, self.body, self.asked = 200, b"{}", 0

    def publish(self, *keys: Any, private: bool = False) -> None:
        self.body = json.dumps({"keys": [key.as_dict(private=private) for key in keys]}).encode()


@pytest.fixture
def published(settings: Any) -> Iterator[Published]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked += 1
            self.send_response(found.status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    settings.OUTBOUND_ALLOW_LOOPBACK = True
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, args=[0.01], daemon=True).start()
    found = Published(http.server_port)
    yield found
    http.shutdown()
    http.server_close()


def _key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"}, auto_kid=False)


def _sign_in(client: ApiClient, key: ECKey, settings: Any) -> int:
    now = int(time.time())
    claims = {"iss": client.client_id, "sub": client.client_id, "aud": settings.BASE_URL, "iat": now}
    claims |= {"exp": now + 60, "jti": f"{time.time_ns()}"}
    assertion = jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }
    return Client().post("/oauth/token", form).status_code


@pytest.fixture
def client(owner: Client, create: Create, published: Published) -> ApiClient:
    """Uses the key set, with the key `one` in it."""
    made, _ = create()
    published.publish(_key("one"))
    answer = owner.post(page_of(made, "/key-set"), {"url": published.url})
    assert answer.status_code == 302, answer.content.decode()
    with scope(SYSTEM):
        made.refresh_from_db()
    return made


def test_a_new_key_signs_in_as_soon_as_it_is_published(
    client: ApiClient, published: Published, settings: Any
) -> None:
    first, second = _key("one"), _key("two")
    published.publish(first)
    later = timezone.now() + timedelta(minutes=6)
    with time_machine.travel(later):
        assert _sign_in(client, first, settings) == 200
    published.publish(first, second)
    with time_machine.travel(later + timedelta(seconds=11)):
        assert _sign_in(client, second, settings) == 200
        assert _sign_in(client, first, settings) == 200


def test_a_key_taken_out_is_refused_within_five_minutes(
    client: ApiClient, published: Published, settings: Any
) -> None:
    first, second = _key("one"), _key("two")
    published.publish(first)
    start = timezone.now() + timedelta(minutes=6)
    with time_machine.travel(start):
        assert _sign_in(client, first, settings) == 200
    published.publish(second)
    with time_machine.travel(start + timedelta(minutes=5, seconds=1)):
        assert _sign_in(client, first, settings) == 401


def test_the_address_is_asked_at_most_every_ten_seconds(
    client: ApiClient, published: Published, settings: Any
) -> None:
    before = published.asked
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False):
        for _ in range(5):
            assert _sign_in(client, _key("unheard-of"), settings) == 401
    assert published.asked == before + 1


def test_while_it_is_down_its_keys_are_believed_for_an_hour(
    client: ApiClient, published: Published, settings: Any
) -> None:
    key = _key("one")
    published.publish(key)
    start = timezone.now() + timedelta(minutes=6)
    with time_machine.travel(start):
        assert _sign_in(client, key, settings) == 200
    published.status = 503
    with time_machine.travel(start + timedelta(minutes=50)):
        assert _sign_in(client, key, settings) == 200
    with time_machine.travel(start + timedelta(minutes=61)):
        assert _sign_in(client, key, settings) == 401


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (404, b"", "The address answered 404"),
        (302, b"", "without a redirect"),
        (200, b"<html>", "no key set"),
        (200, b'{"keys": []}', "no key set"),
        (200, b'{"keys": {"kty": "EC"}}', "no key set"),
        (
            200,
            json.dumps({"keys": [{"kty": "oct", "k": "c2hhcmVkLXNlY3JldA"}]}).encode(),
            "private key or a shared secret",
        ),
        (200, json.dumps({"keys": [_key("one").as_dict(private=True)]}).encode(), "private key"),
    ],
)
def test_what_is_no_key_set_is_refused_with_a_reason(
    owner: Client, create: Create, published: Published, status: int, body: bytes, sentence: str
) -> None:
    client, _ = create()
    published.status, published.body = status, body
    answer = owner.post(page_of(client, "/key-set"), {"url": published.url})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert published.url in answer.content.decode()
    with scope(SYSTEM):
        client.refresh_from_db()
    assert client.jwks_url == ""


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/keys", "https://10.0.0.1/keys", "ftp://bank.example/keys", "keys"]
)
def test_an_address_inside_is_refused(owner: Client, create: Create, url: str, settings: Any) -> None:
    client, _ = create()
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    answer = owner.post(page_of(client, "/key-set"), {"url": url})
    assert answer.status_code == 422
    assert "There is a problem" in answer.content.decode()


def test_a_pasted_key_signs_in_until_it_is_ended(owner: Client, create: Create, settings: Any) -> None:
    client, _ = create()
    key = _key("pasted")
    pem = key.as_pem(private=False).decode()
    assert owner.post(page_of(client, "/keys/add"), {"public_key": pem}).status_code == 302
    with scope(SYSTEM):
        row = client.keys.get()
    named = ECKey.import_key(key.as_dict(private=True) | {"kid": row.kid})
    assert _sign_in(client, named, settings) == 200
    with scope(SYSTEM):
        assert client.keys.get().last_used_at is not None
    private = owner.post(page_of(client, "/keys/add"), {"public_key": key.as_pem(private=True).decode()})
    assert private.status_code == 422
    assert "Keep it to yourself" in private.content.decode()
    assert owner.post(page_of(client, f"/keys/{public_id('key', row.pk)}/end")).status_code == 302
    assert _sign_in(client, named, settings) == 401
