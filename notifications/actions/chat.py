"""What a person writes or taps: the commands, linking, and an answer to anything else."""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Value
from django.db.models.functions import Greatest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import get_text_list
from django.utils.translation import get_language, gettext_lazy, ngettext, override
from django.utils.translation import gettext as _

from consents.access import lock_accounts
from consents.actions.give import RECONFIRM_DAYS
from consents.actions.link import REFERENCE, address_index, redeem_link_token, unlink_account
from consents.actions.reconfirm import reconfirm_grant
from consents.actions.refuse import lock_requests
from consents.actions.stop import end_grant, resume_grant
from consents.linking import can_be_linked, is_offered
from consents.models import Grant, LinkedAccount
from consents.policy import ACCOUNT, VERDICT
from consents.stops import latest_stops
from consents.telling import ask_for_balance
from notifications.balance import last_balance
from notifications.models import Lane, Reply
from notifications.nudge import nudge
from partners.clusters import Cluster
from partners.models import Sender
from partners.refusals import Refused
from portal.accounts.language import language_of
from portal.ids import uuid7
from portal.tenancy.principal import Kind, Principal
from portal.vault.crypto import seal
from portal.vault.keys import data_key_for

# By language: whoever we do not know is answered in the language of their word
COMMANDS = {
    "en": {
        "STOP": {"stop", "unsubscribe"},
        "START": {"start"},
        "HELP": {"help"},
        "BALANCE": {"balance"},
        "CONFIRM": {"confirm"},
        "UNLINK": {"unlink"},
    },
    "es": {
        "STOP": {"parar", "alto", "baja", "detener"},
        "START": {"iniciar", "inicio", "empezar"},
        "HELP": {"ayuda"},
        "BALANCE": {"saldo"},
        "CONFIRM": {"confirmar"},
        "UNLINK": {"desvincular"},
    },
}
_WORDS = {
    word: (command, language)
    for language, commands in COMMANDS.items()
    for command, words in commands.items()
    for word in words
}
_AROUND = " \t\r\n.,!?¡¿…\"'“”‘’«»"
# What a person does that opens the platform's 24-hour window and shows that they have not blocked the sender
ACTS = ("message", "postback", "referral", "reaction")
# Until then the platform is still busy with the link that it is to forget
FORGET_AFTER = timedelta(seconds=2)
AUTOMATIC = gettext_lazy("This is an automatic service: nobody reads what you write here.")
_BALANCE_VERDICT = f"""
SELECT {VERDICT.format(cluster="'BALANCES'")}, a.id FROM consents_grant g
JOIN partners_partner p ON p.id = g.partner_id
LEFT JOIN partners_agreementversion v ON v.partner_id = g.partner_id AND v.status = 'FINALIZED'
JOIN {ACCOUNT}
WHERE g.id = %s
"""  # noqa: S608 (made of our own constants)


@dataclass(frozen=True, slots=True)
class Response:
    """What the person gets: a text with buttons, or the balance of a grant, looked up when it is sent."""

    text: str = ""
    buttons: tuple[Mapping[str, str], ...] = ()
    balance_of: str = ""
    account: str = ""


def lock_for_hearing(sender: Sender, index: bytes) -> None:
    """Takes the locks that what a person says may need, in the order in which everybody takes them. As the system."""
    linked = LinkedAccount.objects.exclude(status="UNLINKED").filter(sender=sender, address_index=index)
    if (account := linked.first()) is not None:
        whose = account.person_id
        lock_requests(person_id=whose, partner_id=account.partner_id, environment=account.environment)
        lock_accounts(account.pk)


def hear(*, sender: Sender, kind: str, address: str, event: dict[str, Any]) -> None:
    """Acts on one inbound event and queues the answer. Runs in the caller's transaction, as the system.

    Where another application has the conversation (`is_standby`), commands count, and the talking is left to it.
    """
    index = address_index(sender.id, sender.partner_id, address)
    linked = LinkedAccount.objects.exclude(status="UNLINKED").select_related("person__user")
    account = linked.filter(sender=sender, address_index=index).first()
    if account is not None and any(act in event for act in ACTS):
        heard = Greatest("last_inbound_at", Value(_moment(event)))
        if not linked.filter(pk=account.pk).update(last_inbound_at=heard, status="ACTIVE"):
            account = None  # unlinked since it was read
    with override(_language(account, event)):
        response = _respond(sender, kind, address, account, event)
        if response is not None:
            queue_reply(sender, {"address": address, "language": get_language(), **asdict(response)})


