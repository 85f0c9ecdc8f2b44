"""Idempotency keys of the items in one request: what a key is to a request, each is to its item."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from portal.api.errors import Problem
from portal.api.idempotency import Key
from portal.api.models import IdempotencyKey
from portal.tenancy.principal import Principal
from portal.vault.crypto import open_sealed, seal
from portal.vault.keys import data_key_for


def item_key(place: str, value: str, content: Any) -> Key:
    """The key of an item that was sent to `place`; how its JSON was written does not tell it from another."""
    text = json.dumps(content, sort_keys=True)
    return Key(value, hashlib.sha256(f"{place}\n{text}".encode()).digest())


def repeats(keys: Mapping[int, Key]) -> dict[int, int]:
    """Which items of a request are the same as an earlier one of it: their place, and that one's."""
    first: dict[Key, int] = {}
    return {place: first[key] for place, key in keys.items() if first.setdefault(key, place) != place}


def replay_items(*, principal: Principal, keys: Mapping[int, Key]) -> dict[int, Any]:
    """By their place, those that were answered before: the stored answer, or the problem `idempotency_key_reused`,
    also for what has the key of an earlier item of the request. One query finds them.
    """
    first: dict[str, Key] = {}
    found: dict[int, Any] = {
        place: Problem("idempotency_key_reused")
        for place, key in keys.items()
        if first.setdefault(key.value, key) != key
    }
    stored = {row.key: row for row in IdempotencyKey.objects.filter(client_id=principal.id, key__in=first)}
    sealed_by = data_key_for(principal.partner_id) if stored else None
    for place, key in keys.items():
        row = stored.get(key.value)
        if sealed_by is None or row is None:
            continue
        is_same = bytes(row.fingerprint) == key.fingerprint
        found[place] = (
            json.loads(open_sealed(sealed_by, row.body, aad=_place(principal, key)))
            if is_same
            else Problem("idempotency_key_reused")
        )
    return found


def finish_items(*, principal: Principal, answers: list[tuple[Key, Any]], status: int) -> None:
    """Keeps the answers, sealed; raises IntegrityError (see `idempotency.lost_race`). In order of their keys, so that
    two requests with the same ones wait for each other instead of for ever.
    """
    if not answers:
        return
    sealed_by = data_key_for(principal.partner_id)
    IdempotencyKey.objects.bulk_create(
        IdempotencyKey(
            partner_id=principal.partner_id,
            client_id=principal.id,
            key=key.value,
            fingerprint=key.fingerprint,
            status=status,
            body=seal(sealed_by, json.dumps(body).encode(), aad=_place(principal, key)),
        )
        for key, body in sorted(answers, key=lambda one: one[0].value)
    )


def _place(principal: Principal, key: Key) -> bytes:
    return b"idempotency.item" + principal.id.bytes + key.value.encode()
