"""AES-256-GCM under wrapped data keys, and blind indexes to look sealed values up by."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

VERSION = b"\x01"
NONCE_BYTES = 12


class CannotOpen(Exception):
    """The value was sealed for another row or under a key that is gone, or has been changed."""


@dataclass(frozen=True, slots=True)
class DataKeyMaterial:
    """An unwrapped data key, for as long as one piece of work needs it."""

    id: UUID
    secret: bytes = field(repr=False)


@lru_cache(maxsize=1)
def key_encryption_keys() -> dict[str, bytes]:
    """By id, the current one first, from `PARLEY_KEK` ("id:base64,id:base64")."""
    keys = {}
    for part in filter(None, settings.PARLEY_KEK.split(",")):
        name, _, encoded = part.strip().partition(":")
        keys[name] = base64.b64decode(encoded)
    if not keys or any(len(key) != 32 for key in keys.values()):
        raise ImproperlyConfigured('Set PARLEY_KEK to "id:base64", where base64 holds 32 random bytes.')
    return keys


def new_wrapped_key(key_id: UUID) -> tuple[str, bytes]:
    """A fresh data key: the id of the key-encryption key it is wrapped by, and the wrapped bytes."""
    kek_id, kek = next(iter(key_encryption_keys().items()))
    return kek_id, _encrypt(kek, secrets.token_bytes(32), key_id.bytes)


def unwrap(wrapped: bytes | memoryview, *, key_id: UUID, kek_id: str) -> DataKeyMaterial:
    """Raises CannotOpen when the key-encryption key is not ours any more."""
    kek = key_encryption_keys().get(kek_id)
    if kek is None:
        raise CannotOpen(kek_id)
    return DataKeyMaterial(key_id, _decrypt(kek, bytes(wrapped), key_id.bytes))


def seal(key: DataKeyMaterial, plaintext: bytes, *, aad: bytes) -> bytes:
    """version | nonce | ciphertext. `aad` binds the value to its place, so that rows cannot be swapped."""
    return _encrypt(key.secret, plaintext, aad)


def open_sealed(key: DataKeyMaterial, sealed: bytes | memoryview, *, aad: bytes) -> bytes:
    """The plaintext; raises CannotOpen."""
    return _decrypt(key.secret, bytes(sealed), aad)


def blind_index(purpose: str, partner_id: UUID, value: str) -> bytes:
    """32 bytes by which equal values of one bank and purpose are found, and nothing else is learned."""
    return hmac.digest(_index_key(partner_id), f"{purpose}\x00{value}".encode(), hashlib.sha256)


@lru_cache(maxsize=1024)
def _index_key(partner_id: UUID) -> bytes:
    root = base64.b64decode(settings.PARLEY_INDEX_KEY)
    if len(root) != 32:
        raise ImproperlyConfigured("Set PARLEY_INDEX_KEY to 32 random bytes in base64.")
    return HKDF(SHA256(), 32, salt=None, info=b"parley blind index" + partner_id.bytes).derive(root)


def _encrypt(secret: bytes, plaintext: bytes, aad: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return VERSION + nonce + AESGCM(secret).encrypt(nonce, plaintext, VERSION + aad)


def _decrypt(secret: bytes, sealed: bytes, aad: bytes) -> bytes:
    if sealed[:1] != VERSION:
        raise CannotOpen("unknown version")
    nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        return AESGCM(secret).decrypt(nonce, body, VERSION + aad)
    except (InvalidTag, ValueError) as error:  # the latter when it is cut short
        raise CannotOpen("not sealed for this place") from error
