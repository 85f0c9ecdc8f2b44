"""A simulated bank's sign-in for its customers: an OpenID Connect provider at `/banks/{bank_id}`.

It knows the authorization code with PKCE (S256) only; an ID token names the customer by `sub` and has `accounts`.
Faults: channel `bank`, with the bank's id as `sender`; `error` answers nonsense where JSON is due.
"""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from urllib.parse import unquote, urlencode, urlsplit

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey

from portal.sandbox.banks import find_bank, issuer_of
from portal.sandbox.codes import LIVES_S
from portal.sandbox.context import sandbox_of
from portal.sandbox.html import escape, render_page
from portal.sandbox.problems import Problem
from portal.sandbox.site import POLICY
from portal.sandbox.state import SimulatedBank

ASKED = ("client_id", "redirect_uri", "state", "nonce", "code_challenge", "scope")
NEVER_S = 120  # whoever waits gives up before


def may_misbehave(
    handler: Callable[[web.Request, SimulatedBank], Awaitable[web.StreamResponse]],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Finds the bank in the path, and does what its fault says, if there is one, first or instead."""

    @wraps(handler)
    async def serve(request: web.Request) -> web.StreamResponse:
        bank = find_bank(request)
        fault = sandbox_of(request).faults.take("bank", bank.id)
        if fault is None:
            return await handler(request, bank)
        await asyncio.sleep(fault.latency_ms / 1000 + (NEVER_S if fault.mode == "timeout" else 0))
        if fault.mode == "none":
            return await handler(request, bank)
        if fault.mode == "error":
            return web.Response(status=fault.status or 200, text="Have a nice day.")
        if fault.status is None and request.transport is not None:
            request.transport.abort()
        return web.Response(status=fault.status or 503)

    return serve


@may_misbehave
async def show_configuration(request: web.Request, bank: SimulatedBank) -> web.Response:
    """What the provider says of itself (OpenID Connect Discovery 1.0)."""
    issuer = issuer_of(request, bank)
    configuration = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/jwks",
        "scopes_supported": ["openid"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": ["sub", "accounts"],
        "authorization_response_iss_parameter_supported": True,
    }
    return web.json_response(configuration)


@may_misbehave
async def show_keys(request: web.Request, bank: SimulatedBank) -> web.Response:
    """The public half of the key that signs."""
    return web.json_response({"keys": [ECKey.import_key(bank.key).as_dict(private=False)]})


@may_misbehave
async def show_sign_in(request: web.Request, bank: SimulatedBank) -> web.Response:
    """The bank's page: one of its customers signs in, or cancels."""
    asked = _checked(bank, dict(request.query))
    customers = "".join(
        f'<button class="primary" name="customer" value="{escape(one["ref"])}">{escape(one["name"])}</button>'
        for one in bank.customers
    )
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in asked.items()
    )
    page = render_page(
        "bank.html", bank=bank.name, raw_customers=customers or "It has none.", raw_hidden=hidden
    )
    # The answer to the form leads back to whoever asked
    parts = urlsplit(asked["redirect_uri"])
    allowed = f"form-action 'self' {parts.scheme}://{parts.netloc}"
    page.headers["Content-Security-Policy"] = POLICY.replace("form-action 'self'", allowed)
    return page


@may_misbehave
async def sign_in(request: web.Request, bank: SimulatedBank) -> web.Response:
    """Leads back with a code; or with `access_denied` where somebody cancelled."""
    typed = {k: str(v) for k, v in (await request.post()).items()}
    asked = _checked(bank, typed)
    customer = next((one for one in bank.customers if one["ref"] == typed.get("customer")), None)
    if customer is None:
        answer = {"error": "access_denied"}
    else:
        answer = {"code": sandbox_of(request).codes.give(bank, customer, asked)}
    answer |= {"state": asked["state"], "iss": issuer_of(request, bank)}
    joint = "&" if urlsplit(asked["redirect_uri"]).query else "?"
    raise web.HTTPSeeOther(asked["redirect_uri"] + joint + urlencode(answer))


@may_misbehave
async def give_tokens(request: web.Request, bank: SimulatedBank) -> web.Response:
    """`POST …/token`: an ID token for a code, to the client it was given to, with the verifier of its challenge."""
    form = {k: str(v) for k, v in (await request.post()).items()}
    if not _is_client(bank, request.headers.get("Authorization", "")):
        return web.json_response({"error": "invalid_client"}, status=401)
    code = sandbox_of(request).codes.take(form.get("code", ""))
    fits = (
        code is not None
        and code.bank is bank
        and form.get("grant_type") == "authorization_code"
        and form.get("redirect_uri") == code.asked["redirect_uri"]
        and hmac.compare_digest(_challenge(form.get("code_verifier", "")), code.asked["code_challenge"])
    )
    if code is None or not fits:
        return web.json_response({"error": "invalid_grant"}, status=400)
    now = int(time.time())
    claims = {
        "iss": issuer_of(request, bank), "aud": bank.client_id, "iat": now, "exp": now + 300, "auth_time": now,
        "nonce": code.asked["nonce"], **_about(code.customer), **bank.claims,
    }  # fmt: skip
    claims = {name: value for name, value in claims.items() if value is not None}
    key = ECKey.import_key(bank.key)
    answer = {
        "access_token": sandbox_of(request).codes.give(bank, code.customer, {}),
        "token_type": "Bearer",
        "expires_in": LIVES_S,
        "id_token": jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key),
    }
    return web.json_response(answer, headers={"Cache-Control": "no-store"})


@may_misbehave
async def show_userinfo(request: web.Request, bank: SimulatedBank) -> web.Response:
    """`GET …/userinfo`: the same of the customer as in the ID token, once for an access token."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    known = sandbox_of(request).codes.take(token)
    if known is None or known.bank is not bank:
        return web.json_response({"error": "invalid_token"}, status=401)
    return web.json_response(_about(known.customer))


def _about(customer: dict) -> dict:
    return {"sub": customer["ref"], "accounts": customer["accounts"]}


def _checked(bank: SimulatedBank, asked: dict[str, str]) -> dict[str, str]:
    """The parts that matter. Raises `Problem` 400 where a provider must not lead back (RFC 6749 §4.1.2.1)."""
    found = {name: asked.get(name, "") for name in ASKED}
    if found["client_id"] != bank.client_id or found["redirect_uri"] not in bank.redirect_uris:
        raise Problem(400, "invalid_request", "This client or its redirect_uri is not registered here.")
    method, kind = asked.get("code_challenge_method", "S256"), asked.get("response_type", "code")
    if not all(found.values()) or method != "S256" or kind != "code" or "openid" not in found["scope"]:
        raise Problem(
            400, "invalid_request", "Use a code, PKCE with S256, state, nonce and the scope openid."
        )
    return found


def _is_client(bank: SimulatedBank, header: str) -> bool:
    """`client_secret_basic`: each half is form-encoded (RFC 6749 §2.3.1)."""
    try:
        given = base64.b64decode(header.removeprefix("Basic "), validate=True).decode()
    except ValueError:
        return False
    name, _, secret = given.partition(":")
    is_secret = hmac.compare_digest(unquote(secret).encode(), bank.client_secret.encode())
    return unquote(name) == bank.client_id and is_secret


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
