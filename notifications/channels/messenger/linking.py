"""Account linking: whose chat it was started in, where the person goes back to, and links that open the chat."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import structlog
from django.conf import settings

from consents.linking import LinkExpired
from notifications.channels.messenger.graph import code_of, credentials, error_of, graph_url
from notifications.courier import courier

log = structlog.get_logger(__name__)
PATIENCE = aiohttp.ClientTimeout(total=4, connect=2)
EXPIRED, INVALID = 10301, 10303
META_GRAPH = "graph.facebook.com"
META_ORIGINS = (
    "https://facebook.com", "https://www.facebook.com", "https://m.facebook.com",
    "https://messenger.com", "https://www.messenger.com",
)  # fmt: skip
META_PATH = "/messenger_platform/account_linking"
LOOPBACK = ("127.0.0.1", "localhost")


class MessengerLinking:
    """Which platform it is follows from MESSENGER_GRAPH_URL alone: Meta's when that is graph.facebook.com,
    else whatever stands at that address (outside production, by default, the sandbox of SANDBOX_URL).
    """

    def address_of(self, *, secrets: dict[str, Any], token: str) -> str:
        """See `consents.linking.Platform`. Waits at most four seconds; never call it inside a transaction."""
        return courier().run(_ask(secrets, token))

    async def forget(self, *, secrets: dict[str, Any], address: str) -> bool:
        """See `consents.linking.Platform`. The platform then tells us `unlinked`, which we know already."""
        url, query = graph_url("me/unlink_accounts", secrets), credentials(secrets)
        body = {"psid": address}
        try:
            async with courier().session().post(url, params=query, json=body, timeout=PATIENCE) as response:
                return response.status < 500
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            log.warning("unlinking_failed", error=type(problem).__name__)
            return False

    def origins(self) -> Sequence[str]:
        """See `consents.linking.Platform`."""
        if _is_meta():
            return META_ORIGINS
        parts = urlsplit(settings.MESSENGER_GRAPH_URL)
        host, _, port = parts.netloc.rpartition(":")
        if host not in LOOPBACK:
            return (f"{parts.scheme}://{parts.netloc}",)
        return [f"{parts.scheme}://{name}:{port}" for name in LOOPBACK]  # one machine, whichever name is used

    def takes_back(self, url: str) -> bool:
        """See `consents.linking.Platform`. Meta's hosts also have pages that redirect anywhere, so the path
        counts as well.
        """
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        if f"{parts.scheme}://{parts.netloc}" not in self.origins():
            return False
        return not _is_meta() or parts.path.rstrip("/") == META_PATH

    def chat_url(self, page: str, reference: str = "") -> str:
        """An m.me link; the sandbox has a page of the same kind."""
        base = "https://m.me" if _is_meta() else f"{settings.MESSENGER_GRAPH_URL}/m.me"
        query = f"?{urlencode({'ref': reference})}" if reference else ""
        return f"{base}/{quote(page, safe='')}{query}"


def _is_meta() -> bool:
    return urlsplit(settings.MESSENGER_GRAPH_URL).hostname == META_GRAPH


async def _ask(secrets: dict[str, Any], token: str) -> str:
    query = {**credentials(secrets), "fields": "recipient", "account_linking_token": token}
    try:
        url = graph_url("me", secrets)
        async with courier().session().get(url, params=query, timeout=PATIENCE) as response:
            body = await response.json(content_type=None)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as problem:
        log.warning("linking_recipient_unknown", error=type(problem).__name__)
        return ""
    error = error_of(body)
    if error is not None and code_of(error) in (EXPIRED, INVALID):
        raise LinkExpired
    recipient = body.get("recipient") if isinstance(body, dict) else None
    if not recipient:
        log.warning("linking_recipient_unknown", code=code_of(error or {}))
    return str(recipient or "")
