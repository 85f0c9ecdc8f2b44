"""A client's key set (RFC 7517 §5) at an address of the bank's own: fetched before it is needed, never under a lock.

A key that the bank takes out of it is worthless here within REFETCH; while the address does not answer, the
keys are believed for BELIEVED.
"""

import asyncio
import json
from datetime import timedelta
from typing import Any

import aiohttp
import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from joserfc import jws
from joserfc.errors import JoseError

from partners.api_client import ApiClient
from partners.client_keys import read_public_key
from partners.refusals import Refused
from portal.outbound import NotAllowed, check_url, read_some, session
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

REFETCH = timedelta(minutes=5)
BELIEVED = timedelta(hours=1)
_BETWEEN_TRIES = timedelta(seconds=10)
_PATIENCE = 5.0  # seconds
_MOST_KEYS = 20
_NO_SET = "The address answered with no key set: it must be JSON with a list “keys” (RFC 7517)."
_log = structlog.get_logger(__name__)


def fetched_keys(client: ApiClient) -> list[dict[str, str]]:
    """What the client's address told, as long as it may be believed."""
    at = client.jwks_fetched_at
    return client.jwks if at is not None and at > timezone.now() - BELIEVED else []


def refresh_key_set(client_id: str, assertion: str) -> None:
    """Asks the client's address again where its answer is old, or does not know the key that the assertion names.
    Never more often than every ten seconds: anybody can send an assertion. Call it outside a transaction.
    """
    with scope(Principal.system()), transaction.atomic():
        rows = ApiClient.objects.filter(client_id=client_id, revoked_at=None).exclude(jwks_url="")
        client = rows.first()
        if client is None or not _is_stale(client, assertion):
            return
        now = timezone.now()
        is_due = Q(jwks_tried_at=None) | Q(jwks_tried_at__lt=now - _BETWEEN_TRIES)
        if not rows.filter(is_due).update(jwks_tried_at=now):
            return
    try:
        keys = fetch_key_set(client.jwks_url)
    except Refused:
        _log.warning("key_set_not_fetched", client=str(client.id))
        return
    with scope(Principal.system()), transaction.atomic():
        same = ApiClient.objects.filter(pk=client.pk, jwks_url=client.jwks_url)
        same.update(jwks=keys, jwks_fetched_at=timezone.now())


def fetch_key_set(url: str) -> list[dict[str, str]]:
    """The keys there, each read as strictly as a pasted one; raises Refused with a sentence. Network: outside a
    transaction.
    """
    try:
        raw = asyncio.run(_get(check_url(url)))
    except NotAllowed as error:
        raise Refused(str(error)) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Refused("The address did not answer in time, or is not on the public internet.") from error
    return _read(raw)


async def _get(url: str) -> bytes:
    async with session(seconds=_PATIENCE) as http, http.get(url, allow_redirects=False) as answer:
        if answer.status != 200:
            raise Refused(f"The address answered {answer.status}; it must be 200, without a redirect.")
        return await read_some(answer)


def _read(raw: bytes) -> list[dict[str, str]]:
    try:
        given: list[Any] = json.loads(raw)["keys"]
        texts = [json.dumps(key) for key in given[:_MOST_KEYS] if isinstance(key, dict)]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Refused(_NO_SET) from error
    keys: dict[str, dict[str, str]] = {}
    why = _NO_SET
    for text in texts:
        try:
            key = read_public_key(text)
        except Refused as error:
            why = str(error)  # a set may also hold keys for other purposes
        else:
            keys.setdefault(key["kid"], key)
    if not keys:
        raise Refused(why)
    return list(keys.values())


def _is_stale(client: ApiClient, assertion: str) -> bool:
    at = client.jwks_fetched_at
    if at is None or at < timezone.now() - REFETCH:
        return True
    return _kid(assertion) not in {key["kid"] for key in client.jwks}


def _kid(assertion: str) -> str:
    try:
        return str(jws.extract_compact(assertion.encode()).headers().get("kid", ""))
    except (JoseError, ValueError):
        return ""
