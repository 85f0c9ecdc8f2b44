"""What a send may contain, checked as Meta checks it, and what the phone then shows."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from portal.sandbox.graph.errors import GraphError, invalid, missing

TEXT_BELOW = 2000
METADATA_BELOW = 1000
BUTTON_TEXT_MOST = 640
BUTTONS_MOST = 3
TITLE_MOST = 20
PAYLOAD_MOST = 1000
QUICK_REPLIES_MOST = 13
MESSAGING_TYPES = ("RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY")
RETIRED_TAGS = ("CONFIRMED_EVENT_UPDATE", "ACCOUNT_UPDATE", "POST_PURCHASE_UPDATE")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(slots=True)
class Shown:
    """What the phone shows. Buttons and quick replies are `{"type", "title", "url" or "payload"}`."""

    text: str
    buttons: list[dict] = field(default_factory=list)
    quick_replies: list[dict] = field(default_factory=list)


def check_messaging_type(params: dict[str, Any]) -> str:
    """`RESPONSE`, `UPDATE`, `UTILITY` or, with the HUMAN_AGENT tag, `MESSAGE_TAG`."""
    kind = params.get("messaging_type")
    if kind is None:
        raise missing("messaging_type")
    if kind not in MESSAGING_TYPES:
        raise invalid(f"Param messaging_type must be one of {{{', '.join(MESSAGING_TYPES)}}}")
    tag = params.get("tag")
    if kind == "MESSAGE_TAG":
        if tag in RETIRED_TAGS:
            raise invalid(f"Message tag {tag} is no longer supported. Use a utility message instead.")
        if tag != "HUMAN_AGENT":
            raise invalid("Param tag must be one of {HUMAN_AGENT}")
    elif tag is not None:
        raise invalid("Param tag is only allowed with messaging_type MESSAGE_TAG")
    return kind


def check_message(message: Any) -> Shown:
    """A text, or a button template. Utility templates are `graph.templates`' business."""
    if not isinstance(message, dict) or not message:
        raise missing("message")
    check_metadata(message)
    if "attachment" in message:
        shown = _check_attachment(message)
    else:
        shown = Shown(text=_check_text(message))
    shown.quick_replies = _check_quick_replies(message.get("quick_replies"))
    return shown


def check_metadata(message: dict) -> None:
    metadata = message.get("metadata")
    if metadata is not None and (not isinstance(metadata, str) or len(metadata) >= METADATA_BELOW):
        raise invalid(f"Length of param message[metadata] must be less than {METADATA_BELOW}")


def _check_text(message: dict) -> str:
    text = message.get("text")
    if not isinstance(text, str) or not text.strip():
        raise missing("message[text]")
    if len(text) >= TEXT_BELOW:
        raise invalid(f"Length of param message[text] must be less than {TEXT_BELOW}")
    return text


def _check_attachment(message: dict) -> Shown:
    if "text" in message:
        raise invalid("message must have exactly one of text or attachment")
    attachment = message["attachment"]
    if not isinstance(attachment, dict) or attachment.get("type") != "template":
        raise invalid("The sandbox takes attachments of type template only")
    payload = attachment.get("payload")
    if not isinstance(payload, dict) or payload.get("template_type") != "button":
        raise invalid("Invalid template type")
    text = payload.get("text")
    if not isinstance(text, str) or not text.strip():
        raise missing("message[attachment][payload][text]")
    if len(text) > BUTTON_TEXT_MOST:
        raise invalid(f"Length of param text must be less than or equal to {BUTTON_TEXT_MOST}")
    buttons = payload.get("buttons")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= BUTTONS_MOST:
        raise invalid(f"Param buttons must have 1 to {BUTTONS_MOST} elements")
    return Shown(text=text, buttons=[_check_button(button) for button in buttons])


def _check_button(button: Any) -> dict:
    if not isinstance(button, dict):
        raise invalid("Param buttons must be a list of objects")
    kind = button.get("type")
    if kind == "web_url":
        check_button_url(button.get("url"), schemes=("http", "https"))
        return {"type": kind, "title": _check_title(button), "url": button["url"]}
    if kind == "postback":
        return {"type": kind, "title": _check_title(button), "payload": check_payload(button.get("payload"))}
    if kind == "account_link":
        _refuse_title(button)
        check_button_url(button.get("url"), schemes=("https",))
        return {"type": kind, "title": "Log in", "url": button["url"]}
    if kind == "account_unlink":
        _refuse_title(button)
        return {"type": kind, "title": "Log out"}
    raise invalid("Button type must be one of {web_url, postback, account_link, account_unlink}")


def _refuse_title(button: dict) -> None:
    if "title" in button:
        raise invalid(f"Param title is not allowed for a button of type {button['type']}")


def _check_title(button: dict) -> str:
    title = button.get("title")
    if not isinstance(title, str) or not title.strip():
        raise missing("title of a button")
    if len(title) > TITLE_MOST:
        raise invalid(f"Length of a button's title must be less than or equal to {TITLE_MOST}")
    return title


def check_payload(payload: Any) -> str:
    if not isinstance(payload, str) or not payload:
        raise missing("payload of a button")
    if len(payload) > PAYLOAD_MOST:
        raise invalid(f"Length of a button's payload must be less than or equal to {PAYLOAD_MOST}")
    return payload


def check_button_url(url: Any, *, schemes: tuple[str, ...]) -> None:
    """An absolute address. Where Meta wants https, loopback may use http: it cannot have a certificate."""
    wrong = GraphError(100, "(#100) Button URL is not valid: " + " or ".join(schemes) + " is required")
    if not isinstance(url, str) or any(one.isspace() for one in url):
        raise wrong
    try:
        parts = urlsplit(url)
    except ValueError:
        raise wrong from None
    if not parts.hostname or (parts.scheme not in schemes and parts.hostname not in LOOPBACK):
        raise wrong
    if parts.scheme not in ("http", "https"):
        raise wrong


def _check_quick_replies(replies: Any) -> list[dict]:
    if replies is None:
        return []
    if not isinstance(replies, list) or not 1 <= len(replies) <= QUICK_REPLIES_MOST:
        raise invalid(f"Param message[quick_replies] must have 1 to {QUICK_REPLIES_MOST} elements")
    shown = []
    for reply in replies:
        if not isinstance(reply, dict) or reply.get("content_type") != "text":
            raise invalid("The sandbox takes quick replies of content_type text only")
        title = _check_title(reply)
        shown.append({"type": "quick_reply", "title": title, "payload": check_payload(reply.get("payload"))})
    return shown
