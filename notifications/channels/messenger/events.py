"""Takes Messenger's webhook envelope apart: both arrays, standby too, each event with a key of its own."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

KINDS = ("delivery", "read", "postback", "referral", "account_linking", "message")


def split(body: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(kind, dedupe key, event) for every messaging event; one that another application has to answer is marked
    `is_standby`. Other changes are of no use to us, and what is not shaped as documented is passed over.
    """
    for entry in _objects(body.get("entry") if isinstance(body, dict) else None):
        for part in ("messaging", "standby"):
            for event in _objects(entry.get(part)):
                kind = next((kind for kind in KINDS if isinstance(event.get(kind), dict)), "other")
                if kind == "message" and event["message"].get("is_echo"):
                    kind = "echo"
                key = _key(kind, event)
                yield kind, key, {**event, "is_standby": True} if part == "standby" else event


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _key(kind: str, event: dict[str, Any]) -> str:
    """A message is known by its id; anything else by all it says."""
    known_by = event["message"].get("mid") if kind in ("message", "echo") else None
    text = f"{kind}:{known_by}" if known_by else json.dumps(event, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
