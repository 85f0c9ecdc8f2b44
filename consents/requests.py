"""A bank's question to one customer, as it is now: its state by the clock, and its sealed content."""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from consents.models import Customer, GrantRequest
from consents.records import Account
from portal.vault.crypto import CannotOpen, open_sealed, seal
from portal.vault.keys import data_key_for, find_data_key

LIFETIME = timedelta(minutes=15)
_S = GrantRequest.Status


@dataclass(frozen=True)
class Content:
    """Whom the bank means, what it offers, and where it waits for the answer (`redirect_uri` may be "")."""

    customer_ref: str
    accounts: list[Account]
    redirect_uri: str
    state: str


def status_of(asked: GrantRequest) -> str:
    """Whatever has been written down: the clock is judged on every read."""
    if asked.status == _S.PENDING and asked.expires_at <= timezone.now():
        return _S.EXPIRED
    return asked.status


def meant_for(person_id: UUID) -> Q:
    """Those that the person has opened, and those that nobody has and that ask for them by their bank's reference.
    As the system.
    """
    theirs = Customer.objects.filter(
        person_id=person_id,
        partner_id=OuterRef("partner_id"),
        environment=OuterRef("environment"),
        ref_index=OuterRef("ref_index"),
    )
    return Q(person_id=person_id) | Q(Exists(theirs), person_id=None)


def sealed_content(asked: GrantRequest, content: Content) -> bytes:
    """With the bank's key. As the system."""
    return seal(data_key_for(asked.partner_id), json.dumps(asdict(content)).encode(), aad=_place(asked))


def content_of(asked: GrantRequest) -> Content | None:
    """None once it was emptied, or the bank's key destroyed. As the system."""
    key = find_data_key(asked.partner_id)
    if key is None or not asked.content:
        return None
    try:
        found = json.loads(open_sealed(key, asked.content, aad=_place(asked)))
    except CannotOpen:
        return None
    return Content(**found | {"accounts": [Account(**one) for one in found["accounts"]]})


def _place(asked: GrantRequest) -> bytes:
    return b"request.content" + asked.id.bytes
