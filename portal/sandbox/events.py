"""The bodies of Messenger webhook events: one item of `entry[].messaging[]` each.

Times are in ms. `sender` and `recipient` swap in echoes, as Meta has it.
"""

from portal.sandbox.state import Message, Page, Phone, new_mid
from portal.sandbox.times import now_ms


def _from_person(phone: Phone, at: int | None = None) -> dict:
    return {
        "sender": {"id": phone.address},
        "recipient": {"id": phone.sender},
        "timestamp": at or now_ms(),
    }


def text_message(phone: Phone, message: Message, *, quick_reply: str = "") -> dict:
    content: dict = {"mid": message.id, "text": message.text}
    if quick_reply:
        content["quick_reply"] = {"payload": quick_reply}
    return {**_from_person(phone, message.at), "message": content}


def postback(
    phone: Phone, *, title: str, payload: str, ref: str = "", mid: str = "", at: int | None = None
) -> dict:
    content: dict = {"mid": mid or new_mid(), "title": title, "payload": payload}
    if ref:
        content["referral"] = {"ref": ref, "source": "SHORTLINK", "type": "OPEN_THREAD"}
    return {**_from_person(phone, at), "postback": content}


def referral(phone: Phone, *, ref: str) -> dict:
    content = {"ref": ref, "source": "SHORTLINK", "type": "OPEN_THREAD"}
    return {**_from_person(phone), "referral": content}


def echo(page: Page, phone: Phone, message: Message) -> dict:
    """What the page itself sent; carries the app's id and the metadata of the send."""
    sent = message.raw.get("message", {})
    content: dict = {
        "mid": message.id,
        "is_echo": True,
        "app_id": int(page.app_id or 0),
        "text": message.text,
    }
    if "metadata" in sent:
        content["metadata"] = sent["metadata"]
    if "attachment" in sent:
        content["attachments"] = [sent["attachment"]]
        del content["text"]
    return {
        "sender": {"id": page.id},
        "recipient": {"id": phone.address},
        "timestamp": message.at,
        "message": content,
    }


def delivery(phone: Phone, message: Message, *, with_mids: bool, with_time: bool) -> dict:
    """Meta sometimes leaves out `mids`, and even `timestamp`: the watermark alone counts."""
    content: dict = {"watermark": message.at}
    if with_mids:
        content["mids"] = [message.id]
    event = {**_from_person(phone), "delivery": content}
    if not with_time:
        del event["timestamp"]
    return event


def read(phone: Phone, *, watermark: int) -> dict:
    return {**_from_person(phone), "read": {"watermark": watermark}}


def account_linking(phone: Phone, *, status: str, authorization_code: str = "") -> dict:
    content = {"status": status}
    if authorization_code:
        content["authorization_code"] = authorization_code
    return {**_from_person(phone), "account_linking": content}
