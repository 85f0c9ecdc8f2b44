"""Identifiers: UUIDv7 (RFC 9562 §5.7) inside, `ntf_…` in the API."""

import secrets
import threading
import time
from datetime import datetime
from uuid import UUID

_lock = threading.Lock()
_last = 0
_A_STEP_BACK = 10_000 << 12  # ten seconds: more than a clock is ever slewed by


class InvalidPublicId(ValueError):
    """The text is not an id of that kind."""


def uuid7() -> UUID:
    """A time-ordered UUID. Ids made by one process rise strictly: the 12 bits after the milliseconds count
    fractions of a millisecond (RFC 9562 §6.2, method 3). A clock that was set back is followed, or the ids would
    tell of a time to come until it has caught up (§6.1).
    """
    global _last
    with _lock:
        now = time.time_ns()
        stamp = (now // 1_000_000) << 12 | (now % 1_000_000) * 4096 // 1_000_000
        if stamp <= _last < stamp + _A_STEP_BACK:
            stamp = _last + 1
        _last = stamp
    high = (stamp >> 12) << 16 | 0x7000 | stamp & 0xFFF
    return UUID(int=high << 64 | 0b10 << 62 | secrets.randbits(62))


def first_uuid7(moment: datetime) -> UUID:
    """The smallest of that millisecond: with it a list by id stops early, instead of reading on."""
    return UUID(int=max(int(moment.timestamp() * 1000), 0) << 80)


def public_id(prefix: str, value: UUID) -> str:
    """The API's form: the prefix, an underscore, 32 hex digits."""
    return f"{prefix}_{value.hex}"


def parse_public_id(prefix: str, text: str) -> UUID:
    """The UUID in `text`; raises InvalidPublicId when it is not an id with that prefix."""
    found, _, digits = text.partition("_")
    if found != prefix or len(digits) != 32 or digits.lower() != digits:
        raise InvalidPublicId(text)
    try:
        return UUID(hex=digits)
    except ValueError as error:
        raise InvalidPublicId(text) from error
