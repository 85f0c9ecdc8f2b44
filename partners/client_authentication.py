"""How a client proves who it is: a secret (RFC 6749 §2.3.1) or a signed assertion (RFC 7523)."""

import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from joserfc import jwk, jws, jwt
from joserfc.errors import JoseError

from partners.api_client import ApiClient, ClientKey, ClientSecret
from partners.client_key_sets import fetched_keys
from portal.api import valkey

ALGORITHMS = ["PS256", "ES256", "EdDSA", "Ed25519"]
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_LIFE = 300  # seconds an assertion may still live
_CLOCK_SKEW = 10  # seconds a client's clock may be ahead (FAPI 2.0 §5.3.2.1)
LONGEST_ASSERTION = 8192  # characters
_USE_NOTED_EVERY = timedelta(minutes=1)


def secret_digest(secret: str) -> bytes:
    """HMAC-SHA256 of a secret under the portal's pepper: 32 bytes."""
    return hmac.digest(settings.PARLEY_PEPPER.encode(), secret.encode(), hashlib.sha256)


def secret_is_right(client: ApiClient, secret: str) -> bool:
    """Whether it is one of the client's live secrets; notes its use, to the minute."""
    now = timezone.now()
    found = ClientSecret.objects.live(now).filter(client=client, digest=secret_digest(secret)).first()
    if found is None:
        return False
    _note_use(found)
    return True


def _note_use(found: ClientSecret | ClientKey) -> None:
    now = timezone.now()
    if found.last_used_at is None or found.last_used_at < now - _USE_NOTED_EVERY:
        type(found).objects.filter(pk=found.pk).update(last_used_at=now)


def claimed_client_id(assertion: str) -> str:
    """Whom an assertion speaks for, before it is verified; "" when it is none."""
    try:
        claims = json.loads(jws.extract_compact(assertion.encode()).payload)
    except (JoseError, ValueError):
        return ""
    subject = claims.get("sub") if isinstance(claims, dict) else None
    return subject if isinstance(subject, str) else ""


def assertion_is_right(client: ApiClient, assertion: str) -> bool:
    """Whether one of the client's keys signed it, for us, for five minutes at most, and it is new.

    Raises valkey.Unreachable when it cannot be known whether it was used before.
    """
    own = {key.kid: key for key in ClientKey.objects.filter(client=client, revoked_at=None)}
    keys = [{**key.jwk, "kid": kid} for kid, key in own.items()]
    keys += [key for key in fetched_keys(client) if key["kid"] not in own]
    if not keys or len(assertion) > LONGEST_ASSERTION:
        return False
    try:
        key_set = jwk.KeySet.import_key_set({"keys": keys})
        token = jwt.decode(assertion, key_set, algorithms=ALGORITHMS)
    except (JoseError, ValueError):
        return False
    if not (_claims_fit(client, token.claims) and _first_use(client, token.claims)):
        return False
    if (used := own.get(str(token.header.get("kid", "")))) is not None:
        _note_use(used)
    return True


def _claims_fit(client: ApiClient, claims: dict[str, Any]) -> bool:
    now = time.time()
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    expires, starts = claims.get("exp"), [claims.get("iat", now), claims.get("nbf", now)]
    return (
        claims.get("iss") == claims.get("sub") == client.client_id
        and any(place in audiences for place in (settings.BASE_URL, f"{settings.BASE_URL}/oauth/token"))
        and isinstance(expires, int | float)
        and now < expires <= now + _LONGEST_LIFE + _CLOCK_SKEW
        and all(isinstance(moment, int | float) and moment <= now + _CLOCK_SKEW for moment in starts)
        and isinstance(claims.get("jti"), str)
        and 0 < len(claims["jti"]) <= 255
    )


def _first_use(client: ApiClient, claims: dict[str, Any]) -> bool:
    seen = hashlib.sha256(claims["jti"].encode()).hexdigest()
    lifetime = _LONGEST_LIFE + 2 * _CLOCK_SKEW
    return bool(valkey.call(valkey.client().set, f"jti:{client.id}:{seen}", "1", nx=True, ex=lifetime))
