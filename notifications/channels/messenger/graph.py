"""Calling the Graph API: addresses, and what proves that the call is the sender's."""

import hashlib
import hmac
from functools import lru_cache
from typing import Any

from django.conf import settings

SIMULATED = "is_simulated"  # among a sender's secrets: its Page is one of the sandbox, wherever others are


def graph_url(path: str, secrets: dict[str, Any]) -> str:
    """`path` under the version we speak, at the platform that the sender is on."""
    base = settings.SANDBOX_URL if SIMULATED in secrets else settings.MESSENGER_GRAPH_URL
    return f"{base}/{settings.MESSENGER_GRAPH_VERSION}/{path}"


def credentials(secrets: dict[str, Any]) -> dict[str, str]:
    """The query parameters of every call."""
    token = secrets["access_token"]
    return {"access_token": token, "appsecret_proof": _proof(secrets["app_secret"], token)}


@lru_cache(maxsize=4096)
def _proof(app_secret: str, token: str) -> str:
    return hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()


def error_of(body: Any) -> dict[str, Any] | None:
    """The error that an answer carries, whatever its HTTP status."""
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else None


def code_of(error: dict[str, Any], name: str = "code") -> int:
    """A code, or `error_subcode`, as a number; 0 when it has none."""
    value = error.get(name)
    return value if isinstance(value, int) else 0
