"""The same rules of `portal.outbound` for libraries that speak through `requests`."""

import asyncio
import time
from typing import Any

import aiohttp
import requests
from django.conf import settings
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from portal.outbound import NotAllowed, check_url, read_some, session


class OutboundSession(requests.Session):
    """To public addresses by https only; no proxy of ours, no redirects, no cookies kept from one to the next. It
    is for use at once: OUTBOUND_PATIENCE seconds after it was made its time is up.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.max_redirects = 0  # the first redirect raises TooManyRedirects
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Guarded(time.monotonic() + settings.OUTBOUND_PATIENCE))


class _Guarded(BaseAdapter):
    """Sends by way of `portal.outbound`; raises requests.ConnectionError for whatever keeps an answer away."""

    def __init__(self, until: float) -> None:
        super().__init__()
        self.until = until

    def send(self, request: Any, *_: Any, **__: Any) -> requests.Response:
        left = self.until - time.monotonic()
        if left <= 0:
            raise requests.ConnectionError("The time is up.", request=request)
        try:
            return asyncio.run(_exchange(request, left))
        except (NotAllowed, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise requests.ConnectionError(str(error), request=request) from error

    def close(self) -> None:
        """Each exchange closes what it opened."""


async def _exchange(request: Any, seconds: float) -> requests.Response:
    url, headers = check_url(request.url), dict(request.headers)
    async with (
        session(seconds=seconds) as http,
        http.request(
            request.method, url, data=request.body, headers=headers, allow_redirects=False
        ) as answer,
    ):
        found = requests.Response()
        found.status_code, found.reason = answer.status, answer.reason or ""
        # What reads a token's answer takes this header for granted
        found.headers = CaseInsensitiveDict({"content-type": "", **answer.headers})
        found.url, found.request, found.encoding = request.url, request, "utf-8"
        found._content = await read_some(answer)
        return found
