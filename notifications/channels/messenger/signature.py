"""Meta's webhook signature: HMAC-SHA256 over the raw bytes as they came, never over JSON written again."""

import hashlib
import hmac


def is_signed(raw: bytes, header: str, app_secret: str) -> bool:
    """Whether `X-Hub-Signature-256` (`sha256=<hex>`) fits; compared in constant time."""
    scheme, _, given = header.partition("=")
    expected = hmac.new(app_secret.encode(), raw, hashlib.sha256).hexdigest()
    return scheme == "sha256" and hmac.compare_digest(given.encode(), expected.encode())
