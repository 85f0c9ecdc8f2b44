"""Per-sender and per-recipient limits, for a whole batch in one round trip (GCRA in Valkey)."""

import time
from dataclasses import dataclass

import redis

from portal.api import valkey

RECIPIENT_PER_SECOND = 5.0
RECIPIENT_BURST = 10
_SCRIPT = """
local now = tonumber(ARGV[1])
local answer = {}
for i = 1, #KEYS, 2 do
  local a = 2 + (i - 1) * 2
  local wait = 0
  local tats = {}
  for j = 0, 1 do
    local interval, burst = tonumber(ARGV[a + j * 2]), tonumber(ARGV[a + j * 2 + 1])
    local tat = math.max(tonumber(redis.call('GET', KEYS[i + j]) or now), now)
    tats[j] = tat + interval
    wait = math.max(wait, tat - interval * burst - now)
  end
  if wait <= 0 then
    for j = 0, 1 do redis.call('SET', KEYS[i + j], string.format('%.0f', tats[j]), 'PX', 60000) end
  end
  answer[#answer + 1] = math.ceil(math.max(wait, 0))
end
return answer
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One send: by which sender, at most how many a second, to which account."""

    sender: str
    per_second: int
    recipient: str


def waits(batch: list[Wanted]) -> list[float]:
    """Seconds each send has to wait; 0 means it may go and has been counted. Without Valkey all may go: the
    platform's own limits still hold.
    """
    keys, arguments = [], [time.time() * 1e6]
    for one in batch:
        keys += [f"pace:{one.sender}", f"pace:{one.sender}:{one.recipient}"]
        arguments += [1e6 / one.per_second, max(one.per_second, 1)]
        arguments += [1e6 / RECIPIENT_PER_SECOND, RECIPIENT_BURST]
    try:
        found = valkey.client().eval(_SCRIPT, len(keys), *keys, *arguments)
    except redis.RedisError:
        return [0.0] * len(batch)
    return [float(wait) / 1e6 for wait in found]
