"""Between a bank's page and ours: what a SAML provider had the browser post.

A browser posts from another site without the session's cookie. So the answer waits here, sealed, until the same
browser asks for what came of it by an address of ours; only then is it known whose session it belongs to. All of it
is in Valkey, and for minutes: whoever loses it begins again.
"""

import base64
import hashlib
import time
from typing import Any
from uuid import UUID

from django.db import transaction

from partners.oidc.discovery import NoAnswer
from portal.api import valkey
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import CannotOpen, DataKeyMaterial, open_sealed, seal
from portal.vault.keys import find_data_key

_BEGUN_FOR, _WAITS_FOR = 600, 120  # seconds
_REMEMBERED = 3_600  # seconds, at least, that a used assertion is


def expect_answer(state: str, partner_id: UUID | str) -> None:
    """Somebody goes to the bank now. What nobody waits for is not kept."""
    _call(valkey.client().set, _key("begun", partner_id, state), 1, ex=_BEGUN_FOR)


def keep_answer(state: str, partner_id: UUID | str, answer: str) -> bool:
    """Whether it was waited for; each once."""
    if not _call(valkey.client().delete, _key("begun", partner_id, state)):
        return False
    if (key := _data_key(partner_id)) is None:
        return False
    sealed = base64.b64encode(seal(key, answer.encode(), aad=_place(state))).decode()
    _call(valkey.client().set, _key("answer", partner_id, state), sealed, ex=_WAITS_FOR)
    return True


def take_answer(state: str, partner_id: UUID | str) -> str | None:
    """The one that came, once."""
    key, found = _data_key(partner_id), _call(valkey.client().getdel, _key("answer", partner_id, state))
    if key is None or found is None:
        return None
    try:
        return open_sealed(key, base64.b64decode(found), aad=_place(state)).decode()
    except CannotOpen:
        return None


def is_first_use(assertion_id: str, partner_id: UUID | str, until: float) -> bool:
    """Whether this bank's provider has not said this very thing before; from now on it has."""
    seconds = max(_REMEMBERED, int(until - time.time()) + _REMEMBERED)
    return bool(_call(valkey.client().set, _key("used", partner_id, assertion_id), 1, nx=True, ex=seconds))


def _data_key(partner_id: UUID | str) -> DataKeyMaterial | None:
    with transaction.atomic(), scope(Principal.system()):
        return find_data_key(UUID(str(partner_id)))


def _call(command: Any, *args: Any, **options: Any) -> Any:
    try:
        return valkey.call(command, *args, **options)
    except valkey.Unreachable as error:
        raise NoAnswer("What banks answer cannot be kept at the moment.") from error


def _key(kind: str, partner_id: UUID | str, name: str) -> str:
    return f"saml:{kind}:{partner_id}:{hashlib.sha256(name.encode()).hexdigest()}"


def _place(state: str) -> bytes:
    return b"saml.answer" + state.encode()
