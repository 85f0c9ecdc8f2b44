"""Public keys of clients: registered strictly, and good for a token."""

import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from django.conf import settings
from django.db import transaction
from joserfc import jwk, jwt

from partners.actions.clients import add_client_key, revoke_client
from partners.client_authentication import ASSERTION_TYPE
from partners.refusals import Refused
from portal.audit.models import AuditEvent
from portal.ids import uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

EC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()
KINDS = [(EC, "EC", "ES256"), (RSA, "RSA", "PS256"), (ED25519, "OKP", "EdDSA")]


def pem(key: Any) -> str:
    """The public half."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def as_jwk(key: Any, kind: str, *, private: bool = False, **more: Any) -> str:
    return json.dumps(jwk.import_key(private_pem(key), kind).as_dict(private=private) | more)


def ask(caller: Any, key: Any, kind: str, algorithm: str, kid: str) -> int:
    """The status of a request for a token that this key signed."""
    claims = {
        "iss": caller.client_id,
        "sub": caller.client_id,
        "aud": f"{settings.BASE_URL}/oauth/token",
        "exp": int(time.time()) + 60,
        "jti": uuid7().hex,
    }
    signing = jwk.import_key(private_pem(key), kind)
    assertion = jwt.encode({"alg": algorithm, "kid": kid}, claims, signing, algorithms=[algorithm])
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    return caller.http.post("/oauth/token", {"grant_type": "client_credentials", **form}).status_code


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize(("key", "kind", "algorithm"), KINDS)
@pytest.mark.parametrize("write", ["pem", "jwk"])
def test_a_client_signs_with_its_key(caller: Any, key: Any, kind: str, algorithm: str, write: str) -> None:
    assert ask(caller, key, kind, algorithm, "unknown") == 401

    text = pem(key) if write == "pem" else as_jwk(key, kind)
    added = add_client_key(client_id=caller.id, public_key=text, actor=caller.owner)

    assert ask(caller, key, kind, algorithm, added.kid) == 200
    assert added.kid == jwk.import_key(pem(key), kind).thumbprint()


def test_a_key_keeps_its_own_name_and_nothing_else(caller: Any) -> None:
    text = as_jwk(EC, "EC", kid="2026-11", x5u="https://elsewhere.example", use="sig")
    added = add_client_key(client_id=caller.id, public_key=text, actor=caller.owner)

    assert added.kid == "2026-11"
    assert added.jwk.keys() == {"kty", "crv", "x", "y"}


def test_the_trail_tells_of_it(caller: Any) -> None:
    added = add_client_key(client_id=caller.id, public_key=pem(EC), actor=caller.owner)

    with scope(Principal.system()), transaction.atomic():
        event = AuditEvent.objects.get(code="client.key_added")
    assert (event.target_id, event.actor_id) == (caller.id, caller.owner.id)
    assert event.data == {"kid": added.kid, "kty": "EC"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (private_pem(EC), "private"),
        (private_pem(RSA), "private"),
        (as_jwk(EC, "EC", private=True), "private"),
        (as_jwk(RSA, "RSA", private=True), "private"),
        (as_jwk(ED25519, "OKP", private=True), "private"),
        ('{"kty": "oct", "k": "c2VjcmV0"}', "private"),
        (pem(rsa.generate_private_key(65537, 1024)), "2048"),
        (pem(rsa.generate_private_key(3, 2048)), "2048"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "P-256"),
        (pem(ec.generate_private_key(ec.SECP256K1())), "P-256"),
        (pem(ed448.Ed448PrivateKey.generate()), "Ed25519"),
        (pem(dsa.generate_private_key(2048)), "P-256"),
        (as_jwk(EC, "EC", use="enc"), "P-256"),
        (as_jwk(EC, "EC", crv="P-521"), "P-256"),
        (as_jwk(EC, "EC", y=json.loads(as_jwk(EC, "EC"))["x"]), "no public key"),
        (as_jwk(EC, "EC", kid="k" * 129), "kid"),
        (as_jwk(EC, "EC", kid=7), "kid"),
        ('{"kty": "RSA", "n": "AQAB", "e": "AQAB"}', "2048"),
        ('{"kty": "RSA"}', "no public key"),
        ('{"keys": []}', "no public key"),
        ("[]", "no public key"),
        ("", "no public key"),
        ("[" * 100_000, "no public key"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "no public key"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "no public key"),
    ],
)
def test_what_is_private_weak_or_no_key_is_refused(caller: Any, text: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        add_client_key(client_id=caller.id, public_key=text, actor=caller.owner)


def test_a_key_is_added_once(caller: Any) -> None:
    add_client_key(client_id=caller.id, public_key=as_jwk(EC, "EC", kid="one"), actor=caller.owner)

    for again in (as_jwk(EC, "EC", kid="two"), as_jwk(ED25519, "OKP", kid="one")):
        with pytest.raises(Refused, match="already"):
            add_client_key(client_id=caller.id, public_key=again, actor=caller.owner)


def test_only_the_bank_s_own_with_the_right_may_add_one(caller: Any, make_caller: Any) -> None:
    stranger = make_caller("second").owner
    powerless = Principal(Kind.MEMBER, id=caller.owner.id, partner_id=caller.partner_id)

    for actor in (stranger, powerless):
        with pytest.raises(Refused, match="role"):
            add_client_key(client_id=caller.id, public_key=pem(EC), actor=actor)


def test_a_revoked_client_gets_none_and_its_keys_are_over(caller: Any) -> None:
    added = add_client_key(client_id=caller.id, public_key=pem(EC), actor=caller.owner)
    revoke_client(client_id=caller.id, actor=caller.owner)

    assert ask(caller, EC, "EC", "ES256", added.kid) == 401
    with pytest.raises(Refused, match="revoked"):
        add_client_key(client_id=caller.id, public_key=pem(ED25519), actor=caller.owner)
