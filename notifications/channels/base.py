"""What every channel promises."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import aiohttp


class Outcome(StrEnum):
    """What one attempt came to."""

    SENT = "sent"
    TRANSIENT = "transient"  # try again
    THROTTLED = "throttled"  # try again, later
    PERMANENT = "permanent"  # this message never
    WINDOW_CLOSED = "window_closed"  # try again, as outside the window
    UNREACHABLE = "unreachable"  # the person blocked the sender: no more until they write
    GONE = "gone"  # no such person: unlink
    SENDER_PAUSED = "sender_paused"  # the sender's token or page is refused: nothing more from it
    UNKNOWN = "unknown"  # the request left, no answer came


@dataclass(frozen=True, slots=True)
class Message:
    """What to send: to whom (the channel's own address), the text, and our delivery id for the echo. `why` is how
    the page is called that tells why it came; "" for what only answers the person. `locale` is the text's.
    """

    address: str
    text: str
    reference: str
    in_window: bool
    start_until: float = math.inf  # of time.monotonic: after that nothing of it may leave
    buttons: tuple[dict[str, str], ...] = ()
    why: str = ""
    locale: str = "en"


@dataclass(frozen=True, slots=True)
class Answer:
    """The provider's, in our terms. `wait` is in seconds, when the provider named one."""

    outcome: Outcome
    provider_id: str = ""
    code: str = ""
    wait: float = 0.0


class Channel(Protocol):
    """Sends one message; never raises for what the provider says."""

    async def send(
        self, http: aiohttp.ClientSession, *, page: str, secrets: dict[str, Any], message: Message
    ) -> Answer: ...
