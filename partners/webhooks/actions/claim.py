"""Taking what is due: shared out between the endpoints, a few at a time of each, one at a time of each grant.

Whatever takes or ends deliveries locks their endpoint first. So what is seen under the lock holds until the
commit, and one endpoint's messages are never taken out of order.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from partners.webhooks.actions.emit import ENDED
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

AT_ONCE = 5  # sends to one endpoint at a time; one while it is failing or has not been verified
LEASE = 30  # seconds; a worker that is silent for longer is taken for dead
_LOOK = 500  # rows of an endpoint that are looked at in one go
_ROUNDS = 20  # looks that may find nothing but rows behind others
_END = 1_000  # rows of an endpoint that are ended in one go

# The endpoints with something pending, by the index alone
_BUSY = """
RECURSIVE busy AS (
    (SELECT endpoint_id FROM partners_webhookdelivery WHERE status = 'PENDING' ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.endpoint_id FROM partners_webhookdelivery d
            WHERE d.status = 'PENDING' AND d.endpoint_id > b.endpoint_id ORDER BY d.endpoint_id LIMIT 1)
    FROM busy b WHERE b.endpoint_id IS NOT NULL
)
"""
# How many more an endpoint may be sent now
_ROOM = f"""least(
    CASE WHEN e.failing_since IS NULL AND e.verified_at IS NOT NULL THEN {AT_ONCE} ELSE 1 END
        - (SELECT count(*) FROM partners_webhookdelivery d WHERE d.endpoint_id = e.id AND d.lease_until > now()),
    floor(e.rate_per_second * (1 - extract(epoch FROM greatest(e.rate_due - now(), interval '0'))))
)"""  # noqa: S608 (made of our own constants)
_LOCK = f"""
WITH {_BUSY}
SELECT e.id FROM busy b
JOIN partners_webhookendpoint e ON e.id = b.endpoint_id
JOIN partners_partner p ON p.id = e.partner_id
WHERE e.status = 'ENABLED' AND e.deleted_at IS NULL AND p.status <> ALL (%(ended)s)
  AND (e.held_until IS NULL OR e.held_until <= now())
  AND CASE WHEN e.verified_at IS NOT NULL
      THEN (SELECT d.next_attempt_at FROM partners_webhookdelivery d
            WHERE d.endpoint_id = e.id AND d.status = 'PENDING' ORDER BY d.next_attempt_at LIMIT 1)
      ELSE (SELECT d.next_attempt_at FROM partners_webhookdelivery d
            WHERE d.id = e.challenge_id AND d.status = 'PENDING') END <= now()
  AND {_ROOM} > 0
ORDER BY e.claimed_at NULLS FIRST
LIMIT %(places)s
FOR NO KEY UPDATE OF e SKIP LOCKED
"""  # noqa: S608 (made of our own constants)
_TAKE = f"""
WITH room AS MATERIALIZED (
    SELECT e.id, e.verified_at, e.challenge_id, least({_ROOM}, %(share)s)::int AS places
    FROM partners_webhookendpoint e WHERE e.id = ANY (%(endpoints)s)
), looked AS MATERIALIZED (
    SELECT due.*, r.places, (
        SELECT greatest(o.next_attempt_at, now() + interval '1 second') FROM partners_webhookdelivery o
        WHERE o.endpoint_id = due.endpoint_id AND o.grant_id = due.grant_id AND o.sequence < due.sequence
          AND o.status = 'PENDING' ORDER BY o.sequence LIMIT 1
    ) AS waits_until
    FROM room r CROSS JOIN LATERAL (
        SELECT d.id, d.endpoint_id, d.grant_id, d.sequence, d.next_attempt_at FROM partners_webhookdelivery d
        WHERE d.endpoint_id = r.id AND d.status = 'PENDING' AND d.next_attempt_at <= now()
          AND (r.verified_at IS NOT NULL OR d.id = r.challenge_id)
        ORDER BY d.next_attempt_at LIMIT {_LOOK}
        FOR NO KEY UPDATE SKIP LOCKED
    ) due
    WHERE r.places > 0
), picked AS MATERIALIZED (
    SELECT id, places, row_number() OVER (PARTITION BY endpoint_id ORDER BY next_attempt_at, id) AS place
    FROM looked WHERE waits_until IS NULL
), put_off AS (
    UPDATE partners_webhookdelivery d SET next_attempt_at = l.waits_until
    FROM looked l WHERE d.id = l.id AND l.waits_until IS NOT NULL
    RETURNING d.id
), taken AS (
    UPDATE partners_webhookdelivery d SET attempts = d.attempts + 1,
        lease_until = now() + make_interval(secs => {LEASE}), next_attempt_at = now() + make_interval(secs => {LEASE})
    FROM picked p WHERE d.id = p.id AND p.place <= p.places
    RETURNING d.*
), counted AS (
    UPDATE partners_webhookendpoint e SET claimed_at = now(),
        rate_due = greatest(e.rate_due, now()) + make_interval(secs => t.count / e.rate_per_second::float)
    FROM (SELECT endpoint_id, count(*) FROM taken GROUP BY endpoint_id) t WHERE e.id = t.endpoint_id
)
SELECT later.count, t.id, t.attempts, t.partner_id, t.environment, t.endpoint_id, t.grant_id, t.id = e.challenge_id,
       e.url, e.secret, CASE WHEN e.old_secret_until > now() THEN e.old_secret END,
       m.id, m.type, m.data, m.sequence, m.created_at, m.person_id,
       bank.id, bank.kek_id, bank.wrapped, person.id, person.kek_id, person.wrapped
