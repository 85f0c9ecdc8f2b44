"""Writes to the trail."""

import json
from typing import Any
from uuid import UUID

import structlog
from django.db import connection

from portal.audit.codes import Code
from portal.tenancy.principal import Principal

_INSERT = """
    INSERT INTO audit_auditevent
        (code, actor_kind, actor_id, partner_id, person_id, target_type, target_id, request_id, data)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb)
"""


def record(
    code: Code,
    *,
    actor: Principal,
    target: Any,
    partner_id: UUID | None = None,
    person_id: UUID | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Writes one event in the current transaction. `data` must hold no personal data.

    A plain INSERT: reading the row back, as the ORM would, needs a right that not every role has.
    """
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                code.value,
                actor.kind.value,
                actor.id,
                partner_id,
                person_id,
                type(target).__name__,
                target.pk,
                request_id,
                json.dumps(data or {}),
            ],
        )
