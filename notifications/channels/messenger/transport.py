"""Messenger's Send API (Graph)."""

import hashlib
import hmac
import json
from functools import lru_cache
from typing import Any

import aiohttp
from django.conf import settings

from notifications.channels.base import Answer, Message, Outcome
from notifications.channels.messenger.errors import classify

UTILITY_TEMPLATE = "parley_update"
LONGEST_PARAMETER = 900


class Messenger:
    """Inside 24 hours of the person's last word a plain RESPONSE; outside it the UTILITY template."""

    async def send(
        self, http: aiohttp.ClientSession, *, page: str, secrets: dict[str, Any], message: Message
    ) -> Answer:
        """One POST. A connection that never opened is transient; silence after the request left is unknown."""
        token = secrets["access_token"]
        query = {"access_token": token, "appsecret_proof": _proof(secrets["app_secret"], token)}
        url = f"{settings.MESSENGER_GRAPH_URL}/{settings.MESSENGER_GRAPH_VERSION}/{page}/messages"
        try:
            async with http.post(url, params=query, json=_body(message)) as response:
                return _read(response.status, await response.read(), response.headers)
        except aiohttp.ClientConnectorError:
            return Answer(Outcome.TRANSIENT, code="connection_refused")
        except TimeoutError:
            return Answer(Outcome.UNKNOWN, code="timeout")
        except (aiohttp.ClientError, OSError):
            return Answer(Outcome.UNKNOWN, code="connection_lost")


@lru_cache(maxsize=4096)
def _proof(app_secret: str, token: str) -> str:
    return hmac.new(app_secret.encode(), token.encode(), hashlib.sha256).hexdigest()


def _body(message: Message) -> dict[str, Any]:
    recipient = {"id": message.address}
    if not message.in_window:
        return {
            "recipient": recipient,
            "messaging_type": "UTILITY",
            "message": {"template": _template(message.text), "metadata": message.reference},
        }
    content: dict[str, Any] = {"text": message.text}
    if message.buttons:
        payload = {"template_type": "button", "text": message.text, "buttons": list(message.buttons)}
        content = {"attachment": {"type": "template", "payload": payload}}
    content["metadata"] = message.reference
    return {"recipient": recipient, "messaging_type": "RESPONSE", "message": content}


def _template(text: str) -> dict[str, Any]:
    return {
        "name": UTILITY_TEMPLATE,
        "language": {"code": "en"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": text[:LONGEST_PARAMETER]}]}],
    }


def _read(status: int, raw: bytes, headers: Any) -> Answer:
    try:
        body = json.loads(raw)
    except ValueError:
        body = {}
    error = body.get("error") if isinstance(body, dict) else None
    if error is None and status == 200 and body.get("message_id"):
        return Answer(Outcome.SENT, provider_id=body["message_id"])
    error = error or {}
    code, subcode = int(error.get("code") or 0), int(error.get("error_subcode") or 0)
    outcome = classify(status, code, subcode)
    shown = f"{code}/{subcode}" if subcode else str(code or f"http_{status}")
    return Answer(outcome, code=shown, wait=_wait(headers) if outcome is Outcome.THROTTLED else 0.0)


def _wait(headers: Any) -> float:
    """Minutes to regain access, from `X-Business-Use-Case-Usage`, in seconds."""
    try:
        usage = json.loads(headers.get("X-Business-Use-Case-Usage", "{}"))
        minutes = [row.get("estimated_time_to_regain_access", 0) for rows in usage.values() for row in rows]
    except (ValueError, AttributeError):
        return 0.0
    return 60.0 * max(minutes, default=0)
