"""What a provider says of itself (OpenID Connect Discovery 1.0), and what it is worth. Network: outside a transaction.

Calls that belong together share a session, and so its five seconds.
"""

from typing import Any
from urllib.parse import urlsplit

import requests
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key

from partners.sender_checks import Finding
from portal.outbound import NotAllowed, check_url
from portal.outbound_requests import OutboundSession

_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_WELL_KNOWN = "/.well-known/openid-configuration"


class Doubtful(OAuth2Error):
    """What the provider said cannot be taken; `str()` is a sentence that says why."""


class NoAnswer(OAuth2Error):
    """The provider did not answer; `str()` is a sentence."""


def fetch_json(
    url: str, *, http: OutboundSession | None = None, method: str = "GET", **options: Any
) -> dict[str, Any]:
    """An object from the provider; raises Doubtful or NoAnswer."""
    try:
        answer = (http or OutboundSession()).request(method, url, **options)
        if answer.status_code != 200:
            raise NoAnswer(f"It answered {answer.status_code} where 200 was due.")
        found = answer.json()
    except (requests.JSONDecodeError, requests.TooManyRedirects) as error:
        raise Doubtful("It answered with something else than JSON.") from error
    except requests.RequestException as error:
        raise NoAnswer("It did not answer in time, or is not on the public internet.") from error
    if not isinstance(found, dict):
        raise Doubtful("It answered with something else than an object.")
    return found


def fetch_configuration(issuer: str, http: OutboundSession | None = None) -> dict[str, Any]:
    """The provider's own description, of this issuer and with addresses that may be used."""
    found = fetch_json(issuer.rstrip("/") + _WELL_KNOWN, http=http)
    if found.get("issuer") != issuer:
        raise Doubtful(f"It calls itself “{str(found.get('issuer'))[:200]}”, which is not this issuer.")
    for name in _ENDPOINTS:
        try:
            check_url(str(found.get(name, "")))
        except NotAllowed as error:
            raise Doubtful(f"Its “{name}” cannot be used: {error}") from error
    return found


def fetch_keys(url: str, http: OutboundSession | None = None) -> KeySet:
    """The public keys it signs with; those of a kind that is unknown here are left out."""
    given = fetch_json(url, http=http).get("keys")
    keys = []
    for one in given if isinstance(given, list) else []:
        try:
            if one.get("use", "sig") == "sig" and one["kty"] in ("RSA", "EC", "OKP"):
                keys.append(import_key(one))
        except (JoseError, ValueError, KeyError, TypeError, AttributeError):
            continue
    if not keys:
        raise Doubtful("Its key set has no key for signatures.")
    return KeySet(keys)


def check_provider(issuer: str) -> list[Finding]:
    """Asks the provider for all that a sign-in needs before a person is there. Never raises for what it says."""
    return look_at(issuer)[0]


def look_at(issuer: str) -> tuple[list[Finding], str]:
    """The same, with the name of the host that people are sent to ("" where that is not known)."""
    http = OutboundSession()
    try:
        found = fetch_configuration(issuer, http)
        keys = fetch_keys(found["jwks_uri"], http)
    except OAuth2Error as error:
        return [Finding("Provider", False, str(error))], ""
    has_pkce = "S256" in listed(found, "code_challenge_methods_supported", "S256")
    has_code = "code" in listed(found, "response_types_supported", "code")
    findings = [
        Finding("Provider", True, "It is reached, and says that it is this issuer."),
        Finding("Keys", True, f"Keys for signatures: {len(keys.keys)}."),
        Finding(
            "Way of signing in",
            has_pkce and has_code,
            "It knows the authorization code with PKCE."
            if has_pkce and has_code
            else "Allow the authorization code flow with PKCE (S256).",
        ),
    ]
    return findings, host_of(found)


def listed(configuration: dict[str, Any], name: str, default: str) -> list[Any]:
    """A list that it may leave out."""
    found = configuration.get(name)
    return found if isinstance(found, list) and found else [default]


def host_of(configuration: dict[str, Any]) -> str:
    """Where people sign in."""
    return urlsplit(configuration["authorization_endpoint"]).hostname or ""
