"""Sends the answers to what people wrote, within the 30 seconds that platforms ask for."""

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import override

from consents.linking import find_platform
from consents.models import Grant
from notifications.actions.chat import balance_words, reply_place
from notifications.channels import CHANNELS, Answer, Message, Outcome
from notifications.courier import courier
from notifications.models import Reply
from partners.actions.senders import sender_secrets
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import CannotOpen, open_sealed
from portal.vault.keys import data_key_for

BATCH = 50
AGAIN_SECONDS = (2, 5, 15)
AGAIN = {Outcome.TRANSIENT, Outcome.THROTTLED}
LEASE = timedelta(seconds=30)  # longer than the two requests that one answer can take


@dataclass(slots=True)
class _Due:
    """One answer, with all that sending it needs."""

    reply: Reply
    secrets: dict[str, str]
    message: Message
    is_forgetting: bool


def send_due_replies() -> int:
    """Sends what is due; returns how many were tried. Answers go at once to different people, one after the
    other to the same. An answer nobody waits for any more is not tried for ever.
    """
    tried = 0
    while due := _claim():
        answers = courier().run(_send_all(due))
        _finish(due, answers)
        tried += len(due)
    return tried


def _claim() -> list[_Due]:
    """The oldest answer of each conversation among those that are due."""
    now = timezone.now()
    with scope(Principal.system()), transaction.atomic():
        rows = (
            Reply.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("sender")
            .filter(ended_at__isnull=True, next_attempt_at__lte=now)
            .order_by("next_attempt_at", "id")[:BATCH]
        )
        first: dict[tuple[UUID, str], _Due] = {}
        for reply in rows:
            try:
                due = _open(reply)
            except CannotOpen:  # erased meanwhile
                Reply.objects.filter(pk=reply.pk).update(ended_at=now, content=b"")
                continue
            first.setdefault((reply.sender_id, due.message.address), due)
        for due in first.values():
            due.reply.attempts += 1
            due.reply.next_attempt_at = now + LEASE
        Reply.objects.bulk_update([due.reply for due in first.values()], ["attempts", "next_attempt_at"])
    return list(first.values())


def _open(reply: Reply) -> _Due:
    key = data_key_for(reply.partner_id)
    content = json.loads(open_sealed(key, reply.content, aad=reply_place(reply.id)))
    text = content.get("text", "")
    if grant_id := content.get("balance_of"):
        with override(content.get("language", "en")):
            grant = Grant.objects.filter(pk=grant_id).first()
            text = balance_words(reply.sender, grant, content.get("account", ""))
    message = Message(
        address=content["address"],
        text=text,
        reference=f"reply-{reply.id.hex}",
        in_window=True,
        buttons=tuple(content.get("buttons", ())),
    )
    secrets = sender_secrets(reply.sender_id, reply.sender.secrets, key)
    return _Due(reply, secrets, message, bool(content.get("is_forgetting")))


async def _send_all(due: list[_Due]) -> list[Answer]:
    return await asyncio.gather(*(_send(one) for one in due))


async def _send(due: _Due) -> Answer:
    """Where the platform refuses the buttons (Messenger has no linking in some countries), their addresses go
    as text.
    """
    if due.is_forgetting:
        return await _forget(due)
    sender, message = due.reply.sender, due.message
    channel, http = CHANNELS[sender.channel], courier().session()
    answer = await channel.send(http, page=sender.external_id, secrets=due.secrets, message=message)
    if answer.outcome is Outcome.PERMANENT and message.buttons:
        links = [button["url"] for button in message.buttons if button["type"] == "web_url"]
        plain = replace(message, text="\n".join([message.text, *links]), buttons=())
        answer = await channel.send(http, page=sender.external_id, secrets=due.secrets, message=plain)
    return answer


async def _forget(due: _Due) -> Answer:
    platform = find_platform(due.reply.sender.channel)
    is_done = platform is None or await platform.forget(secrets=due.secrets, address=due.message.address)
    return Answer(Outcome.SENT if is_done else Outcome.TRANSIENT)


def _finish(due: list[_Due], answers: list[Answer]) -> None:
    """What was said is forgotten once it was sent, or given up."""
    now = timezone.now()
    for one, answer in zip(due, answers, strict=True):
        reply = one.reply
        if answer.outcome in AGAIN and reply.attempts <= len(AGAIN_SECONDS):
            wait = max(AGAIN_SECONDS[reply.attempts - 1], answer.wait)
            reply.next_attempt_at = now + timedelta(seconds=wait)
        else:
            reply.ended_at, reply.content = now, b""
    with scope(Principal.system()), transaction.atomic():
        Reply.objects.bulk_update([one.reply for one in due], ["next_attempt_at", "ended_at", "content"])