def _language(account: LinkedAccount | None, event: dict[str, Any]) -> str:
    """The person's; that of the command where we know nobody who could have chosen one."""
    if account is not None and account.person.user is not None:
        return language_of(account.person.user)
    return _command(_words(event))[1]


def _moment(event: dict[str, Any]) -> datetime:
    """When it happened, in their words (ms, in some referrals s), but never later than now."""
    stamp, now = event.get("timestamp"), timezone.now()
    if not isinstance(stamp, int) or stamp <= 0:
        return now
    seconds = stamp / 1000 if stamp > 10**11 else stamp
    return min(datetime.fromtimestamp(min(seconds, now.timestamp()), UTC), now)


def _respond(
    sender: Sender, kind: str, address: str, account: LinkedAccount | None, event: dict[str, Any]
) -> Response | None:
    if kind == "account_linking":
        return _hear_linking(sender, address, account, event["account_linking"])
    if kind not in ACTS:
        return None
    reference = _reference(event)
    if reference.startswith(REFERENCE):
        return _link(sender, account, reference, address, has_written=True)
    command, _language = _command(_words(event))
    if event.get("is_standby") and not command:
        return None
    if account is None:
        return _to_a_stranger(sender, command)
    return _to_a_person(sender, account, address, command)


def _reference(event: dict[str, Any]) -> str:
    """The reference an m.me link carried, from where each kind of event keeps it."""
    holders = (event, event.get("postback") or {}, event.get("message") or {})
    return next((str(one["referral"].get("ref")) for one in holders if _has_referral(one)), "")


def _has_referral(holder: dict[str, Any]) -> bool:
    return isinstance(holder.get("referral"), dict) and bool(holder["referral"].get("ref"))


def _words(event: dict[str, Any]) -> str:
    postback, message = event.get("postback") or {}, event.get("message") or {}
    tapped = message.get("quick_reply") or {}
    found = postback.get("payload") or postback.get("title") or tapped.get("payload") or message.get("text")
    return str(found or "")


def _command(words: str) -> tuple[str, str]:
    """The command and its language: the whole message, in any case, whatever marks stand around it; else ""."""
    return _WORDS.get(unicodedata.normalize("NFKC", words).strip(_AROUND).casefold(), ("", "en"))


def _link(
    sender: Sender, account: LinkedAccount | None, token: str, address: str, *, has_written: bool
) -> Response:
    try:
        linked = redeem_link_token(sender=sender, token=token, address=address, has_written=has_written)
    except Refused as refusal:
        if account is None and not has_written:  # else it is another person's, whose link must stay
            let_platform_forget(sender, address)
        return Response(str(refusal), _link_buttons(sender))
    done = reverse("link-outcome", args=[sender.id, "linked"])
    with override(language_of(linked.person.user)):
        text = _(
            "This chat is now linked. Linking is not consent: {bank} sends you nothing until you allow it."
            " If it was not you who did this, write UNLINK. HELP shows what else you can write."
        )
        return Response(text.format(bank=sender.name), (_web_button(_("What you can do now"), done),))


def _hear_linking(
    sender: Sender, address: str, account: LinkedAccount | None, linking: dict[str, Any]
) -> Response | None:
    if linking.get("status") == "linked":
        code = str(linking.get("authorization_code") or "")
        return _link(sender, account, code, address, has_written=False)
    if linking.get("status") == "unlinked" and account is not None:
        return _unlink(sender, account, "unlinked_in_messenger")
    return None


def _unlink(sender: Sender, account: LinkedAccount, reason: str) -> Response:
    actor, now = Principal(Kind.PERSON, person_id=account.person_id), timezone.now()
    unlink_account(account_id=account.pk, reason=reason, actor=actor)
    grants = Grant.objects.filter(account=account, status=Grant.Status.REVOKED)
    if ended := grants.filter(ended_at__gte=now, expires_at__gt=now).first():
        text = _(
            "Unlinked. What you had allowed has ended: {bank} can send you nothing here any more. Your other"
            " banks and your accounts are as they were. To link this chat again, write anything."
        )
        return Response(text.format(bank=sender.name) + _met(sender, ended))
    text = _(
        "Unlinked. {bank} can send you nothing here. Nothing else has changed. To link this chat again, write"
        " anything."
    )
    return Response(text.format(bank=sender.name))


def _to_a_stranger(sender: Sender, command: str) -> Response:
    text = _("{bank} sends you nothing here: this chat is not linked with anybody.")
    nothing = text.format(bank=sender.name)
    if command in ("STOP", "UNLINK"):
        return Response(nothing)
    if not (buttons := _link_buttons(sender)):
        how = _("It cannot be linked at the moment.")
        return Response(f"{AUTOMATIC} {nothing} {how}")
    how = _("To link it, sign in. Linking is not yet consent.")
    return Response(f"{AUTOMATIC} {nothing} {how}", buttons)


