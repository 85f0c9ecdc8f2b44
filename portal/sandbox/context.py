"""The parts of one running sandbox, and how a request handler finds them."""

from dataclasses import dataclass

from aiohttp import web

from portal.sandbox.codes import Codes
from portal.sandbox.faults import FaultBoard
from portal.sandbox.graph.limits import Limits
from portal.sandbox.links import Links
from portal.sandbox.live import Live
from portal.sandbox.receipts import Receipts
from portal.sandbox.state import World
from portal.sandbox.stats import Stats
from portal.sandbox.webhooks import Webhooks


@dataclass(slots=True)
class Sandbox:
    world: World
    faults: FaultBoard
    stats: Stats
    limits: Limits
    webhooks: Webhooks
    receipts: Receipts
    links: Links
    codes: Codes
    live: Live


SANDBOX: web.AppKey[Sandbox] = web.AppKey("sandbox", Sandbox)


def sandbox_of(request: web.Request) -> Sandbox:
    return request.app[SANDBOX]
