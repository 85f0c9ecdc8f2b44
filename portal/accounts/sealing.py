"""Texts of a user's, sealed under a key of the place where they are kept."""

import base64
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.ids import uuid7
from portal.vault.crypto import DataKeyMaterial, key_encryption_keys, open_sealed, seal


def seal_text(text: str, place: bytes) -> str:
    """Base64 of `kek id:sealed`."""
    name = next(iter(key_encryption_keys()))
    return f"{name}:{base64.b64encode(seal(_key(name, place), text.encode(), aad=place)).decode()}"


def open_text(sealed_text: str, place: bytes) -> str:
    """The text; raises CannotOpen."""
    name, _, sealed = sealed_text.partition(":")
    return open_sealed(_key(name, place), base64.b64decode(sealed), aad=place).decode()


@lru_cache(maxsize=8)
def _key(kek_id: str, place: bytes) -> DataKeyMaterial:
    kek = key_encryption_keys()[kek_id]
    return DataKeyMaterial(uuid7(), HKDF(SHA256(), 32, salt=None, info=b"parley " + place).derive(kek))
