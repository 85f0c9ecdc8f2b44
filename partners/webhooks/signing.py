"""Secrets and signatures of Standard Webhooks 1.0, and what of them is kept and shown."""

import base64
import hashlib
import hmac
import json
import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

from portal.api.times import rfc3339
from portal.ids import public_id
from portal.vault.crypto import DataKeyMaterial, open_sealed, seal

PREFIX = "whsec_"
LARGEST_BODY = 20_000  # bytes
_SHOWN = 11  # characters of a signature: its version and the first eight


def new_secret() -> str:
    """256 random bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(secret: str, *, message_id: UUID, timestamp: int, body: bytes) -> str:
    """`v1,…`: HMAC-SHA256 over id, time and body."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    content = f"{public_id('evt', message_id)}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


def headers(found: list[str], *, message_id: UUID, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers, with a signature for each living secret."""
    timestamp = int(at.timestamp())
    signatures = [sign(one, message_id=message_id, timestamp=timestamp, body=body) for one in found]
    return {
        "webhook-id": public_id("evt", message_id),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def shortened(signatures: str) -> str:
    """Enough to compare with one's own, too little to use."""
    return " ".join(f"{one[:_SHOWN]}…" for one in signatures.split())


def write_body(
    *, event_type: str, at: datetime, data: dict[str, Any], sequence: int | None, environment: str
) -> bytes:
    """The same bytes in every try."""
    numbered = data if sequence is None else {**data, "sequence": sequence}
    whole = {"type": event_type, "timestamp": rfc3339(at), "data": numbered, "environment": environment}
    return to_json(whole)


def to_json(value: Any) -> bytes:
    """Without spaces, in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def seal_secret(key: DataKeyMaterial, endpoint_id: UUID, secret: str) -> bytes:
    """With the bank's own key."""
    return seal(key, secret.encode(), aad=_secret_place(endpoint_id))


def open_secret(key: DataKeyMaterial, endpoint_id: UUID, sealed: bytes | memoryview) -> str:
    """Raises CannotOpen."""
    return open_sealed(key, sealed, aad=_secret_place(endpoint_id)).decode()


def seal_data(key: DataKeyMaterial, message_id: UUID, data: dict[str, Any]) -> bytes:
    """With the person's key, or the bank's own."""
    return seal(key, to_json(data), aad=b"webhook.data" + message_id.bytes)


def open_data(key: DataKeyMaterial, message_id: UUID, sealed: bytes | memoryview) -> dict[str, Any]:
    """Raises CannotOpen."""
    return json.loads(open_sealed(key, sealed, aad=b"webhook.data" + message_id.bytes))


def seal_response(key: DataKeyMaterial, delivery_id: UUID, response: bytes) -> bytes:
    """With the message's key: it may repeat what we sent."""
    return seal(key, response, aad=b"webhook.response" + delivery_id.bytes)


def open_response(key: DataKeyMaterial, delivery_id: UUID, sealed: bytes | memoryview) -> bytes:
    """Raises CannotOpen."""
    return open_sealed(key, sealed, aad=b"webhook.response" + delivery_id.bytes)


def _secret_place(endpoint_id: UUID) -> bytes:
    return b"webhook.secret" + endpoint_id.bytes
