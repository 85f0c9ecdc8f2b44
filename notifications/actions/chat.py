"""What a person writes or taps: the commands, linking, and an answer to anything else."""

import json
from typing import Any

from django.db import transaction
from django.utils import timezone

from consents.actions.link import address_index, redeem_link_token, unlink_account
from consents.actions.stop import end_grant, resume_grant
from consents.models import Grant, LinkedAccount
from notifications.balance import last_balance
from notifications.models import Lane, Reply
from notifications.nudge import nudge
from partners.models import Sender
from partners.refusals import Refused
from portal.ids import uuid7
from portal.tenancy.principal import Kind, Principal
from portal.vault.crypto import seal
from portal.vault.keys import data_key_for

STOP_WORDS = {"stop", "alto", "parar"}
START_WORDS = {"start", "inicio"}
HELP_WORDS = {"help", "ayuda"}
BALANCE_WORDS = {"balance", "saldo"}


def hear(*, sender: Sender, kind: str, address: str, event: dict[str, Any]) -> None:
    """Acts on one inbound event and queues the answer. Runs in the caller's transaction, as the system."""
    index = address_index(sender.id, sender.partner_id, address)
    account = (
        LinkedAccount.objects.filter(sender=sender, address_index=index).exclude(status="UNLINKED").first()
    )
    if account is not None:
        # They wrote, so the 24-hour window is open, and a block is lifted
        LinkedAccount.objects.filter(pk=account.pk).update(last_inbound_at=timezone.now(), status="ACTIVE")
    if token := _reference(kind, event):
        _answer(sender, address, _link(sender, token, address))
    elif kind == "account_linking":
        _hear_linking(sender, address, account, event["account_linking"])
    elif kind in ("message", "postback"):
        _answer(sender, address, _reply_to(sender, account, _words(kind, event)))


def _reference(kind: str, event: dict[str, Any]) -> str:
    """The reference an m.me link carried, from where each kind of event keeps it."""
    holder = event.get("postback", {}) if kind == "postback" else event
    return str((holder.get("referral") or {}).get("ref") or "")


def _link(sender: Sender, token: str, address: str) -> str:
    try:
        redeem_link_token(sender=sender, token=token, address=address)
    except Refused as refusal:
        return str(refusal)
    return f"You are now linked with {sender.name}. Nothing is sent until you allow it. Write HELP for what you can do."


def _hear_linking(
    sender: Sender, address: str, account: LinkedAccount | None, linking: dict[str, Any]
) -> None:
    if linking.get("status") == "linked" and linking.get("authorization_code"):
        _answer(sender, address, _link(sender, linking["authorization_code"], address))
    elif linking.get("status") == "unlinked" and account is not None:
        unlink_account(account_id=account.pk, reason="unlinked_by_person")


def _words(kind: str, event: dict[str, Any]) -> str:
    if kind == "postback":
        return str(event["postback"].get("payload") or "")
    message = event["message"]
    return str((message.get("quick_reply") or {}).get("payload") or message.get("text") or "")


def _reply_to(sender: Sender, account: LinkedAccount | None, words: str) -> str:
    word = words.strip().strip(".!").lower()
    if account is None:
        return f"You are not linked with {sender.name}. To start, open your bank’s page and choose Messenger."
    grant = Grant.objects.filter(account=account, status__in=["ACTIVE", "PAUSED"]).first()
    actor = Principal(Kind.PERSON, person_id=account.person_id)
    if word in STOP_WORDS:
        return _stop(sender, grant, actor)
    if word in START_WORDS:
        return _start(sender, grant, actor)
    if word in BALANCE_WORDS:
        return _balance(sender, grant)
    return (
        _help(sender, grant)
        if word in HELP_WORDS
        else f"This is an automatic service. {_help(sender, grant)}"
    )


def _stop(sender: Sender, grant: Grant | None, actor: Principal) -> str:
    if grant is None:
        return f"{sender.name} was already not sending you anything."
    end_grant(grant_id=grant.pk, actor=actor, reason="STOP written in the chat")
    return (
        f"Stopped. {sender.name} cannot send you anything any more. Your other banks are not affected."
        " You can connect again on your connected banks page."
    )


def _start(sender: Sender, grant: Grant | None, actor: Principal) -> str:
    if grant is None:
        return f"To get messages from {sender.name} again, connect again on your connected banks page."
    if grant.status == Grant.Status.ACTIVE:
        return f"Messages from {sender.name} are on."
    resume_grant(grant_id=grant.pk, actor=actor)
    return f"Messages from {sender.name} are on again."


def _balance(sender: Sender, grant: Grant | None) -> str:
    if grant is None:
        return f"{sender.name} may not send you anything, so there is no balance to show."
    if grant.status == Grant.Status.PAUSED:
        return f"You have paused {sender.name}. Write START to hear from them again."
    return last_balance(grant) or f"{sender.name} has not sent a balance yet."


def _help(sender: Sender, grant: Grant | None) -> str:
    state = {None: "not connected", "ACTIVE": "on", "PAUSED": "paused"}[grant.status if grant else None]
    return (
        f"Messages from {sender.name} are {state}. STOP ends them at once, START resumes after a pause,"
        " BALANCE shows the last balance your bank sent, HELP shows this."
    )


def _answer(sender: Sender, address: str, text: str) -> None:
    reply_id = uuid7()
    key = data_key_for(sender.partner_id)
    content = json.dumps({"address": address, "text": text}).encode()
    sealed = seal(key, content, aad=b"reply.content" + reply_id.bytes)
    Reply.objects.create(id=reply_id, partner_id=sender.partner_id, sender=sender, content=sealed)
    transaction.on_commit(lambda: nudge(Lane.URGENT))
