"""Takes Messenger's webhook envelope apart: both arrays, standby too, each event with a key of its own."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

KINDS = ("delivery", "read", "postback", "referral", "account_linking", "message")


def split(body: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(kind, dedupe key, event) for every messaging event. Other changes are of no use to us."""
    for entry in body.get("entry", []) if isinstance(body, dict) else []:
        for event in [*entry.get("messaging", []), *entry.get("standby", [])]:
            kind = next((kind for kind in KINDS if kind in event), "other")
            if kind == "message" and event["message"].get("is_echo"):
                kind = "echo"
            yield kind, _key(kind, event), event


def _key(kind: str, event: dict[str, Any]) -> str:
    """A message is known by its id; anything else by all it says."""
    known_by = event["message"].get("mid") if kind in ("message", "echo") else None
    text = f"{kind}:{known_by}" if known_by else json.dumps(event, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
