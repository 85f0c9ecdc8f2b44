"""The agreement's cap on the notifications of a calendar month (UTC): one atomic counter in Valkey for each bank.

PostgreSQL is the truth. A counter that is lost (a flush, a restart, its hour is over) is counted again from the
rows; what was accepted and has not committed at that moment is missed until the next count. While Valkey is away
each process counts on from a number of the rows that is at most `GUESS_SECONDS` old.

Far from the cap a process takes some ahead, to spend within a second, instead of asking for each. What it has not
spent it gives back with the next question. Near the cap each is asked for, so that the last one is exact.
"""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.utils import timezone

from partners.agreement_text import CLAUSES
from partners.clusters import Environment
from portal.api import valkey
from portal.api.errors import Problem
from portal.ids import first_uuid7
from portal.tenancy import prepared
from portal.tenancy.principal import Principal

COUNTED_SECONDS = 3600  # a number that has drifted (a request that failed after it was counted) is put right
GUESS_SECONDS = 10
AHEAD, AHEAD_SECONDS = 50, 1.0
FAR = 5_000  # from the cap: more than can be accepted while others hold some that they have not spent

# KEYS[1] the counter; ARGV: the cap, how many are asked for, a count of the rows or -1, how long to keep it (s),
# how many to take ahead where there is room, how many are given back.
# Answers how many may go (they are then counted), or -1 when it has to be told the count; and how many ahead.
_SCRIPT = f"""
local used, rows = tonumber(redis.call('GET', KEYS[1]) or -1), tonumber(ARGV[3])
if rows > used then
  used = rows
  redis.call('SET', KEYS[1], rows, 'EX', ARGV[4])
end
if used < 0 then return {{-1, 0}} end
local room = tonumber(ARGV[1]) - used + tonumber(ARGV[6])
local taken = math.max(math.min(tonumber(ARGV[2]), room), 0)
local ahead = room - taken > {FAR} and tonumber(ARGV[5]) or 0
local change = taken + ahead - tonumber(ARGV[6])
if change ~= 0 then redis.call('INCRBY', KEYS[1], change) end
return {{taken, ahead}}
"""
_script = valkey.client().register_script(_SCRIPT)
# A delivery's id is made as it is accepted
_ROWS = """
SELECT count(*) FROM notifications_delivery
WHERE partner_id = %(partner)s AND environment = 'live' AND id >= %(first)s
"""
_lock = threading.Lock()


class _Ahead(NamedTuple):
    """What was counted already and not spent yet."""

    key: str
    cap: int
    until: float  # monotonic
    left: int


_ahead: dict[UUID, _Ahead] = {}
_guesses: dict[UUID, tuple[float, int]] = {}  # since Valkey went away: until when (monotonic), how many


def count_against_cap(cap: int | None, actor: Principal) -> None:
    """Counts one; raises Problem where the month is used up. Last before writing: a refusal must not count."""
    if actor.environment == Environment.LIVE and cap is not None and not take_from_cap(cap, actor.partner_id):
        raise cap_reached(cap)


def cap_reached(cap: int) -> Problem:
    """What a bank is told whose month is used up."""
    first = _month() + timedelta(days=32)
    return Problem(
        "volume_cap_reached",
        f"Your agreement allows {cap:,} messages a calendar month (UTC), and they are used up: see clause"
        f" {CLAUSES['monthly_volume_cap']}. The next month begins on 1 {first:%B %Y}.",
    )


def take_from_cap(cap: int, partner_id: UUID, number: int = 1) -> int:
    """How many of `number` may go this month; they are counted. In a transaction of the bank or the system."""
    if number == 1 and _spend(cap, partner_id):
        return 1
    try:
        if has_been_away := partner_id in _guesses:
            valkey.call(valkey.client().ping)
        taken = -1 if has_been_away else _take(cap, partner_id, number)
        if taken < 0:
            taken = _take(cap, partner_id, number, _rows(partner_id))
    except valkey.Unreachable:
        return _take_by_guess(cap, partner_id, number)
    _guesses.pop(partner_id, None)
    return taken


def _spend(cap: int, partner_id: UUID) -> bool:
    with _lock:
        held = _ahead.get(partner_id)
        fits = held and held.left and (held.key, held.cap) == (_key(partner_id), cap)
        if held is None or not fits or held.until <= time.monotonic():
            return False
        _ahead[partner_id] = held._replace(left=held.left - 1)
    return True


def _take(cap: int, partner_id: UUID, number: int, rows: int = -1) -> int:
    key, more = _key(partner_id), AHEAD if number == 1 else 0
    with _lock:
        held = _ahead.pop(partner_id, None)
    unspent = held.left if held and held.key == key and rows < 0 else 0
    taken, ahead = valkey.call(_script, keys=[key], args=[cap, number, rows, COUNTED_SECONDS, more, unspent])
    if ahead:
        with _lock:
            other = _ahead.get(partner_id)  # of a thread that asked at the same time
            ahead += other.left if other and other.key == key else 0
            _ahead[partner_id] = _Ahead(key, cap, time.monotonic() + AHEAD_SECONDS, ahead)
    return taken


def _key(partner_id: UUID) -> str:
    return f"volume:{partner_id}:{_month():%Y-%m}"


def _take_by_guess(cap: int, partner_id: UUID, number: int) -> int:
    with _lock:
        until, used = _guesses.get(partner_id, (0.0, 0))
        if until <= time.monotonic():
            until, used = time.monotonic() + GUESS_SECONDS, _rows(partner_id)
        taken = max(min(number, cap - used), 0)
        _guesses[partner_id] = until, used + taken
    return taken


def _rows(partner_id: UUID) -> int:
    [(count,)] = prepared.run(_ROWS, {"partner": partner_id, "first": first_uuid7(_month())})
    return count


def _month() -> datetime:
    """When this one began."""
    return timezone.now().astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
