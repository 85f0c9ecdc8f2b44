"""Codes and access tokens that the simulated banks gave out: known here only, for a short time, and good for one use."""

import secrets
import time
from dataclasses import dataclass

from portal.sandbox.state import SimulatedBank

LIVES_S = 60
MOST = 1_000


@dataclass(slots=True)
class Code:
    """What one stands for: a customer, and what the portal asked."""

    bank: SimulatedBank
    customer: dict
    asked: dict[str, str]
    until: float


class Codes:
    """The oldest make room for new ones."""

    def __init__(self) -> None:
        self._known: dict[str, Code] = {}

    def give(self, bank: SimulatedBank, customer: dict, asked: dict[str, str]) -> str:
        while len(self._known) >= MOST:
            self._known.pop(next(iter(self._known)))
        name = secrets.token_urlsafe(24)
        self._known[name] = Code(bank, customer, asked, time.monotonic() + LIVES_S)
        return name

    def take(self, name: str) -> Code | None:
        """None the second time, and for one that is too old."""
        found = self._known.pop(name, None)
        return found if found is not None and found.until > time.monotonic() else None
