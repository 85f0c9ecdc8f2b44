"""Putting one sandbox together: its parts, its routes, its life."""

from pathlib import Path

from aiohttp import web

from portal.sandbox import bank_sign_in, banks, controls, inbox, linking, mme, provisioning, site
from portal.sandbox.codes import Codes
from portal.sandbox.context import SANDBOX, Sandbox
from portal.sandbox.faults import FaultBoard
from portal.sandbox.graph import server as graph
from portal.sandbox.graph.limits import Limits
from portal.sandbox.graph.templates import review
from portal.sandbox.links import Links
from portal.sandbox.live import Live
from portal.sandbox.problems import problems_middleware
from portal.sandbox.receipts import Receipts
from portal.sandbox.state import World
from portal.sandbox.stats import Stats
from portal.sandbox.store import Store
from portal.sandbox.webhooks import Webhooks

LARGEST_BODY = 1024 * 1024


def build_app(state: Path | None = None) -> web.Application:
    """The aiohttp application; `state` is the directory to keep phones in, or None for memory only."""
    world, stats = World(), Stats()
    webhooks = Webhooks(stats)
    sandbox = Sandbox(
        world=world,
        faults=FaultBoard(),
        stats=stats,
        limits=Limits(),
        webhooks=webhooks,
        receipts=Receipts(world, webhooks),
        links=Links(),
        codes=Codes(),
        live=Live(world),
    )
    world.listeners.append(sandbox.live)
    app = web.Application(
        client_max_size=LARGEST_BODY, middlewares=[problems_middleware, site.same_site_middleware]
    )
    app[SANDBOX] = sandbox
    app.router.add_routes(routes())
    app.on_response_prepare.append(site.add_security_headers)
    app.cleanup_ctx.append(_life(sandbox, state))
    return app


def routes() -> list[web.RouteDef]:
    return [
        web.route("*", r"/v{version:\d+}.0/{path:.*}", graph.serve),
        web.post("/", graph.serve),
        web.get("/", site.show_phones),
        web.get("/help", site.show_help),
        web.get("/phones", site.list_phones),
        web.get("/events", site.stream),
        web.get("/static/{name}", site.show_file),
        web.get("/inbox", inbox.show_inbox),
        web.post("/inbox/reply", inbox.reply),
        web.post("/inbox/press", inbox.press),
        web.get("/inbox/open", inbox.open_link),
        web.post("/inbox/read", inbox.look),
        web.get("/faults", controls.list_faults),
        web.post("/faults", controls.put_fault),
        web.get("/stats", controls.show_stats),
        web.delete("/stats", controls.reset_stats),
        web.get("/pages", provisioning.list_pages),
        web.get("/pages/{page_id}", provisioning.show_page),
        web.put("/pages/{page_id}", provisioning.put_page),
        web.post("/pages/{page_id}/verify", provisioning.verify_page),
        web.get("/banks/{bank_id}", banks.show_bank),
        web.put("/banks/{bank_id}", banks.put_bank),
        web.get("/banks/{bank_id}/.well-known/openid-configuration", bank_sign_in.show_configuration),
        web.get("/banks/{bank_id}/jwks", bank_sign_in.show_keys),
        web.get("/banks/{bank_id}/authorize", bank_sign_in.show_sign_in),
        web.post("/banks/{bank_id}/authorize", bank_sign_in.sign_in),
        web.post("/banks/{bank_id}/token", bank_sign_in.give_tokens),
        web.get("/banks/{bank_id}/userinfo", bank_sign_in.show_userinfo),
        web.get("/people/{psid}", provisioning.show_person),
        web.put("/people/{psid}", provisioning.put_person),
        web.delete("/people/{psid}", provisioning.remove_person),
        web.get("/m.me/{page_id}", mme.show_link),
        web.post("/m.me/{page_id}", mme.start_chat),
        web.get(linking.RETURN_PATH, linking.show_return),
        web.get("/health", show_health),
    ]


async def show_health(request: web.Request) -> web.Response:
    """`GET /health`: the process serves."""
    return web.json_response({"status": "ok"})


def _life(sandbox: Sandbox, state: Path | None):
    async def life(app: web.Application):
        await sandbox.webhooks.start()
        store = Store(state, sandbox.world) if state else None
        if store:
            store.load()
            store.start()
            _resume_reviews(sandbox)
            sandbox.receipts.resume()
        yield
        await sandbox.webhooks.close()
        if store:
            await store.close()

    return life


def _resume_reviews(sandbox: Sandbox) -> None:
    """Templates that were waiting for their review when the process ended get it now."""
    for page in sandbox.world.pages.values():
        for template in list(page.templates.values()):
            review(page, template, sandbox.world, sandbox.webhooks)
