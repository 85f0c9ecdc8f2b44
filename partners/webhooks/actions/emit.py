"""Telling a bank: rows in the caller's own transaction, and none for a bank that does not listen."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from partners.clusters import Environment
from partners.models import Partner
from partners.webhooks.events import EventType
from partners.webhooks.signing import LARGEST_BODY, seal_data, to_json
from partners.webhooks.wake import wake
from portal.ids import uuid7
from portal.tenancy.context import current, scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.crypto import DataKeyMaterial, unwrap
from portal.vault.keys import data_key_for
from portal.vault.models import DataKey

ENDED = [Partner.Status.REVOKED.value, Partner.Status.SURRENDERED.value, Partner.Status.REJECTED.value]
LONGEST_TEXT = 2_000  # characters of a text in an event that would be too large
_ROOM = LARGEST_BODY - 500  # bytes of `data`; the rest is for what stands around it

_LISTENING = """
SELECT e.partner_id, e.environment, e.id, e.event_types, k.id, k.kek_id, k.wrapped
FROM partners_webhookendpoint e
JOIN partners_partner p ON p.id = e.partner_id
JOIN vault_datakey k ON k.partner_id = e.partner_id AND k.person_id IS NULL
WHERE e.partner_id = ANY (%s) AND e.deleted_at IS NULL AND p.status <> ALL (%s)
"""
_WRITE = """
WITH given AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(partners)s::uuid[], %(environments)s::text[], %(types)s::text[],
                         %(grants)s::uuid[], %(people)s::uuid[], %(data)s::bytea[])
        WITH ORDINALITY AS g(id, partner_id, environment, type, grant_id, person_id, data, place)
), counted AS (
    INSERT INTO partners_webhooksequence AS s (grant_id, partner_id, last)
    SELECT grant_id, partner_id, count(*) FROM given WHERE grant_id IS NOT NULL
    GROUP BY grant_id, partner_id ORDER BY grant_id
    ON CONFLICT (grant_id) DO UPDATE SET last = s.last + EXCLUDED.last
    RETURNING s.grant_id, s.last
), numbered AS (
    SELECT g.*, c.last + 1 - row_number() OVER (PARTITION BY g.grant_id ORDER BY g.place DESC) AS sequence
    FROM given g LEFT JOIN counted c ON c.grant_id = g.grant_id
), messages AS (
    INSERT INTO partners_webhookmessage
        (id, partner_id, environment, type, grant_id, person_id, sequence, data, created_at)
    SELECT id, partner_id, environment, type, grant_id, person_id, sequence, data, %(now)s FROM numbered
), deliveries AS (
    INSERT INTO partners_webhookdelivery
        (id, partner_id, environment, endpoint_id, message_id, grant_id, sequence, attempts, status, reason, ended_at)
    SELECT t.id, n.partner_id, n.environment, e.id, n.id, n.grant_id, n.sequence, 0,
           CASE WHEN e.kind = 'inbox' THEN 'DELIVERED' WHEN e.status = 'ENABLED' THEN 'PENDING' ELSE 'FAILED' END,
           CASE WHEN e.kind = 'inbox' OR e.status = 'ENABLED' THEN '' ELSE 'endpoint_disabled' END,
           CASE WHEN e.kind = 'inbox' OR e.status <> 'ENABLED' THEN %(now)s END
    FROM unnest(%(deliveries)s::uuid[], %(messages)s::uuid[], %(endpoints)s::uuid[]) AS t(id, message_id, endpoint_id)
    JOIN numbered n ON n.id = t.message_id
    JOIN partners_webhookendpoint e ON e.id = t.endpoint_id AND e.deleted_at IS NULL
    RETURNING status
)
SELECT count(*) FILTER (WHERE status = 'PENDING') FROM deliveries
"""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a bank. `environment` "" means both. With `grant_id` it is numbered and sent
    in order; with `person_id` it can be read as long as that person's key lives.
    """

    type: EventType
    partner_id: UUID
    environment: str
    data: dict[str, Any]
    grant_id: UUID | None = None
    person_id: UUID | None = None


@dataclass(slots=True)
class Row:
    """A message, sealed, and whom it goes to: the ids of deliveries by those of endpoints."""

    partner_id: UUID
    environment: str
    type: str
    sealed: bytes
    id: UUID
    grant_id: UUID | None = None
    person_id: UUID | None = None
    targets: dict[UUID, UUID] = field(default_factory=dict)


@dataclass(slots=True)
class _Listening:
    endpoint_id: UUID
    event_types: list[str]
    key: DataKeyMaterial


def emit(
    event_type: EventType,
    *,
    partner_id: UUID,
    environment: str,
    data: dict[str, Any],
    grant_id: UUID | None = None,
    person_id: UUID | None = None,
) -> UUID | None:
    """Tells one event, in the current transaction. `data` must be JSON; one query where nobody listens. Returns the
    (first) message's id, and None where there is nobody to tell.
    """
    rows = _tell([Event(event_type, partner_id, environment, data, grant_id, person_id)])
    return rows[0].id if rows else None


