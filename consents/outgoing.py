"""What stopping a grant needs from the delivery engine, which stands above and registers here."""

from typing import Protocol
from uuid import UUID


class Outgoing(Protocol):
    """The queue of a grant."""

    def stop(self, *, grant_id: UUID, reason: str) -> int:
        """Withdraws what is queued and returns when no send of this grant can begin any more. Returns how
        many were withdrawn. The caller holds the grant's lock.
        """
        ...


_registered: list[Outgoing] = []


def register(outgoing: Outgoing) -> None:
    """Called once, when the engine's application starts."""
    _registered[:] = [outgoing]


def outgoing() -> Outgoing:
    """The engine."""
    return _registered[0]