def _link_buttons(sender: Sender) -> tuple[Mapping[str, str], ...]:
    """Messenger's own button, and another way for where it has none (the web; Europe and Japan)."""
    if not can_be_linked(sender):
        return ()
    here = settings.BASE_URL + reverse("link-messenger", args=[sender.id])
    own = {"type": "account_link", "url": here}
    if not is_offered(sender):
        return (own,)
    again = reverse("link-start", args=[sender.id]) + "?again=1"  # they may have another chat that is linked
    return own, _web_button(_("Link another way"), again)


def _web_button(title: str, path: str) -> Mapping[str, str]:
    return {"type": "web_url", "title": title, "url": settings.BASE_URL + path}


def _to_a_person(sender: Sender, account: LinkedAccount, address: str, command: str) -> Response:
    grant = _live_grant(account)
    actor = Principal(Kind.PERSON, person_id=account.person_id)
    if command == "UNLINK":
        let_platform_forget(sender, address)
        return _unlink(sender, account, "unlinked_in_chat")
    if command == "STOP":
        return _stop(sender, grant, actor)
    if command == "START":
        return _start(sender, grant, actor)
    if command == "CONFIRM":
        return _confirm(sender, grant, actor)
    if command == "BALANCE":
        return _balance(sender, grant, account)
    text = _help(sender, grant)
    return Response(text if command == "HELP" else f"{AUTOMATIC} {text}", (_choices(),))


def _live_grant(account: LinkedAccount) -> Grant | None:
    """The person's with the bank, whichever of their chats it sends to: a STOP in any of them means the bank."""
    whose = {name: getattr(account, name) for name in ("person_id", "partner_id", "environment")}
    return Grant.objects.open().filter(**whose).first()


def _balance(sender: Sender, grant: Grant | None, account: LinkedAccount) -> Response:
    if grant is None:
        return Response(balance_words(sender, grant))
    verdict, goes_to = _balance_verdict(grant)
    if verdict is None and goes_to == account.pk:
        ask_for_balance(grant)
    return Response(balance_of=grant.pk.hex, account=account.pk.hex)


def _choices() -> Mapping[str, str]:
    return _web_button(_("Your choices"), reverse("person-home"))


def _stop(sender: Sender, grant: Grant | None, actor: Principal) -> Response:
    if grant is None:
        text = _("{bank} was already not sending you anything.")
        return Response(text.format(bank=sender.name), (_choices(),))
    end_grant(grant_id=grant.pk, actor=actor, reason="stop_in_chat")
    kinds = get_text_list([str(Cluster(name).label).lower() for name in grant.clusters], _("and"))
    text = _(
        "Stopped. {bank} can send you nothing more: no {kinds}. What was waiting is withdrawn. What remains:"
        " this chat stays linked (UNLINK ends that), and your other banks and your accounts are as they were."
        " To get messages again, start from the page of {bank}."
    )
    return Response(text.format(bank=sender.name, kinds=kinds) + _met(sender, grant), (_choices(),))


def _met(sender: Sender, grant: Grant) -> str:
    """What the stop met, in sentences that follow others; "" where that was nothing."""
    stop, found = latest_stops([grant.pk])[grant.pk].stop, []
    if count := stop.withdrawn:
        text = ngettext("{n} message was withdrawn.", "{n} messages were withdrawn.", count)
        found.append(text.format(n=count))
    if count := stop.handed_over:
        text = ngettext(
            "{n} message had just been handed to {channel} and may still arrive.",
            "{n} messages had just been handed to {channel} and may still arrive.",
            count,
        )
        found.append(text.format(n=count, channel=sender.channel.title()))
    return "".join(f" {sentence}" for sentence in found)


def _start(sender: Sender, grant: Grant | None, actor: Principal) -> Response:
    if grant is None:
        text = _("{bank} may not send you anything. To get messages, start from the page of your bank.")
        return Response(text.format(bank=sender.name), (_choices(),))
    if grant.status == Grant.Status.PAUSED:
        resumed = resume_grant(grant_id=grant.pk, actor=actor)
        if resumed.reconfirm_by <= timezone.now():
            return Response(_state(sender, resumed), (_choices(),))
        text = _("{bank} may send you messages again, until {day}.")
        return Response(text.format(bank=sender.name, day=_last_day(grant)))
    text = _("Nothing had to be started.")
    return Response(f"{_state(sender, grant)} {text}", (_choices(),))


