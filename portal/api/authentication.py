"""From `Authorization: Bearer …` (RFC 6750) to a principal and its place in the rate limit."""

import hashlib
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from oauth2_provider.models import get_access_token_model

from portal.api import limits, valkey
from portal.api.addresses import address_of, is_within
from portal.api.errors import Problem
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated client; `headers` tell it how much of its limit is left, `outside` why its agreement does
    not cover some of its scopes.
    """

    principal: Principal
    rate_per_second: int
    headers: dict[str, str]
    outside: dict[str, str]


def authenticate(request: HttpRequest) -> Caller:
    """The client whose token this is. Raises the problems `invalid_token`, `rate_limited`, `address_not_allowed`,
    and what keeps its bank's clients out.

    Without Valkey the token is read from the database and no limit is applied.
    """
    checksum = hashlib.sha256(_bearer(request).encode()).hexdigest()
    admission = _admission(checksum)
    entry = admission.entry
    if entry is None or entry["expires"] <= time.time():
        raise _invalid()
    headers = _headers(entry["rate"], admission)
    if not admission.allowed:
        raise Problem("rate_limited", headers=headers | {"Retry-After": str(max(admission.wait, 1))})
    if entry["networks"] and not is_within(address := address_of(request.META), entry["networks"]):
        raise Problem("address_not_allowed", f"This client may not call from {address}.")
    principal = Principal(
        Kind.CLIENT,
        id=UUID(entry["client"]),
        partner_id=UUID(entry["partner"]),
        environment=entry["environment"],
        scopes=frozenset(entry["scopes"]),
    )
    return Caller(principal, entry["rate"], headers, entry["outside"])


def _bearer(request: HttpRequest) -> str:
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem(
            "invalid_token",
            "Send an access token: `Authorization: Bearer …`.",
            headers={"WWW-Authenticate": 'Bearer realm="parley"'},
        )
    return token.strip()


def _admission(checksum: str) -> limits.Admission:
    """A token that was forgotten (see `limits.forget`) is judged by the database, each time."""
    try:
        known = limits.admit(checksum)
        if known is not None and known.entry is not None:
            return known
    except valkey.Unreachable:
        known = None
    entry = _entry(checksum)
    if known is not None:
        return limits.Admission(entry, True, entry["rate"], 0, 0)
    try:
        lifetime = min(limits.TOKEN_SECONDS, int(entry["expires"] - time.time()))
        if admission := limits.admit(checksum, remember=entry, seconds=lifetime):
            return admission
    except valkey.Unreachable:
        pass
    return limits.Admission(entry, True, entry["rate"], 0, 0)


def _entry(checksum: str) -> dict[str, Any]:
    """What the database says the token stands for. A scope taken from the client, or from its agreement, is gone
    from its tokens.
    """
    with scope(Principal.system()), transaction.atomic():
        token = (
            get_access_token_model()
            .objects.select_related("application__partner__production")
            .filter(token_checksum=checksum, expires__gt=timezone.now())
            .first()
        )
        client: Any = token and token.application
        if token is None or client is None or not client.is_usable(None):
            raise _invalid()
        if refusal := client.refusal():
            raise Problem(*refusal)
        outside = client.outside_agreement()
    return {
        "client": str(client.id),
        "partner": str(client.partner_id),
        "environment": client.environment,
        "scopes": sorted(set(token.scope.split()) & set(client.scopes) - set(outside)),
        "outside": outside,
        "networks": client.allowed_networks,
        "rate": max(client.rate_per_second, 1),
        "expires": min(token.expires, client.expires_at).timestamp(),
    }


def _headers(rate: int, admission: limits.Admission) -> dict[str, str]:
    return {
        "RateLimit-Policy": f'"client";q={rate};w=1',
        "RateLimit": f'"client";r={admission.remaining};t={admission.reset}',
    }


def _invalid() -> Problem:
    return Problem("invalid_token", "The access token is unknown, expired or revoked.")
