"""What banks read of people, kept for them to see: who read it, of which grant, how often on which day."""

from collections.abc import Iterable
from uuid import UUID

from consents.models import Reading
from portal.ids import uuid7
from portal.tenancy import prepared
from portal.tenancy.principal import Kind, Principal

# In one order, so that two lists that are read at once never wait for each other in a circle. Who has erased their
# account has no reference any more, and would never see it.
_NOTE = """
INSERT INTO consents_reading (id, partner_id, person_id, grant_id, kind, actor_kind, actor_id, actor_name, day)
SELECT x.id, g.partner_id, g.person_id, g.id, %(kind)s, %(actor_kind)s, %(actor)s,
       coalesce((SELECT name FROM partners_apiclient WHERE id = %(actor)s), ''), (now() AT TIME ZONE 'UTC')::date
FROM unnest(%(ids)s::uuid[], %(grants)s::uuid[]) AS x (id, grant_id)
JOIN consents_grant g ON g.id = x.grant_id JOIN consents_customer c ON c.id = g.customer_id
WHERE c.customer_ref <> ''
ORDER BY g.id
ON CONFLICT (grant_id, kind, actor_id, day)
DO UPDATE SET times = consents_reading.times + 1, last_at = now()
"""


def note_reading(principal: Principal, kind: Reading.Kind, grants: Iterable[UUID]) -> None:
    """Notes, in the current transaction and in one statement, what a bank's client or member is about to be shown of
    these grants' people. What anybody else sees is noted elsewhere, or is their own.
    """
    of = list(set(grants))
    if principal.kind not in (Kind.CLIENT, Kind.MEMBER) or not of:
        return
    values = {
        "kind": kind.value,
        "actor_kind": principal.kind.value,
        "actor": principal.id,
        "ids": [uuid7() for _ in of],
        "grants": of,
    }
    prepared.run(_NOTE, values)
