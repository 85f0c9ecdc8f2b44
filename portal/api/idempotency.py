"""`Idempotency-Key`: the same request twice has one effect and one answer."""

import hashlib
from typing import Any

from django.db import IntegrityError, transaction
from rest_framework.response import Response

from portal.api.errors import Problem
from portal.api.models import IdempotencyKey
from portal.tenancy.principal import Principal

LONGEST_KEY = 255  # characters


class AnsweredMeanwhile(Exception):
    """Another request with this key ended first: roll back, and replay its answer."""


def fingerprint(method: str, path: str, body: bytes) -> bytes:
    """32 bytes that tell requests apart."""
    return hashlib.sha256(f"{method} {path}\n".encode() + body).digest()


def replay_or_begin(*, principal: Principal, key: str, fingerprint: bytes) -> Response | None:
    """The stored answer, or None when the request is new. Call inside the request's transaction.

    Raises the problems `idempotency_key_reused` and, for a key that is too long, `invalid_request`.
    """
    if len(key) > LONGEST_KEY or "\x00" in key:
        raise Problem("invalid_request", f"`Idempotency-Key` has {LONGEST_KEY} characters at most.")
    stored = IdempotencyKey.objects.filter(client_id=principal.id, key=key).first()
    if stored is None:
        return None
    if bytes(stored.fingerprint) != fingerprint:
        raise Problem("idempotency_key_reused")
    return Response(stored.body, status=stored.status, headers={"Idempotent-Replayed": "true"})


def finish(*, principal: Principal, key: str, fingerprint: bytes, status: int, body: Any) -> None:
    """Keeps the answer in the request's transaction. Raises AnsweredMeanwhile when another one was first."""
    try:
        with transaction.atomic():
            IdempotencyKey.objects.create(
                partner_id=principal.partner_id,
                client_id=principal.id,
                key=key,
                fingerprint=fingerprint,
                status=status,
                body=body,
            )
    except IntegrityError as error:
        raise AnsweredMeanwhile from error
