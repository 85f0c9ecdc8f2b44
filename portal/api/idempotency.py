"""`Idempotency-Key`: the same request twice has one effect and one answer."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError
from django.http import HttpRequest
from rest_framework.response import Response

from portal.api.errors import Problem
from portal.tenancy import prepared
from portal.tenancy.principal import Principal
from portal.vault.crypto import DataKeyMaterial, open_sealed, seal, unwrap
from portal.vault.keys import data_key_for

KEY_PATTERN = "[!-~]([ -~]{0,253}[!-~])?"  # spaces only inside
_KEY = re.compile(KEY_PATTERN)
_READ = (
    "SELECT fingerprint, status, body FROM api_idempotencykey WHERE client_id = %(client)s AND key = %(key)s"
)
_WRITE = """
INSERT INTO api_idempotencykey (partner_id, client_id, key, fingerprint, status, body)
VALUES (%(partner)s, %(client)s, %(key)s, %(fingerprint)s, %(status)s, %(body)s)
"""
_KEY_OF_BANK = (
    "SELECT id, kek_id, wrapped FROM vault_datakey WHERE partner_id = %(partner)s AND person_id IS NULL"
)


@dataclass(frozen=True, slots=True)
class Key:
    """A request's key, and 32 bytes that tell its content from another's."""

    value: str
    fingerprint: bytes


def read_key(request: HttpRequest) -> Key | None:
    """The key of the request, or None when it has none; raises `invalid_request` for a bad one."""
    value = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if value is None:
        return None
    if not _KEY.fullmatch(value):
        raise Problem("invalid_request", "`Idempotency-Key` is 1 to 255 visible ASCII characters.")
    content = f"{request.method} {request.path}\n".encode() + request.body
    return Key(value, hashlib.sha256(content).digest())


def replay_or_begin(*, principal: Principal, key: Key) -> Response | None:
    """The stored answer, or None when the request is new. Call inside the request's transaction.

    Raises the problem `idempotency_key_reused`.
    """
    rows = prepared.run(_READ, {"client": principal.id, "key": key.value})
    if not rows:
        return None
    [(fingerprint, status, body)] = rows
    if fingerprint != key.fingerprint:
        raise Problem("idempotency_key_reused")
    content = open_sealed(_data_key(principal), body, aad=_place(principal, key))
    return Response(json.loads(content), status=status, headers={"Idempotent-Replayed": "true"})


def finish(*, principal: Principal, key: Key, status: int, body: Any) -> None:
    """Keeps the answer, sealed, in the request's transaction. Raises IntegrityError (see `lost_race`)."""
    values = {
        "partner": principal.partner_id,
        "client": principal.id,
        "key": key.value,
        "fingerprint": key.fingerprint,
        "status": status,
        "body": seal(_data_key(principal), json.dumps(body).encode(), aad=_place(principal, key)),
    }
    prepared.run(_WRITE, values)


def _data_key(principal: Principal) -> DataKeyMaterial:
    """The bank's own. Read each time: once destroyed, nothing may be sealed or opened with it."""
    rows = prepared.run(_KEY_OF_BANK, {"partner": principal.partner_id})
    if not rows:
        return data_key_for(principal.partner_id)  # makes it
    [(key_id, kek_id, wrapped)] = rows
    return unwrap(wrapped, key_id=key_id, kek_id=kek_id)


def _place(principal: Principal, key: Key) -> bytes:
    return b"idempotency.body" + principal.id.bytes + key.value.encode()


def lost_race(error: IntegrityError) -> bool:
    """Whether another request with the same key was faster: roll back, and its answer can be replayed."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) == "api_idempotencykey_once"
