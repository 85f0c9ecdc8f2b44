"""Setting up the simulated platform: what a bank does in Meta's dashboards, and who owns which phone.

- `PUT /pages/{page_id}` creates or changes a page (only the fields given):
  `{name, access_token, app_secret, app_id, verify_token, webhook_url, require_proof, rate_per_second, echoes,
  get_started_payload}`. When it names `webhook_url` or `verify_token`, the address must echo the challenge:
  see `webhook.subscribed` in the answer. `POST /pages/{page_id}/verify` asks again.
- `PUT /people/{psid}` creates or changes a phone: `{page_id, name, window_open, auto_read, blocked, linked}`. A
  new phone has its 24-hour window open unless `window_open` is false; `linked` is for one whose link the bank knows
  already. `DELETE /people/{psid}?page_id=` forgets it, with its messages.

Secrets go in and never come out.
"""

import secrets

from aiohttp import web

from portal.sandbox.context import Sandbox, sandbox_of
from portal.sandbox.fields import Fields, read_object
from portal.sandbox.problems import Problem, not_found
from portal.sandbox.state import Page, Phone
from portal.sandbox.times import now_ms, rfc3339


async def put_page(request: web.Request) -> web.Response:
    sandbox, page_id = sandbox_of(request), request.match_info["page_id"]
    body = await read_object(request)
    known = sandbox.world.pages.get(page_id)
    page = known or Page(id=page_id, app_id=str(10**14 + secrets.randbelow(9 * 10**14)))
    _change_page(sandbox, page, Fields(body))
    sandbox.world.put_page(page)
    if page.webhook_url and body.keys() & {"webhook_url", "verify_token"}:
        await sandbox.webhooks.verify(page)
        sandbox.world.page_changed(page)
    return web.json_response(page_json(page), status=200 if known else 201)


def _change_page(sandbox: Sandbox, page: Page, fields: Fields) -> None:
    """Check all fields, then change the page; nothing changes when one is wrong."""
    changed = {
        "name": fields.text("name", page.name or f"Page {page.id}", longest=75),
        "access_token": fields.text("access_token", page.access_token),
        "app_secret": fields.text("app_secret", page.app_secret),
        "app_id": fields.text("app_id", page.app_id, longest=20),
        "verify_token": fields.text("verify_token", page.verify_token),
        "webhook_url": fields.web_url("webhook_url", page.webhook_url),
        "require_proof": fields.flag("require_proof", page.require_proof),
        "rate_per_second": fields.whole("rate_per_second", page.rate_per_second, least=1),
        "echoes": fields.flag("echoes", page.echoes),
        "get_started_payload": fields.text("get_started_payload", page.get_started_payload),
    }
    owner = sandbox.world.page_by_token(str(changed["access_token"]))
    if owner is not None and owner is not page:
        fields.wrong("access_token", "belongs to another page")
    if not str(changed["app_id"]).isdecimal():
        fields.wrong("app_id", "must be digits")
    fields.done()
    for name, value in changed.items():
        setattr(page, name, value)


async def verify_page(request: web.Request) -> web.Response:
    """Ask the webhook address to echo the challenge (again)."""
    sandbox = sandbox_of(request)
    page = find_page(sandbox, request.match_info["page_id"])
    if not page.webhook_url:
        raise Problem(409, "no_webhook_url", "This page has no webhook address.")
    await sandbox.webhooks.verify(page)
    sandbox.world.page_changed(page)
    return web.json_response(page_json(page))


async def show_page(request: web.Request) -> web.Response:
    return web.json_response(page_json(find_page(sandbox_of(request), request.match_info["page_id"])))


async def list_pages(request: web.Request) -> web.Response:
    return web.json_response({"data": [page_json(page) for page in sandbox_of(request).world.pages.values()]})


def find_page(sandbox: Sandbox, page_id: str) -> Page:
    page = sandbox.world.pages.get(page_id)
    if page is None:
        raise not_found(f"page {page_id!r}")
    return page


def page_json(page: Page) -> dict:
    """The page without its secrets."""
    return {
        "id": page.id,
        "name": page.name,
        "app_id": page.app_id,
        "require_proof": page.require_proof,
        "rate_per_second": page.rate_per_second,
        "echoes": page.echoes,
        "get_started_payload": page.get_started_payload,
        "webhook": {
            "url": page.webhook_url,
            "subscribed": page.subscribed,
            "detail": page.subscription_detail,
        },
        "templates": [
            {"name": t.name, "language": t.language, "status": t.status} for t in page.templates.values()
        ],
        "m_me": f"/m.me/{page.id}",
    }


async def put_person(request: web.Request) -> web.Response:
    sandbox, psid = sandbox_of(request), request.match_info["psid"]
    fields = Fields(await read_object(request))
    page_id = fields.text("page_id", required=True, longest=64)
    known = sandbox.world.phone(page_id, psid)
    name = fields.text("name", known.name if known else "Someone", longest=80)
    window_open = fields.flag("window_open", None if known else True)
    auto_read = fields.flag("auto_read", known.auto_read if known else True)
    blocked = fields.flag("blocked", known.blocked if known else False)
    linked = fields.flag("linked", known.linked if known else False)
    fields.done()
    find_page(sandbox, page_id)
    phone = known or new_phone(sandbox, page_id, psid, name)
    phone.name, phone.auto_read = name, bool(auto_read)
    phone.blocked, phone.linked = bool(blocked), bool(linked)
    if window_open is not None:
        phone.last_action_at = now_ms() if window_open else 0
    sandbox.world.put_phone(phone)
    return web.json_response(phone_json(sandbox, phone), status=200 if known else 201)


def new_phone(sandbox: Sandbox, page_id: str, psid: str, name: str) -> Phone:
    if sandbox.world.is_full():
        detail = f"The sandbox holds at most {sandbox.world.most_phones} phones."
        raise Problem(409, "too_many_phones", detail)
    return Phone(channel="messenger", sender=page_id, address=psid, name=name, active_at=now_ms())


async def show_person(request: web.Request) -> web.Response:
    """`GET /people/{psid}?page_id=`: the phone's state."""
    sandbox = sandbox_of(request)
    return web.json_response(phone_json(sandbox, _phone_meant(sandbox, request)))


async def remove_person(request: web.Request) -> web.Response:
    """`DELETE /people/{psid}?page_id=`: the phone as it was."""
    sandbox = sandbox_of(request)
    phone = _phone_meant(sandbox, request)
    shown = phone_json(sandbox, phone)
    sandbox.world.remove_phone(phone)
    return web.json_response(shown)


def _phone_meant(sandbox: Sandbox, request: web.Request) -> Phone:
    psid, page_id = request.match_info["psid"], request.query.get("page_id", "")
    phone = sandbox.world.phone(page_id, psid)
    if phone is None:
        raise not_found(f"person {psid!r} for page {page_id!r}")
    return phone


def phone_json(sandbox: Sandbox, phone: Phone) -> dict:
    page = sandbox.world.pages.get(phone.sender)
    return {
        "channel": phone.channel,
        "sender": phone.sender,
        "sender_name": page.name if page else phone.sender,
        "address": phone.address,
        "name": phone.name,
        "blocked": phone.blocked,
        "linked": phone.linked,
        "auto_read": phone.auto_read,
        "window_open": phone.window_open(),
        "last_action_at": rfc3339(phone.last_action_at) if phone.last_action_at else None,
        "active_at": rfc3339(phone.active_at),
        "messages": len(phone.messages),
    }
