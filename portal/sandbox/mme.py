"""m.me links: `GET /m.me/{page_id}?ref=…` shows what opens; its form (or a JSON POST) starts the chat.

A first conversation reaches the bank as a postback of the Get Started button carrying the `referral`; a known
person's as a `referral` event. Either opens the 24-hour window, and the person can write from then on.
"""

from urllib.parse import urlencode

from aiohttp import web

from portal.sandbox import events
from portal.sandbox.context import Sandbox, sandbox_of
from portal.sandbox.fields import Fields, read_object
from portal.sandbox.html import escape, render_page
from portal.sandbox.inbox import tap
from portal.sandbox.problems import Problem
from portal.sandbox.provisioning import find_page, new_phone, phone_json
from portal.sandbox.state import FROM_PERSON, Page, Phone, new_psid

LONGEST_REF = 2083
PHONES_OFFERED = 12


async def show_link(request: web.Request) -> web.Response:
    """The page a person sees after following an m.me link."""
    sandbox, page_id = sandbox_of(request), request.match_info["page_id"]
    page = sandbox.world.pages.get(page_id)
    ref = request.query.get("ref", "")[:LONGEST_REF]
    if page is None:
        title, sentence = "This page does not exist", "The link points to a page the sandbox does not know."
        return render_page(
            "linking_return.html",
            status=404,
            title=title,
            sentence=sentence,
            outcome="unknown",
            phone_url="/",
        )
    known = [p for p in sandbox.world.newest_phones(limit=500) if p.sender == page_id][:PHONES_OFFERED]
    options = "".join(f'<option value="{escape(p.address)}">{escape(p.name)}</option>' for p in known)
    note = (
        f"The link carries the reference <code>{escape(ref)}</code>."
        if ref
        else "The link carries no reference."
    )
    return render_page(
        "mme.html", page_id=page_id, page_name=page.name, ref=ref, raw_options=options, raw_note=note
    )


async def start_chat(request: web.Request) -> web.Response:
    """`POST /m.me/{page_id}` as a form or JSON `{ref?, psid?, name?}`: gives the phone, or shows it."""
    sandbox = sandbox_of(request)
    page = find_page(sandbox, request.match_info["page_id"])
    is_json = request.content_type == "application/json"
    body = await read_object(request) if is_json else {k: v for k, v in (await request.post()).items() if v}
    fields = Fields(body)
    ref = fields.text("ref", longest=LONGEST_REF)
    psid = fields.text("psid", longest=64)
    name = fields.text("name", "Someone", longest=80)
    fields.done()
    phone = open_thread(sandbox, page, psid=psid, name=name, ref=ref)
    if is_json:
        return web.json_response(phone_json(sandbox, phone), status=201)
    raise web.HTTPSeeOther("/?" + urlencode({"phone": f"{page.id}:{phone.address}"}))


def open_thread(sandbox: Sandbox, page: Page, *, psid: str, name: str, ref: str) -> Phone:
    """The person opens the conversation; a new one presses Get Started. Raises 409 when blocked."""
    phone = sandbox.world.phone(page.id, psid) if psid else None
    if phone is None:
        phone = new_phone(sandbox, page.id, psid or new_psid(), name.strip() or "Someone")
        sandbox.world.put_phone(phone)
        _get_started(sandbox, page, phone, ref)
        return phone
    if phone.blocked:
        raise Problem(409, "blocked", "This person blocked the page. Unblock it first.")
    sandbox.world.person_acted(phone)
    if ref:
        fault = sandbox.faults.standing(phone.channel, page.id)
        sandbox.webhooks.emit(page, events.referral(phone, ref=ref), fault)
    elif not phone.messages:
        tap(sandbox, phone, page.get_started_payload)
    return phone


def _get_started(sandbox: Sandbox, page: Page, phone: Phone, ref: str) -> None:
    title, payload = "Get Started", page.get_started_payload
    raw = {"postback": {"title": title, "payload": payload}}
    message = sandbox.world.add_message(phone, direction=FROM_PERSON, text=title, raw=raw)
    sandbox.world.person_acted(phone)
    event = events.postback(phone, title=title, payload=payload, ref=ref, mid=message.id, at=message.at)
    sandbox.webhooks.emit(page, event, sandbox.faults.standing(phone.channel, page.id))
