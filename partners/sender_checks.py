"""Asking a platform whether it would take a sender's messages. Each channel stands above and registers its way."""

from typing import Any, NamedTuple, Protocol


class Finding(NamedTuple):
    """One thing that was looked at; the sentence is for the bank's team, and names what to do where it is bad."""

    name: str
    is_good: bool
    sentence: str


class Check(Protocol):
    """A channel's. It uses the network: call it outside a transaction. Never raises for what the platform says."""

    def __call__(self, external_id: str, secrets: dict[str, Any]) -> list[Finding]: ...


_checks: dict[str, Check] = {}


def register_check(channel: str, check: Check) -> None:
    """Called once for each channel, when its application starts."""
    _checks[channel] = check


def check_at_platform(channel: str, external_id: str, secrets: dict[str, Any]) -> list[Finding]:
    """What the platform says of the sender, now."""
    return _checks[channel](external_id, secrets)
