"""Where a grant's messages arrive: one chat of the person's first; the others, in their order, while it cannot be
reached.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from consents.models import ConsentRecord, Grant, LinkedAccount
from partners.models import AgreementVersion
from portal.api.times import rfc3339
from portal.vault.crypto import DataKeyMaterial, open_sealed, seal
from portal.vault.keys import data_key_for


class Chat(NamedTuple):
    """One of them; `account_id` is its linked account's, `linked_at` RFC 3339."""

    account_id: str
    channel: str
    sender: str
    linked_at: str


def route_of(grant: Grant) -> list[LinkedAccount]:
    """The grant's accounts in its order, with their senders; as the system."""
    found = LinkedAccount.objects.select_related("sender").in_bulk([grant.account_id, *grant.fallback_ids])
    return [found[one] for one in (grant.account_id, *grant.fallback_ids) if one in found]


def linked_chats(
    *, partner_id: UUID, environment: str, person_id: UUID, version: AgreementVersion | None
) -> QuerySet[LinkedAccount]:
    """All of the person's at the bank that the agreement covers, the latest first; as the system."""
    rows = LinkedAccount.objects.filter(
        partner_id=partner_id, environment=environment, person_id=person_id
    ).exclude(status=LinkedAccount.Status.UNLINKED)
    if version:
        rows = rows.filter(channel__in=version.channels)
    return rows.select_related("sender").order_by("-id")


def set_route(grant: Grant, chats: Sequence[LinkedAccount]) -> None:
    """Makes these, in this order, the grant's; its caller saves it."""
    grant.account, grant.fallback_ids = chats[0], [one.id for one in chats[1:]]


def channels_of(chats: Iterable[LinkedAccount]) -> list[str]:
    """Each once."""
    return list(dict.fromkeys(one.channel for one in chats))


def described(chats: Iterable[LinkedAccount]) -> list[Chat]:
    """Enough of each for their person to know it by, and no address; with their senders, as the system."""
    return [Chat(str(one.id), one.channel, one.sender.name, rfc3339(one.linked_at)) for one in chats]


def sealed_chats(grant: Grant, chats: Iterable[LinkedAccount]) -> bytes:
    """For the grant's records."""
    key, told = data_key_for(grant.partner_id, grant.person_id), described(chats)
    return seal(key, json.dumps(told).encode(), aad=_place(grant.id))


def recorded_chats(record: ConsentRecord, key: DataKeyMaterial) -> list[Chat]:
    """What a record says of them, in order; nothing in records of before. Raises CannotOpen."""
    if not record.chats:
        return []
    return [Chat(*one) for one in json.loads(open_sealed(key, record.chats, aad=_place(record.grant_id)))]


def _place(grant_id: UUID) -> bytes:
    return b"grant.chats" + grant_id.bytes


def chat_words(chats: Sequence[Chat]) -> list[str]:
    """What their person calls each: with the moment it was linked where two would be called the same."""
    words = [
        _("your %(messenger)s chat with %(sender)s")
        % {"messenger": one.channel.title(), "sender": one.sender}
        for one in chats
    ]
    count, linked = Counter(words), _("%(chat)s (linked on %(moment)s)")
    return [
        linked % {"chat": word, "moment": _moment(one)} if count[word] > 1 else word
        for word, one in zip(words, chats, strict=True)
    ]


def route_sentences(words: Sequence[str]) -> list[str]:
    """Where messages arrive, of chats in such words, in their order."""
    if len(words) == 1:
        return [_("Sent to: %(words)s.") % {"words": words[0]}]
    return [
        _("First: %(chat)s.") % {"chat": words[0]},
        _("Only if that cannot be reached: %(chats)s.") % {"chats": "; ".join(words[1:])},
    ]


def _moment(chat: Chat) -> str:
    return date_format(timezone.localtime(datetime.fromisoformat(chat.linked_at)), "DATETIME_FORMAT")
