"""An ID token, and whether it is what it has to be (OpenID Connect Core §3.1.3.7)."""

import secrets
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import ClaimsOption

from partners.oidc.discovery import Doubtful

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"]
_CLOCK_SKEW = 60  # seconds
_LONGEST_SUBJECT = 191  # characters; allauth's column


def read_id_token(token: str, keys: KeySet, *, issuer: str, client_id: str, nonce: str) -> dict[str, Any]:
    """The claims, once all of OpenID Connect Core §3.1.3.7 holds; raises Doubtful."""
    must: ClaimsOption = {"essential": True}
    registry = jwt.JWTClaimsRegistry(
        leeway=_CLOCK_SKEW, iss=must, sub=must, aud=must, exp=must, iat=must, nonce=must
    )
    try:
        claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
        registry.validate(claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise Doubtful("Its ID token is not valid, or has run out.") from error
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if claims["iss"] != issuer:
        raise Doubtful("Its ID token is of another issuer.")
    if client_id not in audience or claims.get("azp", client_id) != client_id:
        raise Doubtful("Its ID token is meant for somebody else.")
    if len(audience) > 1 and "azp" not in claims:
        raise Doubtful("Its ID token is meant for several, and does not say for whom.")
    if not nonce or not secrets.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
        raise Doubtful("Its ID token belongs to another sign-in.")
    if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= _LONGEST_SUBJECT:
        raise Doubtful("Its name for you is missing or too long.")
    return claims