NO_BALANCE = {
    None: gettext_lazy("{bank} has not sent a balance yet."),
    "grant_paused": gettext_lazy("You have paused {bank}. Write START to hear from them again."),
    "no_active_grant": gettext_lazy("You have not allowed {bank} to send you balances."),
    "reconfirmation_due": gettext_lazy(
        "{bank} waits until you confirm that you still want this: write CONFIRM."
    ),
    "": gettext_lazy("{bank} cannot send you anything at the moment."),
}


def _confirm(sender: Sender, grant: Grant | None, actor: Principal) -> Response:
    if grant is None:
        return _start(sender, grant, actor)
    try:
        confirmed = reconfirm_grant(grant_id=grant.pk, actor=actor)
    except Refused as refusal:
        return Response(str(refusal), (_choices(),))
    text = _("Thank you. Confirmed for {days} days.").format(days=RECONFIRM_DAYS)
    return Response(f"{text} {_state(sender, confirmed)}")


def _balance_verdict(grant: Grant) -> tuple[str | None, UUID]:
    """None where the bank may send balances now, else why not (see consents.policy); and where to."""
    with connection.cursor() as cursor:
        cursor.execute(_BALANCE_VERDICT, [grant.pk])
        return cursor.fetchone()


def balance_words(sender: Sender, grant: Grant | None, account: str = "") -> str:
    """The answer to BALANCE in the chat of `account` (its id in hex), as things stand now: the bank's last balance only
    where it might be sent now, and to that chat.
    """
    if grant is None:
        text = _("{bank} may not send you anything, so there is no balance to show.")
        return text.format(bank=sender.name)
    verdict, goes_to = _balance_verdict(grant)
    if goes_to.hex != account:
        return _("{bank} sends your balances to another chat of yours.").format(bank=sender.name)
    if verdict is None and (last := last_balance(grant)):
        return last.text or _erased_balance(sender, last.kept_days)
    return NO_BALANCE.get(verdict, NO_BALANCE[""]).format(bank=sender.name)


def _erased_balance(sender: Sender, days: int) -> str:
    text = ngettext(
        "The last balance that {bank} sent was deleted after {days} day, as you were promised. You get the next one that"
        " it sends.",
        "The last balance that {bank} sent was deleted after {days} days, as you were promised. You get the next one"
        " that it sends.",
        days,
    )
    return text.format(bank=sender.name, days=days)


def _help(sender: Sender, grant: Grant | None) -> str:
    if grant is None:
        words = _(
            "To get messages, start from the page of {bank}. Write UNLINK to unlink this chat, HELP for this."
        )
    else:
        words = _(
            "Write STOP to end it at once, START to go on after a pause, BALANCE for the last balance your bank"
            " sent, UNLINK to unlink this chat, HELP for this."
        )
    found = [_state(sender, grant), words.format(bank=sender.name)]
    if sender.partner.domain:
        found.append(_("Questions to your bank: {domain}.").format(domain=sender.partner.domain))
    return " ".join(found)


def _state(sender: Sender, grant: Grant | None) -> str:
    if grant is None:
        return _("{bank} may not send you anything.").format(bank=sender.name)
    if grant.status == Grant.Status.PAUSED:
        return _("You have paused {bank}.").format(bank=sender.name)
    if grant.reconfirm_by <= timezone.now():
        return NO_BALANCE["reconfirmation_due"].format(bank=sender.name)
    text = _("{bank} may send you messages, until {day}.")
    return text.format(bank=sender.name, day=_last_day(grant))


def _last_day(grant: Grant) -> str:
    return date_format(grant.expires_at, "DATE_FORMAT")


def let_platform_forget(sender: Sender, address: str) -> None:
    """The platform believes in a link that we do not have. As the system."""
    queue_reply(sender, {"address": address, "is_forgetting": True}, due=timezone.now() + FORGET_AFTER)


def queue_reply(sender: Sender, content: dict[str, Any], *, due: datetime | None = None) -> None:
    """Queues words for an address of the sender, in the current transaction. As the system."""
    reply_id = uuid7()
    key = data_key_for(sender.partner_id)
    Reply.objects.create(
        id=reply_id,
        partner_id=sender.partner_id,
        sender=sender,
        content=seal(key, json.dumps(content).encode(), aad=reply_place(reply_id)),
        next_attempt_at=due or timezone.now(),
    )
    transaction.on_commit(lambda: nudge(Lane.URGENT))


def reply_place(reply_id: Any) -> bytes:
    """Where a sealed answer belongs."""
    return b"reply.content" + reply_id.bytes
