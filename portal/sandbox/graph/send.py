"""`POST /{page}/messages`: the Send API."""

from typing import Any

from portal.sandbox.context import Sandbox
from portal.sandbox.faults import Fault
from portal.sandbox.graph.call import Call, Reply, parameter
from portal.sandbox.graph.content import Shown, check_message, check_messaging_type
from portal.sandbox.graph.errors import (
    invalid,
    missing,
    outside_window,
    person_unavailable,
    unknown_person,
)
from portal.sandbox.graph.templates import render
from portal.sandbox.state import TO_PERSON, Page, Phone

SENDER_ACTIONS = ("typing_on", "typing_off", "mark_seen")


def send(sandbox: Sandbox, page: Page, call: Call, fault: Fault | None) -> Reply:
    """Check the send, show it on the phone and plan its receipts. Raises `GraphError`."""
    phone = _recipient(sandbox, page, parameter(call.params, "recipient"))
    if "sender_action" in call.params:
        return _sender_action(call.params["sender_action"], phone)
    kind = check_messaging_type(call.params)
    message = parameter(call.params, "message")
    shown = _content(page, kind, message)
    _check_reachable(phone, kind)
    raw = {"recipient": {"id": phone.address}, "messaging_type": kind, "message": message}
    bubble = sandbox.world.add_message(
        phone,
        direction=TO_PERSON,
        text=shown.text,
        buttons=shown.buttons,
        quick_replies=shown.quick_replies,
        raw=raw,
    )
    sandbox.receipts.follow(page, phone, bubble, fault)
    return Reply({"recipient_id": phone.address, "message_id": bubble.id})


def _recipient(sandbox: Sandbox, page: Page, recipient: Any) -> Phone:
    if not isinstance(recipient, dict) or not recipient:
        raise missing("recipient")
    psid = recipient.get("id")
    if not isinstance(psid, str | int) or not psid:
        raise invalid("Param recipient[id] must be a page-scoped id")
    phone = sandbox.world.phone(page.id, str(psid))
    if phone is None:
        raise unknown_person()
    return phone


def _sender_action(action: Any, phone: Phone) -> Reply:
    if action not in SENDER_ACTIONS:
        raise invalid(f"Param sender_action must be one of {{{', '.join(SENDER_ACTIONS)}}}")
    if phone.blocked:
        raise person_unavailable()
    return Reply({"recipient_id": phone.address})


def _content(page: Page, kind: str, message: Any) -> Shown:
    if kind == "UTILITY":
        return render(page, message)
    if isinstance(message, dict) and "template" in message:
        raise invalid("message[template] requires messaging_type UTILITY")
    return check_message(message)


def _check_reachable(phone: Phone, kind: str) -> None:
    """A blocked page reaches nobody; outside the 24-hour window only utility messages pass."""
    if phone.blocked:
        raise person_unavailable()
    if kind != "UTILITY" and not phone.window_open(days=7 if kind == "MESSAGE_TAG" else 1):
        raise outside_window()
