"""A client's public key (RFC 7517), read strictly: nothing private, nothing weak."""

import json
from base64 import urlsafe_b64decode
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from partners.refusals import Refused

SMALLEST_RSA, LARGEST_RSA = 2048, 8192  # bits
_LONGEST_KID = 128
_LONGEST_TEXT = 10_000  # characters
_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_MEMBERS = {("RSA", None): "n e", ("EC", "P-256"): "crv x y", ("OKP", "Ed25519"): "crv x"}
_KINDS = {RSAPublicKey: "RSA", EllipticCurvePublicKey: "EC", Ed25519PublicKey: "OKP"}
_PRIVATE = "This is a private key or a shared secret. Keep it to yourself, and send the public key alone."
_WANTED = f"Use EC P-256, Ed25519, or RSA of {SMALLEST_RSA} to {LARGEST_RSA} bits."
_NO_KEY = "This is no public key: send it as PEM (BEGIN PUBLIC KEY) or as one JWK."


def read_public_key(text: str) -> dict[str, str]:
    """The JWK of a PEM or JWK, with no other members than its own and `kid` (the key's thumbprint, RFC 7638,
    unless it has one). Raises Refused.
    """
    text = text.strip()
    if "PRIVATE KEY" in text:
        raise Refused(_PRIVATE)
    try:
        given = _from_pem(text) if text.startswith("-----") else json.loads(text[:_LONGEST_TEXT])
        return _strict(given)
    except (
        JoseError,
        ValueError,
        TypeError,
        AttributeError,
        KeyError,
        RecursionError,
        UnsupportedAlgorithm,
    ) as error:
        raise Refused(_NO_KEY) from error


def _from_pem(text: str) -> dict[str, Any]:
    found = load_pem_public_key(text.encode())
    if isinstance(found, RSAPublicKey) and found.key_size < SMALLEST_RSA:
        raise Refused(_WANTED)
    kind = next((kind for known, kind in _KINDS.items() if isinstance(found, known)), None)
    if kind is None:
        raise Refused(_WANTED)
    return dict(JWKRegistry.import_key(text, kind).as_dict(private=False))


def _strict(given: dict[str, Any]) -> dict[str, str]:
    if given.keys() & _PRIVATE_MEMBERS:
        raise Refused(_PRIVATE)
    kind = given["kty"]
    if (kind, given.get("crv")) not in _MEMBERS or given.get("use", "sig") != "sig":
        raise Refused(_WANTED)
    if kind == "RSA" and not _is_strong(given):
        raise Refused(_WANTED)
    public = {name: given[name] for name in ("kty", *_MEMBERS[kind, given.get("crv")].split())}
    key = JWKRegistry.import_key(public)
    _ = key.public_key  # raises ValueError for a point that is not on the curve
    kid = given.get("kid") or key.thumbprint()
    if not (isinstance(kid, str) and len(kid) <= _LONGEST_KID and kid.isprintable()):
        raise Refused(f"`kid` is text of at most {_LONGEST_KID} characters.")
    return {**public, "kid": kid}


def _is_strong(given: dict[str, Any]) -> bool:
    size, exponent = _number(given["n"]).bit_length(), _number(given["e"])
    return SMALLEST_RSA <= size <= LARGEST_RSA and exponent >= 65537 and exponent % 2 == 1


def _number(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=="))
