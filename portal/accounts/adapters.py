"""allauth's extension points."""

import base64
from functools import lru_cache

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.ids import uuid7
from portal.vault.crypto import DataKeyMaterial, key_encryption_keys, open_sealed, seal

_PLACE = b"mfa"


class AccountAdapter(DefaultAccountAdapter):
    """As allauth's own."""


class MFAAdapter(DefaultMFAAdapter):
    """Authenticator secrets are sealed; allauth alone would store them in clear."""

    def encrypt(self, text: str) -> str:
        """Base64 of `kek id:sealed`."""
        name = next(iter(key_encryption_keys()))
        return f"{name}:{base64.b64encode(seal(_key(name), text.encode(), aad=_PLACE)).decode()}"

    def decrypt(self, encrypted_text: str) -> str:
        """The text; raises CannotOpen."""
        name, _, sealed = encrypted_text.partition(":")
        return open_sealed(_key(name), base64.b64decode(sealed), aad=_PLACE).decode()


@lru_cache(maxsize=8)
def _key(kek_id: str) -> DataKeyMaterial:
    kek = key_encryption_keys()[kek_id]
    return DataKeyMaterial(uuid7(), HKDF(SHA256(), 32, salt=None, info=b"parley mfa").derive(kek))
