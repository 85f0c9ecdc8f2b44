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
from portal.api.models import IdempotencyKey
from portal.tenancy.principal import Principal
from portal.vault.crypto import open_sealed, seal
from portal.vault.keys import data_key_for

KEY_PATTERN = "[!-~]([ -~]{0,253}[!-~])?"  # spaces only inside
_KEY = re.compile(KEY_PATTERN)


@dataclass(frozen=True, slots=True)
class Key:
    """A request's key, and 32 bytes that tell its content from another's."""

    value: str
    fingerprint: bytes


def read_key(request: HttpRequest) -> Key | None:
    """The key of the request, or None when it has none; raises `invalid_request` for a bad one."""
    value = request.headers.get("Idempotency-Key")
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
    stored = IdempotencyKey.objects.filter(client_id=principal.id, key=key.value).first()
    if stored is None:
        return None
    if bytes(stored.fingerprint) != key.fingerprint:
        raise Problem("idempotency_key_reused")
    body = json.loads(open_sealed(data_key_for(stored.partner_id), stored.body, aad=_place(principal, key)))
    return Response(body, status=stored.status, headers={"Idempotent-Replayed": "true"})


def finish(*, principal: Principal, key: Key, status: int, body: Any) -> None:
    """Keeps the answer, sealed, in the request's transaction. Raises IntegrityError (see `lost_race`)."""
    content = json.dumps(body).encode()
    IdempotencyKey.objects.create(
        partner_id=principal.partner_id,
        client_id=principal.id,
        key=key.value,
        fingerprint=key.fingerprint,
        status=status,
        body=seal(data_key_for(principal.partner_id), content, aad=_place(principal, key)),
    )


def _place(principal: Principal, key: Key) -> bytes:
    return b"idempotency.body" + principal.id.bytes + key.value.encode()


def lost_race(error: IntegrityError) -> bool:
    """Whether another request with the same key was faster: roll back, and its answer can be replayed."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) == "api_idempotencykey_once"
