"""The agreement's cap on the notifications of a calendar month (UTC): one atomic counter in Valkey for each bank.

PostgreSQL is the truth. A counter that is lost (a flush, a restart, its hour is over) is counted again from the
rows; what was accepted and has not committed at that moment is missed until the next count. While Valkey is away
each process counts on from a number of the rows that is at most `GUESS_SECONDS` old.
"""

import threading
import time
from datetime import UTC, datetime, timedelta
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

# KEYS[1] the counter; ARGV: the cap, how many are asked for, a count of the rows or -1, how long to keep it (s).
# Answers how many may go (they are then counted), or -1 when it has to be told the count.
_SCRIPT = """
local used, rows = tonumber(redis.call('GET', KEYS[1]) or -1), tonumber(ARGV[3])
if rows > used then
  used = rows
  redis.call('SET', KEYS[1], rows, 'EX', ARGV[4])
end
if used < 0 then return -1 end
local taken = math.max(math.min(tonumber(ARGV[2]), tonumber(ARGV[1]) - used), 0)
if taken > 0 then redis.call('INCRBY', KEYS[1], taken) end
return taken
"""
_script = valkey.client().register_script(_SCRIPT)
# A delivery's id is made as it is accepted
_ROWS = """
SELECT count(*) FROM notifications_delivery
WHERE partner_id = %(partner)s AND environment = 'live' AND id >= %(first)s
"""
_lock = threading.Lock()
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


def _take(cap: int, partner_id: UUID, number: int, rows: int = -1) -> int:
    key = f"volume:{partner_id}:{_month():%Y-%m}"
    return valkey.call(_script, keys=[key], args=[cap, number, rows, COUNTED_SECONDS])


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
