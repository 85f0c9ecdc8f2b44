"""The phone seen from a test: what it received, and what the person does with it.

- `GET /inbox?channel=&address=` (also `sender=`, `limit=`): messages received, oldest first. `all=1` adds
  what the person wrote.
- `POST /inbox/reply {channel, address, sender, text or payload}`: the person writes, or taps the button or
  quick reply with that payload.
- `POST /inbox/press {channel, address, sender, button}`: the person presses the newest button so titled.
- `POST /inbox/read {channel, address, sender}`: the person looks at the conversation.
"""

from collections.abc import Iterable

from aiohttp import web

from portal.sandbox import events
from portal.sandbox.context import Sandbox, sandbox_of
from portal.sandbox.fields import CHANNELS, Fields, known_channel, read_object
from portal.sandbox.linking import opening_url, unlink
from portal.sandbox.problems import Problem, not_found
from portal.sandbox.state import FROM_PERSON, TO_PERSON, Message, Phone
from portal.sandbox.times import now_ms, rfc3339

MOST_LISTED = 1000


async def show_inbox(request: web.Request) -> web.Response:
    sandbox, query = sandbox_of(request), request.query
    channel = known_channel(query.get("channel"))
    limit = _read_limit(query.get("limit"))
    everything = query.get("all") in ("1", "true")
    found = [
        (message, phone)
        for phone in _phones_asked_for(sandbox, channel, query.get("address"), query.get("sender"))
        for message in phone.messages
        if everything or message.direction == TO_PERSON
    ]
    found.sort(key=lambda pair: pair[0].seq)
    return web.json_response({"data": [item_json(message, phone) for message, phone in found[-limit:]]})


def _read_limit(value: str | None) -> int:
    if not value:
        return MOST_LISTED
    if not value.isdecimal() or not 1 <= int(value) <= MOST_LISTED:
        error = {"pointer": "/limit", "detail": f"must be from 1 to {MOST_LISTED}"}
        raise Problem(422, "invalid_request", f"limit must be from 1 to {MOST_LISTED}.", errors=[error])
    return int(value)


def _phones_asked_for(
    sandbox: Sandbox, channel: str, address: str | None, sender: str | None
) -> Iterable[Phone]:
    """The phones that match; with an address they are looked up rather than searched for."""
    world = sandbox.world
    if address:
        senders = [sender] if sender else list(world.pages)
        kinds = [channel] if channel else CHANNELS
        found = (world.phone(one, address, kind) for one in senders for kind in kinds)
        return [phone for phone in found if phone]
    return [
        p for p in world.phones.values() if channel in ("", p.channel) and (not sender or sender == p.sender)
    ]


def item_json(message: Message, phone: Phone) -> dict:
    return {
        "id": message.id,
        "at": rfc3339(message.at),
        "channel": phone.channel,
        "address": phone.address,
        "sender": phone.sender,
        "text": message.text,
        "buttons": message.buttons + message.quick_replies,
        "raw": message.raw,
        **({"from_person": True} if message.direction == FROM_PERSON else {}),
    }


async def reply(request: web.Request) -> web.Response:
    """The person writes `text`, or taps what carries `payload`. Answers with the message."""
    sandbox = sandbox_of(request)
    fields = Fields(await read_object(request))
    phone_fields = _phone_fields(fields)
    text = fields.text("text", longest=5000)
    payload = fields.text("payload", longest=1000)
    if not fields.errors and bool(text.strip()) == bool(payload):
        fields.wrong("text", "or payload is required, and only one of them")
    fields.done()
    phone = _unblocked_phone(sandbox, *phone_fields)
    message = tap(sandbox, phone, payload) if payload else write(sandbox, phone, text)
    return web.json_response(item_json(message, phone))


def write(sandbox: Sandbox, phone: Phone, text: str, *, quick_reply: str = "") -> Message:
    """The person sends a text (or taps a quick reply): shown, and a `message` webhook."""
    sandbox.receipts.look_at(sandbox.world.pages[phone.sender], phone)
    content: dict = {"text": text}
    if quick_reply:
        content["quick_reply"] = {"payload": quick_reply}
    message = sandbox.world.add_message(phone, direction=FROM_PERSON, text=text, raw={"message": content})
    sandbox.world.person_acted(phone)
    _emit(sandbox, phone, events.text_message(phone, message, quick_reply=quick_reply))
    return message


def tap(sandbox: Sandbox, phone: Phone, payload: str) -> Message:
    """The person taps a button or quick reply: a `postback` webhook, or a `message` for a quick reply.

    A payload no button on the phone carries is posted all the same, with the payload as its title: persistent
    menus and old messages can do that.
    """
    button = _button_with_payload(phone, payload)
    if button and button["type"] == "quick_reply":
        return write(sandbox, phone, button["title"], quick_reply=payload)
    title = button["title"] if button else payload[:20]
    sandbox.receipts.look_at(sandbox.world.pages[phone.sender], phone)
    raw = {"postback": {"title": title, "payload": payload}}
    message = sandbox.world.add_message(phone, direction=FROM_PERSON, text=title, raw=raw)
    sandbox.world.person_acted(phone)
    event = events.postback(phone, title=title, payload=payload, mid=message.id, at=message.at)
    _emit(sandbox, phone, event)
    return message


