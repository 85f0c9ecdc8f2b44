"""A simulated bank's sign-in: what it gives to whom, and how it misbehaves."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from .conftest import running_sandbox, wait_until

BACK = "http://127.0.0.1:9/back"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {
    "client_id": "parley", "redirect_uri": BACK, "response_type": "code", "scope": "openid", "state": "s-1",
    "nonce": "n-1", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
}  # fmt: skip
ACCOUNTS = [{"ref": "acc-1", "mask": "•• 4821", "type": "Current account"}]
BANK = {
    "name": "Norden <Bank>", "client_id": "parley", "client_secret": "p+s:1", "redirect_uris": [BACK],
    "customers": [{"ref": "CUST-1", "name": "Ana & Co", "accounts": ACCOUNTS}],
}  # fmt: skip
SECRET = ("parley", quote("p+s:1", safe=""))


@pytest.fixture
def bank(sandbox_url: str) -> Iterator[httpx.Client]:
    """At the bank; calm again afterwards."""
    with httpx.Client(base_url=f"{sandbox_url}/banks/norden", timeout=10) as http:
        assert http.put(str(http.base_url)[:-1], json={**BANK, "claims": {}}).is_success
        yield http
        assert httpx.post(f"{sandbox_url}/faults", json={"channel": "bank", "mode": "none"}).is_success


def code(bank: httpx.Client, **typed: str) -> dict[str, str]:
    """What comes back from the page."""
    answer = bank.post("/authorize", data={**ASKED, "customer": "CUST-1", **typed})
    assert answer.status_code == 303, answer.text
    return {name: text for name, [text] in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def token(bank: httpx.Client, given: str, auth: Any = SECRET, **more: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "code": given,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    }
    return bank.post("/token", data={**form, **more}, auth=auth)


def test_a_customer_signs_in(bank: httpx.Client, sandbox_url: str) -> None:
    told = bank.get("/.well-known/openid-configuration").json()
    issuer = f"{sandbox_url}/banks/norden"
    assert (told["issuer"], told["token_endpoint"]) == (issuer, f"{issuer}/token")
    page = bank.get("/authorize", params=ASKED)
    assert "Norden &lt;Bank&gt;" in page.text
    assert "Ana &amp; Co" in page.text
    assert "form-action 'self' http://127.0.0.1:9;" in page.headers["Content-Security-Policy"]
    back = code(bank)
    assert (back["state"], back["iss"]) == ("s-1", issuer)
    answer = token(bank, back["code"]).json()
    keys = KeySet.import_key_set(bank.get("/jwks").json())
    claims = jwt.decode(answer["id_token"], keys, algorithms=["ES256"]).claims
    assert (claims["iss"], claims["aud"], claims["nonce"], claims["sub"]) == (
        issuer,
        "parley",
        "n-1",
        "CUST-1",
    )
    assert claims["accounts"] == ACCOUNTS
    assert "d" not in bank.get("/jwks").json()["keys"][0]
    bearer = {"Authorization": f"Bearer {answer['access_token']}"}
    assert bank.get("/userinfo", headers=bearer).json() == {"sub": "CUST-1", "accounts": ACCOUNTS}
    assert bank.get("/userinfo", headers=bearer).status_code == 401, "once"


def test_whoever_cancels_has_no_code(bank: httpx.Client) -> None:
    assert code(bank, customer="") | {"iss": ""} == {"error": "access_denied", "state": "s-1", "iss": ""}


def test_a_code_is_for_one_client_with_its_verifier_once(bank: httpx.Client) -> None:
    for auth, more, status in (
        (("parley", "wrong"), {}, 401), (None, {}, 401), (SECRET, {"code_verifier": "w" * 43}, 400),
        (SECRET, {"redirect_uri": "http://127.0.0.1:9/other"}, 400), (SECRET, {"grant_type": "password"}, 400),
    ):  # fmt: skip
        assert token(bank, code(bank)["code"], auth, **more).status_code == status, more
    given = code(bank)["code"]
    assert [token(bank, given).status_code for _ in range(2)] == [200, 400]


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "other"}, {"redirect_uri": "https://evil.example/"}, {"code_challenge_method": "plain"},
        {"nonce": ""}, {"scope": "profile"}, {"response_type": "token"},
    ],
)  # fmt: skip
def test_it_leads_nowhere_that_is_not_registered(bank: httpx.Client, wrong: dict[str, str]) -> None:
    for answer in (bank.get("/authorize", params=ASKED | wrong), bank.post("/authorize", data=ASKED | wrong)):
        assert (answer.status_code, answer.headers.get("Location")) == (400, None)


def test_claims_can_be_replaced(bank: httpx.Client) -> None:
    bank.put(str(bank.base_url)[:-1], json={"claims": {"nonce": "other", "accounts": None}})
    keys = KeySet.import_key_set(bank.get("/jwks").json())
    claims = jwt.decode(token(bank, code(bank)["code"]).json()["id_token"], keys, algorithms=["ES256"]).claims
    assert claims["nonce"] == "other"
    assert "accounts" not in claims


def test_faults(bank: httpx.Client, sandbox_url: str) -> None:
    def fail(**fault: Any) -> None:
        body = {"channel": "bank", "sender": "norden", "count": 1, **fault}
        assert httpx.post(f"{sandbox_url}/faults", json=body).is_success

    fail(mode="down", status=503)
    assert bank.get("/jwks").status_code == 503
    fail(mode="error")
    assert bank.get("/jwks").text == "Have a nice day."
    fail(mode="down")
    with pytest.raises(httpx.RemoteProtocolError):
        bank.get("/jwks")
    fail(mode="timeout")
    with pytest.raises(httpx.ReadTimeout):
        bank.get("/jwks", timeout=0.2)
    fail(mode="none", latency_ms=1)
    assert bank.get("/jwks").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"customers": [{"ref": "", "name": "x", "accounts": []}]}, {"customers": "all"}, {"redirect_uris": ["back"]},
        {"claims": []}, {"secret": "misspelt"},
    ],
)  # fmt: skip
def test_a_wrong_field_changes_nothing(bank: httpx.Client, wrong: dict[str, Any]) -> None:
    here = str(bank.base_url)[:-1]
    before = bank.get(here).json()
    assert bank.put(here, json={"name": "Other", **wrong}).status_code == 422
    assert bank.get(here).json() == before
    assert "p+s:1" not in str(before)
    assert bank.get(f"{here}-nobody").status_code == 404


def test_a_second_start_knows_the_bank_and_signs_with_the_same_key(tmp_path: Path) -> None:
    with running_sandbox("--state", str(tmp_path)) as base:
        assert httpx.put(f"{base}/banks/norden", json=BANK).status_code == 201
        key = httpx.get(f"{base}/banks/norden/jwks").json()
    with running_sandbox("--state", str(tmp_path)) as base:
        wait_until(lambda: httpx.get(f"{base}/banks/norden").is_success)
        assert httpx.get(f"{base}/banks/norden/jwks").json() == key
