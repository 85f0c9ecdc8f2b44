"""The ids of events as banks see them. Rows are numbered over all banks: the number itself would tell how much the
others do.
"""

import base64
from functools import lru_cache
from uuid import UUID

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


def hide(number: int) -> UUID:
    """The event's id: its number, encrypted as one block."""
    return UUID(bytes=_crypt(_cipher().encryptor(), number.to_bytes(16)))


def reveal(event_id: UUID) -> int:
    """The number; one that no event has when the id was made up."""
    return min(int.from_bytes(_crypt(_cipher().decryptor(), event_id.bytes)), 2**63 - 1)


def _crypt(context: CipherContext, block: bytes) -> bytes:
    return context.update(block) + context.finalize()


@lru_cache(maxsize=1)
def _cipher() -> Cipher[ECB]:
    root = base64.b64decode(settings.PARLEY_INDEX_KEY)
    key = HKDF(SHA256(), 32, salt=None, info=b"parley audit event id").derive(root)
    return Cipher(AES(key), ECB())  # noqa: S305 (one block, and no two events have the same number)
