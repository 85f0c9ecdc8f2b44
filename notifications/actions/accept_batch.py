"""Accepting many notifications at once: each is judged as if it came alone, and all are read and written together."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.utils import timezone

from notifications.actions import accept
from notifications.actions.accept import Request, data_place
from notifications.lanes import lane_of
from notifications.nudge import nudge
from notifications.volume import cap_reached, take_from_cap
from partners.clusters import Environment
from portal.api.errors import Problem
from portal.audit.codes import Code
from portal.ids import public_id, uuid7
from portal.tenancy import prepared
from portal.tenancy.principal import Principal
from portal.vault.crypto import DataKeyMaterial, blind_index, seal, unwrap


def _for_many(statement: str, kind: str) -> str:
    """The statement that reads what decides about one, run for each item in one round trip."""
    for name, column in (("template", "template"), ("locale", "locale"), ("grant", "whom"), ("ref", "whom")):
        statement = statement.replace(f"%({name})s", f"i.{column}")
    return f"""
    SELECT i.place, f.* FROM unnest(%(place)s::int[], %(template)s::text[], %(locale)s::text[], %(whom)s::{kind}[])
        AS i(place, template, locale, whom)
    CROSS JOIN LATERAL ({statement}) f
    """  # noqa: S608 (made of our own constants)


_BY_ID, _BY_REF = _for_many(accept.FACTS_BY_ID, "uuid"), _for_many(accept.FACTS_BY_REF, "bytea")
_COLUMNS = {
    "id": "uuid", "delivery": "uuid", "person_id": "uuid", "grant_id": "uuid", "record_id": "uuid",
    "agreement_version_id": "uuid", "template_version_id": "uuid", "cluster": "text", "data": "bytea",
    "collapse_key": "text", "account_id": "uuid", "sender_id": "uuid", "lane": "text", "due": "timestamptz",
    "expires": "timestamptz", "is_collapsed": "bool",
}  # fmt: skip
_WRITE = f"""
WITH x AS (
    SELECT * FROM unnest({", ".join(f"%({name})s::{kind}[]" for name, kind in _COLUMNS.items())})
        AS x({", ".join(_COLUMNS)})
), n AS (
    INSERT INTO notifications_notification (id, partner_id, environment, person_id, client_id, grant_id,
        record_id, agreement_version_id, template_version_id, cluster, data, collapse_key, created_at)
    SELECT id, %(partner)s, %(environment)s, person_id, %(client)s, grant_id, record_id, agreement_version_id,
        template_version_id, cluster, data, collapse_key, %(now)s FROM x
), d AS (
    INSERT INTO notifications_delivery (id, notification_id, partner_id, environment, person_id, grant_id,
        account_id, sender_id, lane, status, reason, attempts, next_attempt_at, expires_at, provider_id, ended_at)
    SELECT delivery, id, %(partner)s, %(environment)s, person_id, grant_id, account_id, sender_id, lane,
        CASE WHEN is_collapsed THEN 'CANCELLED' ELSE 'QUEUED' END,
        CASE WHEN is_collapsed THEN 'collapsed' ELSE '' END, 0, due, expires, '',
        CASE WHEN is_collapsed THEN %(now)s END FROM x
)
INSERT INTO audit_auditevent (code, actor_kind, actor_id, partner_id, person_id, target_type, target_id,
    request_id, data)
