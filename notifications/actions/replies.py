"""Sends the answers to what people wrote."""

import json
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from notifications.channels import CHANNELS, Answer, Message, Outcome
from notifications.courier import courier
from notifications.models import Reply
from partners.actions.senders import sender_secrets
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import open_sealed
from portal.vault.keys import data_key_for

MOST_ATTEMPTS = 4
AGAIN_AFTER = timedelta(seconds=30)
AGAIN = {Outcome.TRANSIENT, Outcome.THROTTLED}


def send_due_replies() -> int:
    """Sends what is due, one by one; returns how many were tried. An answer nobody waits for any more is not
    tried for ever.
    """
    tried = 0
    while (prepared := _claim()) is not None:
        reply, page, channel, secrets, message = prepared
        answer = courier().run(_send(channel, page, secrets, message))
        _finish(reply, answer)
        tried += 1
    return tried


async def _send(channel: str, page: str, secrets: dict[str, str], message: Message) -> Answer:
    return await CHANNELS[channel].send(courier().session(), page=page, secrets=secrets, message=message)


def _claim() -> tuple[Reply, str, str, dict[str, str], Message] | None:
    with scope(Principal.system()), transaction.atomic():
        reply = (
            Reply.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("sender")
            .filter(ended_at__isnull=True, next_attempt_at__lte=timezone.now())
            .order_by("next_attempt_at")
            .first()
        )
        if reply is None:
            return None
        reply.attempts += 1
        reply.next_attempt_at = timezone.now() + AGAIN_AFTER
        reply.save(update_fields=["attempts", "next_attempt_at"])
        key = data_key_for(reply.partner_id)
        content = json.loads(open_sealed(key, reply.content, aad=b"reply.content" + reply.id.bytes))
        message = Message(content["address"], content["text"], f"reply-{reply.id.hex}", in_window=True)
        secrets = sender_secrets(reply.sender_id, reply.sender.secrets, key)
        return reply, reply.sender.external_id, reply.sender.channel, secrets, message


def _finish(reply: Reply, answer: Answer) -> None:
    if answer.outcome in AGAIN and reply.attempts < MOST_ATTEMPTS:
        return
    with scope(Principal.system()), transaction.atomic():
        Reply.objects.filter(pk=reply.pk).update(ended_at=timezone.now())
