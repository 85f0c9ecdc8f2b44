"""The Graph API over HTTP: version, faults, authentication, limits, routing, batches."""

import asyncio
import json
import time

from aiohttp import web

from portal.sandbox.context import Sandbox, sandbox_of
from portal.sandbox.faults import Fault
from portal.sandbox.graph import account, templates
from portal.sandbox.graph.batch import read_batch, slot
from portal.sandbox.graph.call import (
    Call,
    Reply,
    authenticate,
    check_object,
    check_version,
    read_params,
)
from portal.sandbox.graph.errors import GraphError, injected, rate_limited, temporary, unknown_object
from portal.sandbox.graph.send import send
from portal.sandbox.state import Page

CHANNEL = "messenger"
NEVER_ANSWER_S = 120


class NoAnswer(Exception):
    """The connection ends without an answer: the platform is down, or lost the reply."""


async def serve(request: web.Request) -> web.StreamResponse:
    """`ANY /v{N}.0/{path}`, and `POST /` for batches."""
    sandbox = sandbox_of(request)
    page = None
    try:
        check_version(int(request.match_info.get("version", "26")))
        call = await _read_call(request)
        if "batch" in call.params:
            return await _serve_batch(sandbox, call)
        page = _page_meant(sandbox, call)
        reply = await run(sandbox, call, page)
    except GraphError as error:
        reply = refusal(sandbox, page, error)
    except NoAnswer:
        if request.transport:
            request.transport.abort()
        return web.Response(status=503)
    return _response(reply)


async def _read_call(request: web.Request) -> Call:
    bearer = request.headers.get("Authorization", "").partition(" ")[2]
    params: dict = dict(request.query)
    if request.content_type == "multipart/form-data":
        params.update(await request.post())
    elif request.method != "GET":
        params.update(read_params(request.content_type, await request.read()))
    return Call(request.method, request.match_info.get("path", "").strip("/"), params, token=bearer)


def _response(reply: Reply) -> web.Response:
    headers = {**reply.headers, "facebook-api-version": "v26.0"}
    body = json.dumps(reply.body, separators=(",", ":")).encode()
    return web.Response(
        status=reply.status, body=body, headers=headers, content_type="application/json", charset="UTF-8"
    )


def refusal(sandbox: Sandbox, page: Page | None, error: GraphError) -> Reply:
    headers = sandbox.limits.headers(page, throttled=error.throttled) if page else {}
    return Reply(error.body(), status=error.status, headers=headers)


def _page_meant(sandbox: Sandbox, call: Call) -> Page | None:
    """The page a call is about, before any check: faults narrowed to a sender need it."""
    token = call.params.get("access_token") or call.token
    by_token = sandbox.world.page_by_token(token) if isinstance(token, str) else None
    return by_token or sandbox.world.pages.get(call.path.partition("/")[0])


async def run(
    sandbox: Sandbox, call: Call, page: Page | None, *, patience_s: float = NEVER_ANSWER_S
) -> Reply:
    """Run one call to its reply. Raises `GraphError`, or `NoAnswer` when a fault swallows the reply.

    `patience_s` is how long a `timeout` fault without `latency_ms` keeps the caller waiting.
    """
    is_send = call.method == "POST" and call.path.endswith("/messages")
    sender = page.id if page else ""
    if not is_send:
        await _misbehave(sandbox.faults.standing(CHANNEL, sender), only_outages=True)
        return _route(sandbox, call, None)
    started = time.perf_counter()
    outcome = "accepted"
    fault = sandbox.faults.take(CHANNEL, sender)
    try:
        if fault is None:
            return _route(sandbox, call, None)
        return await _send_under(sandbox, call, fault, patience_s)
    except GraphError as error:
        outcome = error.outcome
        raise
    except NoAnswer:
        outcome = fault.mode if fault else "down"
        raise
    finally:
        sandbox.stats.sent(sender or "unknown", outcome, (time.perf_counter() - started) * 1000)


async def _send_under(sandbox: Sandbox, call: Call, fault: Fault, patience_s: float) -> Reply:
    """One send while a fault stands. A `timeout` may still have taken the message: only its echo tells."""
    if fault.mode == "timeout":
        if fault.accepted:
            try:
                _route(sandbox, call, fault)
            except GraphError:
                pass  # a refused message is not on the phone either; the caller hears nothing both ways
        await asyncio.sleep(fault.latency_ms / 1000 or patience_s)
        raise NoAnswer
    await _misbehave(fault)
    return _route(sandbox, call, fault)


async def _misbehave(fault: Fault | None, *, only_outages: bool = False) -> None:
    """Wait, and raise, as the fault says. Calls other than sends only feel slowness and outages."""
    if fault is None:
        return
    if fault.latency_ms:
        await asyncio.sleep(fault.latency_ms / 1000)
    if fault.mode == "down":
        if fault.status:
            raise temporary(fault.status)
        raise NoAnswer
    if only_outages:
        return
    if fault.mode == "error":
        if fault.code:
            raise injected(fault.code, fault.subcode, fault.status)
        raise temporary(fault.status or 500)
    if fault.mode == "rate_limit":
        raise rate_limited(fault.code or 613, fault.subcode, fault.status or 400)
    if fault.mode == "blocked":
        raise injected(fault.code or 551, fault.subcode or 1545041, fault.status)


def _route(sandbox: Sandbox, call: Call, fault: Fault | None) -> Reply:
    """Authenticate, count against the page's rate, and hand the call to what serves it."""
    page = authenticate(sandbox.world, call)
    if not sandbox.limits.take(page):
        raise rate_limited()
    name, _, edge = call.path.partition("/")
    check_object(call, page, name)
    match call.method, edge:
        case "POST", "messages":
            reply = send(sandbox, page, call, fault)
        case "GET", "":
            reply = account.show_page(sandbox, page, call)
        case "POST", "unlink_accounts":
            reply = account.unlink_account(sandbox, page, call)
        case "POST", "message_templates":
            reply = templates.create_template(page, call, sandbox.world, sandbox.webhooks)
        case "GET", "message_templates":
            reply = templates.list_templates(page, call)
        case "DELETE", "message_templates":
            reply = templates.delete_template(page, call, sandbox.world)
        case _:
            raise unknown_object(call.path, call.method)
    reply.headers = sandbox.limits.headers(page)
    return reply


async def _serve_batch(sandbox: Sandbox, call: Call) -> web.Response:
    """Up to 50 calls in order, each counted and answered by itself; null for one that got no answer."""
    slots: list[dict | None] = []
    for item in read_batch(call):
        if isinstance(item, GraphError):
            slots.append(slot(refusal(sandbox, None, item)))
            continue
        page = _page_meant(sandbox, item)
        try:
            slots.append(slot(await run(sandbox, item, page, patience_s=0)))
        except GraphError as error:
            slots.append(slot(refusal(sandbox, page, error)))
        except NoAnswer:
            slots.append(None)
    return _response(Reply(slots))
