"""How much a bank sends: its notifications counted by day, cluster and status."""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from portal.ids import first_uuid7
from portal.tenancy import prepared
from portal.tenancy.principal import Principal

CLOCK_STEP = timedelta(minutes=1)  # how far a server's clock may have gone back between two ids
# Days are UTC's. The bounds of ids let the database read the period's rows only, from the index of the list.
_COUNT = """
SELECT * FROM (
    SELECT (n.created_at AT TIME ZONE 'UTC')::date AS day, n.cluster, CASE
        WHEN d.status <> 'QUEUED' THEN d.status
        WHEN d.attempts = 0 AND d.reason = '' AND d.next_attempt_at > now() THEN 'SCHEDULED'
        ELSE 'ACCEPTED' END AS status, count(*) AS count
    FROM notifications_delivery d JOIN notifications_notification n ON n.id = d.notification_id
    WHERE d.partner_id = %(partner)s AND d.environment = %(environment)s AND d.id BETWEEN %(first)s AND %(last)s
      AND n.created_at >= %(since)s AND n.created_at < %(until)s
    GROUP BY 1, 2, 3) counted
WHERE %(after_day)s::date IS NULL OR day < %(after_day)s
   OR (day = %(after_day)s AND (cluster, status) > (%(after_cluster)s, %(after_status)s))
ORDER BY day DESC, cluster, status LIMIT %(limit)s
"""


class Counted(NamedTuple):
    """So many of a cluster, accepted on one day, are in this state now."""

    day: date
    cluster: str
    status: str
    number: int


def count_usage(
    principal: Principal, *, since: date, until: date, after: Counted | None, limit: int
) -> list[Counted]:
    """Of the client's bank and environment, both days included: the newest day first, going on behind `after`."""
    begin, end = _midnight(since), _midnight(min(until, after.day if after else until)) + timedelta(days=1)
    values = {
        "partner": principal.partner_id,
        "environment": principal.environment,
        "since": begin,
        "until": end,
        "first": first_uuid7(begin - CLOCK_STEP),
        "last": first_uuid7(end + CLOCK_STEP),
        "after_day": after and after.day,
        "after_cluster": after.cluster if after else "",
        "after_status": after.status if after else "",
        "limit": limit,
    }
    return [Counted(*row) for row in prepared.run(_COUNT, values)]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
