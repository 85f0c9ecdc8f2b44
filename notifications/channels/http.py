"""A body that leaves only in time: what a grant allows is judged when a delivery is claimed, and stays true for
half a second. Connecting can take longer, so the last look at the clock is when the first byte would go.
"""

import json
import time
from typing import Any

import aiohttp
from aiohttp.abc import AbstractStreamWriter


class TooLate(Exception):
    """Nothing has been sent."""


class TimedBody(aiohttp.BytesPayload):
    """`content` as JSON, sent until `start_until` (of time.monotonic) and not after; `is_refused` says so."""

    def __init__(self, content: Any, start_until: float) -> None:
        super().__init__(json.dumps(content).encode(), content_type="application/json")
        self.start_until = start_until
        self.is_refused = False

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Raises TooLate."""
        self._look_at_the_clock()
        await super().write(writer)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Raises TooLate."""
        self._look_at_the_clock()
        await super().write_with_length(writer, content_length)

    def _look_at_the_clock(self) -> None:
        if time.monotonic() >= self.start_until:
            self.is_refused = True
            raise TooLate
