"""A person's quiet hours, judged by PostgreSQL with the rest when a delivery is claimed."""

from functools import lru_cache

from django.db import connection

QUIET = "quiet_hours"
# Over the aliases d (delivery), n (notification) and a (linked account): when the quiet hours end that it falls into.
# Whoever has just written is awake, and waits for an answer. An hour that a change of the clocks leaves out, or
# has twice, ends a little later.
QUIET_UNTIL = """
    SELECT CASE WHEN q.starts < q.ends AND here.at::time >= q.starts AND here.at::time < q.ends
                THEN here.at::date + q.ends
                WHEN q.starts > q.ends AND here.at::time >= q.starts THEN here.at::date + 1 + q.ends
                WHEN q.starts > q.ends AND here.at::time < q.ends THEN here.at::date + q.ends
           END AT TIME ZONE q.time_zone AS until
    FROM notifications_quiethours q CROSS JOIN LATERAL (SELECT now() AT TIME ZONE q.time_zone AS at) here
    WHERE q.person_id = d.person_id AND n.cluster = ANY (q.clusters)
      AND COALESCE(a.last_inbound_at, '-infinity') < now() - interval '15 minutes'
"""
_ZONES = "SELECT name FROM pg_timezone_names WHERE name ~ '^[A-Z][A-Za-z]+/' AND name !~ '^(Etc|SystemV)/' ORDER BY name"


@lru_cache(maxsize=1)
def time_zones() -> list[str]:
    """Those that the database knows, so that judging never meets one that it does not."""
    with connection.cursor() as cursor:
        cursor.execute(_ZONES)
        return ["UTC", *(name for (name,) in cursor.fetchall())]
