"""What stopping a bank or a grant needs from the delivery engine, which stands above and registers here."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol
from uuid import UUID


class Stopped(NamedTuple):
    """What stopping a grant met: messages that waited and are not sent, and those that a messenger had just been
    handed, or was being handed, and has not told to be on a phone yet. These may still arrive.
    """

    withdrawn: int
    handed_over: int


class Outgoing(Protocol):
    """What is queued and what is being sent. Both return when nothing claimed before can begin any more."""

    def stop_grant(self, *, grant_id: UUID, reason: str) -> Stopped:
        """Withdraws what is queued for the grant, whose lock the caller holds."""
        ...

    def outlook(self, grant_ids: Iterable[UUID]) -> dict[UUID, Stopped]:
        """What stopping them would meet at this moment; those where it is nothing are missing."""
        ...

    def keep_within(self, *, grant: Any) -> int:
        """Withdraws what is queued for the grant, whose lock the caller holds, and what it no longer holds: other
        kinds, other accounts. The rest goes to its messaging account as it is now. Returns how many went.
        """
        ...

    def forget_person(self, *, person_id: UUID, conversations: list[bytes]) -> None:
        """Empties what platforms told of these chats of theirs (by the index of their address), unties it from them,
        and forgets how they wanted to be written to.
        """
        ...

    def settle_partner(self, *, partner_id: UUID) -> None:
        """Leaves the queue of the bank, whose lock the caller holds, to be judged by its new state."""
        ...


_registered: list[Outgoing] = []


def register(outgoing: Outgoing) -> None:
    """Called once, when the engine's application starts."""
    _registered[:] = [outgoing]


def outgoing() -> Outgoing:
    """The engine."""
    return _registered[0]
