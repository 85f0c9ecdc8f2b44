"""One round trip to Valkey a request: what the token stands for, and a place in its client's rate limit.

The limit is the generic cell rate algorithm: `rate` requests a second, with one second's worth at once.
"""

import json
import math
from typing import Any, NamedTuple

from portal.api import valkey

TOKEN_SECONDS = 30  # how long a token's meaning may be remembered
_REVOKED = "revoked"

# KEYS[1] the token's entry; ARGV[1] what to remember when there is none (or ""), ARGV[2] for how long (s).
# Answers nothing for an unknown token, else {entry, allowed, remaining, wait in µs, time until full in µs}.
_SCRIPT = """
local entry = redis.call('GET', KEYS[1])
if not entry then
  if ARGV[1] == '' then return false end
  entry = ARGV[1]
  redis.call('SET', KEYS[1], entry, 'EX', ARGV[2])
end
if entry == 'revoked' then return {entry, 0, 0, 0, 0} end
local client = cjson.decode(entry)
local bucket = 'rate:' .. client.client
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local step = 1000000 / client.rate
local full = 1000000
local due = math.max(tonumber(redis.call('GET', bucket) or 0), now)
local next = due + step
if next - now > full + 1 then
  return {entry, 0, 0, math.ceil(next - now - full), math.ceil(due - now)}
end
redis.call('SET', bucket, string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000) + 1)
return {entry, 1, math.floor((full - (next - now)) / step + 0.001), 0, math.ceil(next - now)}
"""
_script = valkey.client().register_script(_SCRIPT)


class Admission(NamedTuple):
    """What the script said. `remaining` is in requests; `wait` and `reset` are in whole seconds."""

    entry: dict[str, Any] | None  # None: revoked
    allowed: bool
    remaining: int
    wait: int
    reset: int


def admit(checksum: str, *, remember: dict[str, Any] | None = None, seconds: int = 0) -> Admission | None:
    """Looks up the token by its SHA-256 (hex) and takes a place; None when Valkey does not know the token.

    With `remember` an unknown token is stored as that for `seconds`. Raises valkey.Unreachable.
    """
    value = json.dumps(remember) if remember else ""
    answer = valkey.call(_script, keys=[_key(checksum)], args=[value, max(seconds, 1)])
    if not answer:
        return None
    entry, allowed, remaining, wait, reset = answer
    meaning = None if entry == _REVOKED else json.loads(entry)
    return Admission(meaning, bool(allowed), remaining, _seconds(wait), _seconds(reset))


def forget(checksums: list[str]) -> None:
    """Makes tokens worthless at once. An entry that says so stays, so that a lookup under way cannot revive
    one; with Valkey away nothing is remembered longer than TOKEN_SECONDS.
    """
    try:
        for checksum in checksums:
            valkey.call(valkey.client().set, _key(checksum), _REVOKED, ex=2 * TOKEN_SECONDS)
    except valkey.Unreachable:
        pass


def _key(checksum: str) -> str:
    return f"tok:{checksum}"


def _seconds(microseconds: int) -> int:
    return math.ceil(microseconds / 1_000_000)
