"""The authorization code flow with PKCE (RFC 6749, 7636, 9207): out to a provider and back, with nothing kept of
its tokens. Network: outside a transaction.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from partners.oidc.discovery import Doubtful, fetch_configuration, fetch_json, fetch_keys, host_of, listed
from partners.oidc.id_token import read_id_token
from portal.outbound_requests import OutboundSession

_BASIC = "client_secret_basic"


class Provider(NamedTuple):
    """One as its bank configured it. `host` is where people were sent when it was last checked."""

    issuer: str
    client_id: str
    secret: str
    scopes: str
    host: str


class Begun(NamedTuple):
    """What has to be known when the person is back. It stays on this side: `verifier` is a secret."""

    issuer: str
    redirect_uri: str
    nonce: str
    verifier: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    takes_basic: bool
    names_itself: bool  # in the answer, by `iss`


def begin(provider: Provider, *, redirect_uri: str, state: str, locale: str) -> tuple[str, Begun]:
    """The address to send the person to, and what to keep. Raises Doubtful or NoAnswer."""
    told = fetch_configuration(provider.issuer)
    if host_of(told) != provider.host:
        raise Doubtful("It sends people somewhere else than when it was last checked.")
    begun = Begun(
        issuer=provider.issuer,
        redirect_uri=redirect_uri,
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        token_endpoint=told["token_endpoint"],
        jwks_uri=told["jwks_uri"],
        userinfo_endpoint=str(told.get("userinfo_endpoint", "")),
        takes_basic=_BASIC in listed(told, "token_endpoint_auth_methods_supported", _BASIC),
        names_itself=told.get("authorization_response_iss_parameter_supported") is True,
    )
    asked = {
        "response_type": "code", "client_id": provider.client_id, "scope": provider.scopes,
        "redirect_uri": redirect_uri, "state": state, "nonce": begun.nonce, "ui_locales": locale,
        "code_challenge_method": "S256", "code_challenge": _challenge(begun.verifier),
    }  # fmt: skip
    page = told["authorization_endpoint"]
    return f"{page}{'&' if '?' in page else '?'}{urlencode(asked)}", begun


def finish(
    provider: Provider, begun: Begun, answer: Mapping[str, str], *, wanted: Iterable[str]
) -> dict[str, Any]:
    """What the provider vouches for, once all of it fits: the ID token's claims, and those of its userinfo where one
    that is wanted is not among them. Raises Doubtful or NoAnswer.
    """
    told = answer.get("iss")
    if provider.issuer != begun.issuer or told not in (
        [begun.issuer] if begun.names_itself else [begun.issuer, None]
    ):
        raise Doubtful("It is not the provider that this sign-in began with.")
    http = OutboundSession()
    tokens = _exchange(provider, begun, answer.get("code", ""), http)
    claims = read_id_token(
        str(tokens.get("id_token", "")),
        fetch_keys(begun.jwks_uri, http),
        issuer=begun.issuer,
        client_id=provider.client_id,
        nonce=begun.nonce,
    )
    if all(name in claims for name in wanted) or not begun.userinfo_endpoint:
        return claims
    headers = {"Authorization": f"Bearer {tokens.get('access_token', '')}"}
    more = fetch_json(begun.userinfo_endpoint, http=http, headers=headers)
    if more.get("sub") != claims["sub"]:
        raise Doubtful("It told of somebody else than the ID token does.")
    return {**more, **claims}


def _exchange(provider: Provider, begun: Begun, code: str, http: OutboundSession) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": begun.redirect_uri,
        "code_verifier": begun.verifier,
    }  # fmt: skip
    if not begun.takes_basic:
        form |= {"client_id": provider.client_id, "client_secret": provider.secret}
    # RFC 6749 §2.3.1: each half is form-encoded first
    pair = (quote(provider.client_id, safe=""), quote(provider.secret, safe=""))
    auth = pair if begun.takes_basic else None
    return fetch_json(begun.token_endpoint, http=http, method="POST", data=form, auth=auth)


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
