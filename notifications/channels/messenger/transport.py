"""Messenger's Send API (Graph)."""

import json
from functools import lru_cache
from typing import Any

import aiohttp
from yarl import URL

from notifications.channels.base import Answer, Message, Outcome
from notifications.channels.http import TimedBody
from notifications.channels.messenger.errors import classify
from notifications.channels.messenger.graph import code_of, credentials, error_of, graph_url
from notifications.channels.messenger.utility import shortened, utility_message
from notifications.why import why_title, why_url

LONGEST_TEXT = 1999
LONGEST_BESIDE_BUTTONS = 640


class Messenger:
    """Inside 24 hours of the person's last word a RESPONSE; outside it the UTILITY template. What is not an answer
    has a button that leads to why it came; where the text is too long for buttons, the address stands below it.
    """

    async def send(
        self, http: aiohttp.ClientSession, *, page: str, secrets: dict[str, Any], message: Message
    ) -> Answer:
        """One POST. A connection that never opened is transient; silence after the request left is unknown."""
        body = TimedBody(_body(message), message.start_until)
        try:
            url = _signed(
                graph_url(f"{page}/messages", secrets), secrets["access_token"], secrets["app_secret"]
            )
            async with http.post(url, data=body) as response:
                return _read(response.status, await response.read(), response.headers)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return Answer(Outcome.TRANSIENT, code="connection_refused")
        except (aiohttp.ClientError, OSError) as error:  # a timeout is one of the latter
            if body.is_refused:
                return Answer(Outcome.TRANSIENT, code="connection_slow")
            return Answer(
                Outcome.UNKNOWN, code="timeout" if isinstance(error, TimeoutError) else "connection_lost"
            )


@lru_cache(maxsize=1024)
def _signed(url: str, access_token: str, app_secret: str) -> URL:
    """Kept: quoting the credentials anew for each message costs more than writing it."""
    return URL(url).extend_query(credentials({"access_token": access_token, "app_secret": app_secret}))


def _body(message: Message) -> dict[str, Any]:
    recipient = {"id": message.address}
    if not message.in_window:
        return {
            "recipient": recipient,
            "messaging_type": "UTILITY",
            "message": {
                "template": utility_message(message.text, locale=message.locale, why=message.why),
                "metadata": message.reference,
            },
        }
    content = {**_content(message), "metadata": message.reference}
    return {"recipient": recipient, "messaging_type": "RESPONSE", "message": content}


def _content(message: Message) -> dict[str, Any]:
    text, buttons = message.text, list(message.buttons)
    if message.why:
        title, url = why_title(message.locale), why_url(message.why)
        if len(text) > LONGEST_BESIDE_BUTTONS:
            below = f"\n\n{title} {url}"
            return {"text": shortened(text, LONGEST_TEXT - len(below)) + below}
        buttons.append({"type": "web_url", "url": url, "title": title})
    if not buttons:
        return {"text": text}
    payload = {"template_type": "button", "text": text, "buttons": buttons}
    return {"attachment": {"type": "template", "payload": payload}}


def _read(status: int, raw: bytes, headers: Any) -> Answer:
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    error = error_of(body)
    if error is None and status == 200:
        provider_id = body.get("message_id") if isinstance(body, dict) else None
        if provider_id:
            return Answer(Outcome.SENT, provider_id=str(provider_id))
        return Answer(Outcome.UNKNOWN, code="unreadable")
    code, subcode = code_of(error or {}), code_of(error or {}, "error_subcode")
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
