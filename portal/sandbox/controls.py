"""`POST /faults`, `GET /faults`, `GET /stats`, `DELETE /stats`: steering and measuring the platform."""

from aiohttp import web

from portal.sandbox.context import Sandbox, sandbox_of
from portal.sandbox.faults import read_fault
from portal.sandbox.fields import read_object


async def put_fault(request: web.Request) -> web.Response:
    """Put a fault in force (see `faults`); answers with all that are."""
    sandbox = sandbox_of(request)
    sandbox.faults.put(read_fault(await read_object(request)))
    sandbox.live.faults_changed()
    return web.json_response({"data": sandbox.faults.as_json()})


async def list_faults(request: web.Request) -> web.Response:
    return web.json_response({"data": sandbox_of(request).faults.as_json()})


async def show_stats(request: web.Request) -> web.Response:
    """Counts by outcome, per sender, latencies in ms, and how much is held."""
    return web.json_response(stats_json(sandbox_of(request)))


async def reset_stats(request: web.Request) -> web.Response:
    """Start counting anew; answers with the (empty) counts."""
    sandbox = sandbox_of(request)
    sandbox.stats.reset()
    return web.json_response(stats_json(sandbox))


def stats_json(sandbox: Sandbox) -> dict:
    world = sandbox.world
    return {
        **sandbox.stats.as_json({page.id: page.name for page in world.pages.values()}),
        "webhooks_waiting": sandbox.webhooks.waiting(),
        "pages": len(world.pages),
        "phones": len(world.phones),
        "messages": world.live_messages,
        "faults": sandbox.faults.as_json(),
    }