def emit_many(events: Sequence[Event]) -> int:
    """Tells many at once, those of a grant in the order given; returns how many messages were written.

    Call it once in a transaction, and last: it locks the grants' sequences, in order, until the commit.
    """
    return len(_tell(events)) if events else 0


def _tell(events: Sequence[Event]) -> list[Row]:
    with _as_system():
        rows = _rows(events)
        if rows:
            write(rows)
    return rows


def write(rows: Sequence[Row]) -> None:
    """Inserts messages and deliveries in one statement, and wakes a worker after the commit."""
    values: dict[str, Any] = {
        "ids": [row.id for row in rows],
        "partners": [row.partner_id for row in rows],
        "environments": [row.environment for row in rows],
        "types": [row.type for row in rows],
        "grants": [row.grant_id for row in rows],
        "people": [row.person_id for row in rows],
        "data": [row.sealed for row in rows],
        "messages": [row.id for row in rows for _ in row.targets],
        "endpoints": [endpoint for row in rows for endpoint in row.targets],
        "deliveries": [delivery for row in rows for delivery in row.targets.values()],
        "now": timezone.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, values)
        is_waiting = cursor.fetchone()[0] > 0
    if is_waiting:
        transaction.on_commit(wake, robust=True)


def new_row(
    *,
    partner_id: UUID,
    environment: str,
    event_type: EventType | str,
    data: dict[str, Any],
    endpoint_id: UUID,
) -> Row:
    """A message to one endpoint alone: its challenge, or a test. Sealed with the bank's own key."""
    message_id = uuid7()
    sealed = seal_data(data_key_for(partner_id), message_id, data)
    targets = {endpoint_id: uuid7()}
    return Row(partner_id, environment, str(event_type), sealed, message_id, targets=targets)


def _as_system() -> AbstractContextManager[None]:
    """Spares whoever acts as the system already the two statements of a change."""
    now = current()
    return nullcontext() if now is not None and now.kind is Kind.SYSTEM else scope(Principal.system())


def _rows(events: Sequence[Event]) -> list[Row]:
    listening = _listening({event.partner_id for event in events})
    if not listening:
        return []
    found = [
        (event, environment, wanting)
        for event in events
        for environment in ([event.environment] if event.environment else Environment.values)
        if (wanting := _wanting(listening.get((event.partner_id, environment), []), event.type))
    ]
    keys = _person_keys([event for event, *_ in found])
    return [_row(event, environment, wanting, keys) for event, environment, wanting in found]


def _listening(partners: set[UUID]) -> dict[tuple[UUID, str], list[_Listening]]:
    with connection.cursor() as cursor:
        cursor.execute(_LISTENING, [list(partners), ENDED])
        rows = cursor.fetchall()
    keys = {row[4]: unwrap(row[6], key_id=row[4], kek_id=row[5]) for row in rows}
    found: dict[tuple[UUID, str], list[_Listening]] = {}
    for partner_id, environment, endpoint_id, event_types, key_id, *_ in rows:
        one = _Listening(endpoint_id, event_types, keys[key_id])
        found.setdefault((partner_id, environment), []).append(one)
    return found


def _wanting(listening: list[_Listening], event_type: str) -> list[_Listening]:
    return [one for one in listening if not one.event_types or event_type in one.event_types]


def _person_keys(events: list[Event]) -> dict[tuple[UUID, UUID], DataKeyMaterial]:
    people = {(event.partner_id, event.person_id) for event in events if event.person_id is not None}
    if not people:
        return {}
    rows = DataKey.objects.filter(
        partner_id__in={partner for partner, _ in people}, person_id__in={person for _, person in people}
    )
    return {
        (row.partner_id, row.person_id): unwrap(row.wrapped, key_id=row.id, kek_id=row.kek_id)
        for row in rows
        if row.person_id is not None
    }


def _row(
    event: Event,
    environment: str,
    wanting: list[_Listening],
    keys: dict[tuple[UUID, UUID], DataKeyMaterial],
) -> Row:
    """Of a person who has no key (a late receipt after they erased their account) the bank's own serves; none is made
    anew.
    """
    message_id, person_id = uuid7(), event.person_id
    key = keys.get((event.partner_id, person_id)) if person_id is not None else None
    return Row(
        partner_id=event.partner_id,
        environment=environment,
        type=event.type.value,
        sealed=seal_data(key or wanting[0].key, message_id, _fitted(event.data)),
        id=message_id,
        grant_id=event.grant_id,
        person_id=person_id if key else None,
        targets={one.endpoint_id: uuid7() for one in wanting},
    )


def _fitted(data: dict[str, Any]) -> dict[str, Any]:
    """Long texts are cut, and `truncated` says so; what is too large even then is a mistake of ours."""
    if len(to_json(data)) <= _ROOM:
        return data
    cut = {name: value[:LONGEST_TEXT] if isinstance(value, str) else value for name, value in data.items()}
    if len(to_json({**cut, "truncated": True})) > _ROOM:
        raise ValueError("An event's data must fit into 20 kB.")
    return {**cut, "truncated": True}