def _emit(sandbox: Sandbox, phone: Phone, event: dict) -> None:
    fault = sandbox.faults.standing(phone.channel, phone.sender)
    sandbox.webhooks.emit(sandbox.world.pages[phone.sender], event, fault)


def _button_with_payload(phone: Phone, payload: str) -> dict | None:
    for message in reversed(phone.messages):
        for button in (*message.buttons, *message.quick_replies):
            if button.get("payload") == payload:
                return button
    return None


async def press(request: web.Request) -> web.Response:
    """Press a button by title. Answers `{type, title, url?, payload?, message_id?}`; `url` would open."""
    sandbox = sandbox_of(request)
    fields = Fields(await read_object(request))
    phone_fields = _phone_fields(fields)
    title = fields.text("button", required=True, longest=20)
    message_id = fields.text("message_id", longest=100)
    fields.done()
    phone = _unblocked_phone(sandbox, *phone_fields)
    button = _newest_button(phone, title, message_id)
    base = f"{request.scheme}://{request.host}"
    return web.json_response(_pressed(sandbox, phone, button, base=base))


async def open_link(request: web.Request) -> web.Response:
    """`GET /inbox/open?channel=&sender=&address=&button=`: go where an `account_link` button leads.

    The live page's way to press it: browsers open a link in a new tab without asking.
    """
    sandbox = sandbox_of(request)
    fields = Fields(dict(request.query))
    phone_fields = _phone_fields(fields)
    title = fields.text("button", required=True, longest=20)
    message_id = fields.text("message_id", longest=100)
    fields.done()
    phone = _unblocked_phone(sandbox, *phone_fields)
    button = _newest_button(phone, title, message_id)
    if button["type"] != "account_link":
        raise Problem(409, "not_a_link", "Only account-linking buttons are opened this way.")
    raise web.HTTPSeeOther(
        opening_url(sandbox, phone, button["url"], base=f"{request.scheme}://{request.host}")
    )


def _newest_button(phone: Phone, title: str, message_id: str) -> dict:
    for message in reversed(phone.messages):
        if message_id and message.id != message_id:
            continue
        for button in (*message.buttons, *message.quick_replies):
            if button["title"] == title:
                return button
    raise not_found(f"button {title!r} on this phone")


def _pressed(sandbox: Sandbox, phone: Phone, button: dict, *, base: str) -> dict:
    kind, answer = button["type"], {"type": button["type"], "title": button["title"]}
    if kind == "account_link":
        answer["url"] = opening_url(sandbox, phone, button["url"], base=base)
    elif kind == "account_unlink":
        unlink(sandbox, phone)
    elif kind == "web_url":
        answer["url"] = button["url"]
    elif kind == "phone_number":
        answer["url"] = f"tel:{button['payload']}"
    else:
        answer["payload"] = button["payload"]
        answer["message_id"] = tap(sandbox, phone, button["payload"]).id
    return answer


async def look(request: web.Request) -> web.Response:
    """The person looks at the conversation: a `read` webhook for what was unread."""
    sandbox = sandbox_of(request)
    fields = Fields(await read_object(request))
    phone_fields = _phone_fields(fields)
    fields.done()
    phone = find_phone(sandbox, *phone_fields)
    changed = sandbox.receipts.look_at(sandbox.world.pages[phone.sender], phone)
    return web.json_response({"changed": changed, "read_to": rfc3339(phone.read_to or now_ms())})


def _phone_fields(fields: Fields) -> tuple[str, str, str]:
    return (
        fields.choice("channel", CHANNELS),
        fields.text("sender", longest=64),
        fields.text("address", required=True, longest=64),
    )


def find_phone(sandbox: Sandbox, channel: str, sender: str, address: str) -> Phone:
    """The phone meant. `sender` may be left out when only one page has a phone with this address."""
    if not sender:
        sender = _only_sender(sandbox, channel, address)
    if sender not in sandbox.world.pages:
        raise not_found(f"sender {sender!r}")
    phone = sandbox.world.phone(sender, address, channel)
    if phone is None:
        raise not_found(f"phone with address {address!r} for this sender")
    return phone


def _only_sender(sandbox: Sandbox, channel: str, address: str) -> str:
    senders = [page for page in sandbox.world.pages if sandbox.world.phone(page, address, channel)]
    if not senders:
        raise not_found(f"phone with address {address!r}")
    if len(senders) > 1:
        error = {"pointer": "/sender", "detail": "is required: several pages know this address"}
        raise Problem(422, "invalid_request", "sender is required here.", errors=[error])
    return senders[0]


def _unblocked_phone(sandbox: Sandbox, channel: str, sender: str, address: str) -> Phone:
    phone = find_phone(sandbox, channel, sender, address)
    if phone.blocked:
        raise Problem(409, "blocked", "This person blocked the page. Unblock it first.")
    return phone