SELECT %(code)s, 'client', %(client)s, %(partner)s, person_id, 'Notification', id, %(request_id)s, '{{}}'::jsonb FROM x
"""  # noqa: S608 (made of our own constants)
# In order of their ids: two batches that collapse the same wait for each other instead of for ever
_COLLAPSE = """
WITH old AS (
    SELECT d.id FROM unnest(%s::uuid[], %s::text[]) AS x(grant_id, collapse_key)
    JOIN notifications_delivery d ON d.grant_id = x.grant_id AND d.status = 'QUEUED'
    JOIN notifications_notification n ON n.id = d.notification_id AND n.collapse_key = x.collapse_key
    ORDER BY d.id FOR NO KEY UPDATE OF d
)
UPDATE notifications_delivery d SET status = 'CANCELLED', reason = 'collapsed', ended_at = now()
FROM old WHERE d.id = old.id AND d.status = 'QUEUED'
"""


class _Ready(NamedTuple):
    """One that passed every check."""

    place: int
    id: UUID
    request: Request
    facts: accept.Facts
    due: datetime
    expires: datetime


def accept_batch(*, requests: Mapping[int, Request], actor: Principal) -> dict[int, Any]:
    """Takes in what may be sent; returns, under the same numbers, the API's answer ({"id", "status"}) or the Problem
    of each. Nothing is written of what was refused.

    Runs in the caller's transaction, under the client's scope.
    """
    answers: dict[int, Any] = {}
    ready, now = [], timezone.now()
    facts = _read_facts(requests, actor)
    for place, request in sorted(requests.items()):
        try:
            ready.append(_judge(place, request, facts.get(place), actor, now))
        except Problem as problem:
            answers[place] = problem
    ready, over = _within_cap(ready, actor)
    answers |= over
    if ready:
        _write(ready, actor, now)
    for one in ready:
        status = "SCHEDULED" if one.due > now else "ACCEPTED"
        answers[one.place] = {"id": public_id("ntf", one.id), "status": status}
    lanes = {lane_of(str(one.facts.cluster)) for one in ready if one.due <= now}
    for lane in lanes:
        transaction.on_commit(partial(nudge, lane))
    return answers


def _read_facts(requests: Mapping[int, Request], actor: Principal) -> dict[int, accept.Facts]:
    """Two round trips at most, whatever the number."""
    by_id = {place: one for place, one in requests.items() if one.grant_id is not None}
    by_ref = {place: one for place, one in requests.items() if one.grant_id is None}
    rows = []
    for statement, found in ((_BY_ID, by_id), (_BY_REF, by_ref)):
        if found:
            values = {
                "partner": actor.partner_id,
                "environment": actor.environment,
                "place": list(found),
                "template": [one.template for one in found.values()],
                "locale": [one.locale for one in found.values()],
                "whom": [_whom(one, actor) for one in found.values()],
            }
            rows += prepared.run(statement, values)
    return {place: accept.Facts(*row) for place, *row in rows}


def _whom(request: Request, actor: Principal) -> UUID | bytes:
    return request.grant_id or blind_index("customer_ref", actor.partner_id, request.customer_ref)


def _judge(
    place: int, request: Request, facts: accept.Facts | None, actor: Principal, now: datetime
) -> _Ready:
    if facts is None:
        raise Problem("partner_suspended", accept.EXPLANATIONS["partner_suspended"])
    accept.check_may_send(facts, request, actor)
    accept.check_data(facts, request, actor)
    due, expires = accept.times_of(request, facts, now)
    return _Ready(place, uuid7(), request, facts, due, expires)


def _within_cap(ready: list[_Ready], actor: Principal) -> tuple[list[_Ready], dict[int, Problem]]:
    """Those that the month still has room for, and a problem for each that comes after them."""
    cap = ready[0].facts.volume_cap if ready else None
    if actor.environment != Environment.LIVE or cap is None:
        return ready, {}
    taken = take_from_cap(cap, actor.partner_id, len(ready))
    return ready[:taken], {one.place: cap_reached(cap) for one in ready[taken:]}


def _write(ready: list[_Ready], actor: Principal, now: datetime) -> None:
    """An item that a later one of the batch collapses is written as cancelled."""
    last = {_collapsing(one): one.place for one in ready if one.request.collapse_key}
    if last:
        with connection.cursor() as cursor:
            cursor.execute(_COLLAPSE, [[grant for grant, _ in last], [key for _, key in last]])
    keys: dict[UUID, DataKeyMaterial] = {}
    rows = [_row(one, keys, last.get(_collapsing(one), one.place) != one.place) for one in ready]
    prepared.run(
        _WRITE,
        {
            **{name: [row[name] for row in rows] for name in _COLUMNS},
            "partner": actor.partner_id,
            "environment": actor.environment,
            "client": actor.id,
            "now": now,
            "code": Code.NOTIFICATION_ACCEPTED.value,
            "request_id": structlog.contextvars.get_contextvars().get("request_id", ""),
        },
    )


def _collapsing(one: _Ready) -> tuple[UUID, str]:
    return one.facts.grant_id, one.request.collapse_key


def _row(one: _Ready, keys: dict[UUID, DataKeyMaterial], is_collapsed: bool) -> dict[str, Any]:
    """`keys` are those that were opened already: many items may be one person's."""
    facts = one.facts
    if facts.key_id not in keys:
        keys[facts.key_id] = unwrap(facts.wrapped, key_id=facts.key_id, kek_id=facts.kek_id)
    content = json.dumps(one.request.data).encode()
    return {
        "id": one.id,
        "delivery": uuid7(),
        **{name: getattr(facts, name) for name in _COLUMNS if hasattr(facts, name)},
        "data": seal(keys[facts.key_id], content, aad=data_place(one.id)),
        "collapse_key": one.request.collapse_key,
        "lane": lane_of(str(facts.cluster)),
        "due": one.due,
        "expires": one.expires,
        "is_collapsed": is_collapsed,
    }
