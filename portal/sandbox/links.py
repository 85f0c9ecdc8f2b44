"""Account-linking tokens: five minutes, one person on one page, used once."""

import secrets
from dataclasses import dataclass

from portal.sandbox.times import now_ms

LIFETIME_MS = 5 * 60 * 1000
KEPT_MS = 12 * LIFETIME_MS


@dataclass(slots=True)
class Link:
    """One attempt to link. `redirect_uri` is where the bank sends the person back to."""

    token: str
    sender: str
    address: str
    created_at: int
    redirect_uri: str = ""
    used: bool = False

    def is_expired(self) -> bool:
        return self.created_at + LIFETIME_MS < now_ms()


class Links:
    """Open attempts, in memory; forgotten an hour after they began."""

    def __init__(self) -> None:
        self._links: dict[str, Link] = {}

    def begin(self, *, sender: str, address: str) -> Link:
        self._forget_old()
        link = Link(secrets.token_urlsafe(40), sender, address, now_ms())
        self._links[link.token] = link
        return link

    def find(self, token: str) -> Link | None:
        return self._links.get(token)

    def _forget_old(self) -> None:
        border = now_ms() - KEPT_MS
        for token, link in list(self._links.items()):
            if link.created_at >= border:
                break
            del self._links[token]
