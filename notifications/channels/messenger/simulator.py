"""Setting up the simulated platform: Pages and phones of the sandbox, for banks that try things out."""

from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from django.conf import settings

from notifications.channels.messenger.graph import credentials, graph_url
from notifications.channels.messenger.utility import registrations
from notifications.courier import courier
from partners.models import Sender

PATIENCE = aiohttp.ClientTimeout(total=5, connect=2)  # seconds


class Away(Exception):
    """The simulated platform does not answer, or refuses."""


def open_phone(*, sender: Sender, secrets: dict[str, Any], address: str, name: str) -> None:
    """A person who has just spoken with the sender's Page and is linked; what else is there already is left as it is. Talks to the
    network. Raises Away.
    """
    courier().run(_open_phone(sender, secrets, address, name))


def close_phone(*, page: str, address: str) -> None:
    """Forgets the phone, with its messages, if it is there. Raises Away."""
    courier().run(_call("DELETE", f"{_phone(address)}?page_id={quote(page)}"))


async def _open_phone(sender: Sender, secrets: dict[str, Any], address: str, name: str) -> None:
    person = {"page_id": sender.external_id, "name": name, "linked": True}
    status = await _call("PUT", _phone(address), person)
    if status == 404:  # the platform has no such Page yet, or has forgotten it
        await _open_page(sender, secrets)
        status = await _call("PUT", _phone(address), person)
    if status not in (200, 201):
        raise Away


async def _open_page(sender: Sender, secrets: dict[str, Any]) -> None:
    body = {
        **{name: secrets[name] for name in ("access_token", "app_secret", "verify_token")},
        "name": sender.name[:75],
        "webhook_url": f"{settings.BASE_URL}/hooks/messenger/{sender.id}",
        "require_proof": True,
        "rate_per_second": sender.rate_per_second,
    }
    page = quote(sender.external_id, safe="")
    await _call("PUT", f"{settings.SANDBOX_URL}/pages/{page}", body)
    templates = graph_url(f"{page}/message_templates", secrets)
    for template in registrations():
        await _call("POST", f"{templates}?{urlencode(credentials(secrets))}", template)


def _phone(address: str) -> str:
    return f"{settings.SANDBOX_URL}/people/{quote(address, safe='')}"


async def _call(method: str, url: str, body: dict[str, Any] | None = None) -> int:
    """The status of the answer."""
    try:
        async with courier().session().request(method, url, json=body, timeout=PATIENCE) as answer:
            await answer.read()
            return answer.status
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Away from error
