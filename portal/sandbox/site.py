"""The pages people look at: the phones, the help, their files, and the live feed."""

from aiohttp import web

from portal.sandbox.context import sandbox_of
from portal.sandbox.html import STATIC, render_page
from portal.sandbox.live import SHOWN_PHONES, conversation_json
from portal.sandbox.problems import Problem, not_found

KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


async def show_phones(request: web.Request) -> web.Response:
    """`GET /`: the phones, live."""
    return render_page("index.html")


async def show_help(request: web.Request) -> web.Response:
    """`GET /help`: how to set the sandbox up and steer it."""
    return render_page("help.html", base=f"{request.scheme}://{request.host}")


async def show_file(request: web.Request) -> web.Response:
    """`GET /static/{name}`: the page's own styles, scripts and pictures."""
    name = request.match_info["name"]
    path = STATIC / name
    kind = KINDS.get(path.suffix)
    if kind is None or path.parent != STATIC or not path.is_file():
        raise not_found(f"file {name!r}")
    headers = {"Cache-Control": "no-cache"}
    return web.Response(body=path.read_bytes(), content_type=kind, charset="utf-8", headers=headers)


async def list_phones(request: web.Request) -> web.Response:
    """`GET /phones?q=&phone=sender:address`: the newest phones, or those that match, with their messages."""
    sandbox, query = sandbox_of(request), request.query
    sender, _, address = query.get("phone", "").partition(":")
    if sender:
        phone = sandbox.world.phone(sender, address)
        phones = [phone] if phone else []
    else:
        phones = sandbox.world.newest_phones(limit=SHOWN_PHONES, search=query.get("q", "").strip())
    data = [conversation_json(sandbox.world, phone) for phone in phones]
    return web.json_response({"data": data, "total": len(sandbox.world.phones)})


async def stream(request: web.Request) -> web.StreamResponse:
    """`GET /events`: server-sent events (see `live`)."""
    live = sandbox_of(request).live
    if live.is_full():
        raise Problem(409, "too_many_pages", "Too many pages watch the sandbox already.")
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    try:
        async for part in live.feed():
            await response.write(part)
    except ConnectionError:
        pass
    return response


async def add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Strict headers on every page; JSON and Graph answers need none of the policy but lose nothing by it."""
    if response.content_type == "text/html":
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"


@web.middleware
async def same_site_middleware(request: web.Request, handler) -> web.StreamResponse:
    """Refuse changes that another site's page asks a browser for: the sandbox has no sign-in of its own."""
    if request.method not in ("GET", "HEAD") and request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise Problem(403, "cross_site", "Another site's page may not change the sandbox.")
    return await handler(request)