FROM (SELECT count(*) FROM put_off) later
LEFT JOIN taken t ON true
LEFT JOIN partners_webhookendpoint e ON e.id = t.endpoint_id
LEFT JOIN partners_webhookmessage m ON m.id = t.message_id
LEFT JOIN vault_datakey bank ON bank.partner_id = t.partner_id AND bank.person_id IS NULL
LEFT JOIN vault_datakey person ON person.partner_id = t.partner_id AND person.person_id = m.person_id
"""  # noqa: S608 (made of our own constants)
_STOP = f"""
WITH {_BUSY}, stopped AS (
    SELECT e.id, CASE WHEN e.deleted_at IS NOT NULL THEN 'endpoint_deleted'
                      WHEN p.status = ANY (%(ended)s) THEN 'partner_ended' ELSE 'endpoint_disabled' END AS reason
    FROM busy b
    JOIN partners_webhookendpoint e ON e.id = b.endpoint_id
    JOIN partners_partner p ON p.id = e.partner_id
    WHERE e.status = 'DISABLED' OR e.deleted_at IS NOT NULL OR p.status = ANY (%(ended)s)
    FOR NO KEY UPDATE OF e SKIP LOCKED
)
UPDATE partners_webhookdelivery d SET status = 'FAILED', reason = due.reason, lease_until = NULL, ended_at = now()
FROM (
    SELECT d.id, s.reason FROM stopped s CROSS JOIN LATERAL (
        SELECT d.id FROM partners_webhookdelivery d
        WHERE d.endpoint_id = s.id AND d.status = 'PENDING' AND (d.lease_until IS NULL OR d.lease_until <= now())
        LIMIT {_END} FOR NO KEY UPDATE SKIP LOCKED
    ) d
) due
WHERE d.id = due.id
"""  # noqa: S608 (made of our own constants)


@dataclass(slots=True)
class Claimed:
    """A delivery that is ours to send, and all that sending it needs."""

    id: UUID
    attempts: int
    partner_id: UUID
    environment: str
    endpoint_id: UUID
    grant_id: UUID | None
    is_challenge: bool
    url: str
    secret: bytes
    old_secret: bytes | None
    message_id: UUID
    type: str
    data: bytes
    sequence: int | None
    created_at: datetime
    person_id: UUID | None
    key_id: UUID | None
    kek_id: str
    wrapped: bytes
    person_key_id: UUID | None
    person_kek_id: str
    person_wrapped: bytes


def claim_due(places: int) -> list[Claimed]:
    """Takes about `places` deliveries; they are to be sent within LEASE seconds, else they are due again.

    Rows that wait behind others of their grant are put off on the way, so that they are not looked at each time.
    """
    for _ in range(_ROUNDS):
        claimed, put_off = _claim(places)
        if claimed or not put_off:
            return claimed
    return []


def _claim(places: int) -> tuple[list[Claimed], int]:
    with _system(), connection.cursor() as cursor:
        cursor.execute(_LOCK, {"places": places, "ended": ENDED})
        endpoints = [row[0] for row in cursor.fetchall()]
        if not endpoints:
            return [], 0
        share = -(-places // len(endpoints))
        # A statement of its own: what was committed before the lock was ours is seen only by a new one
        cursor.execute(_TAKE, {"endpoints": endpoints, "share": share})
        found = cursor.fetchall()
    return [Claimed(*row[1:]) for row in found if row[1]], found[0][0]


def end_stopped() -> int:
    """Ends what waits for an endpoint that is disabled or gone, or for a bank that has left; returns how many."""
    with _system(), connection.cursor() as cursor:
        cursor.execute(_STOP, {"ended": ENDED})
        return cursor.rowcount


@contextmanager
def _system() -> Iterator[None]:
    with scope(Principal.system()), transaction.atomic():
        yield
