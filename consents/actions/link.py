"""Linking a messaging account. Linked is not consent."""

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consents.access import lock_accounts
from consents.models import LIVE_STATES, Customer, Grant, LinkedAccount, LinkToken
from partners.models import Sender
from partners.refusals import Refused
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.crypto import CannotOpen, blind_index, open_sealed, seal
from portal.vault.keys import data_key_for, find_data_key

LINK_TOKEN_MINUTES = 15
# An m.me link may carry a reference of the bank's own; ours begin like this
REFERENCE = "parley-"
CODE = "code-"
SOMEBODY_ELSES = gettext_lazy(
    "This chat is linked with somebody else’s Parley account. If the chat is yours, write UNLINK in it first."
)
SYSTEM = Principal.system()
_S = LinkedAccount.Status


def address_place(account_id: UUID) -> bytes:
    """Where a sealed address belongs."""
    return b"account.address" + account_id.bytes


def address_index(sender_id: UUID, partner_id: UUID, address: str) -> bytes:
    """Finds an address on a sender without reading any."""
    return blind_index(f"address:{sender_id}", partner_id, address)


@transaction.atomic
def issue_reference(*, sender: Sender, person_id: UUID) -> tuple[LinkToken, str]:
    """What a person carries into the chat by an m.me link: whoever brings it there first is linked to them."""
    return _issue(sender, person_id, REFERENCE, b"")


@transaction.atomic
def issue_code(*, sender: Sender, person_id: UUID, address: str) -> str:
    """What the platform carries back to us (`authorization_code`). Only the chat of `address` can redeem it,
    where the platform has told that address (else it is "").
    """
    index = address_index(sender.id, sender.partner_id, address) if address else b""
    return _issue(sender, person_id, CODE, index)[1]


@transaction.atomic
def require_free(*, sender: Sender, person_id: UUID, address: str) -> None:
    """Raises Refused when the address is linked to somebody else."""
    with scope(Principal.system()):
        index = address_index(sender.id, sender.partner_id, address)
        if _live(sender, index).exclude(person_id=person_id).exists():
            raise Refused(SOMEBODY_ELSES)


def _live(sender: Sender, index: bytes) -> QuerySet[LinkedAccount]:
    return LinkedAccount.objects.filter(sender=sender, address_index=index).exclude(status=_S.UNLINKED)


def _issue(sender: Sender, person_id: UUID, prefix: str, index: bytes) -> tuple[LinkToken, str]:
    token = prefix + secrets.token_urlsafe(24)
    with scope(Principal.system()):
        row = LinkToken.objects.create(
            partner_id=sender.partner_id,
            sender=sender,
            person_id=person_id,
            digest=_digest(token, index),
            expires_at=timezone.now() + timedelta(minutes=LINK_TOKEN_MINUTES),
        )
    return row, token


def _digest(token: str, index: bytes = b"") -> bytes:
    """Over the address as well, where it is known: another's chat then finds no such token."""
    return hashlib.sha256(token.encode() + index).digest()


def redeem_link_token(*, sender: Sender, token: str, address: str, has_written: bool) -> LinkedAccount:
    """Links the address to the person whose token it is; raises Refused, with a sentence for the chat, when the
    token is unknown here, old or used, or the address is another person's (which spoils the token). Call it
    inside a transaction, and commit after a refusal too.
    """
    with scope(Principal.system()):
        index = address_index(sender.id, sender.partner_id, address)
        digests = [_digest(token), _digest(token, index)]
        _live(sender, index).select_for_update(no_key=True).first()  # before the token, as by all
        rows = LinkToken.objects.select_for_update().filter(sender=sender, digest__in=digests)
        found = _checked(rows.first())
        try:
            account = link_account(
                sender=sender,
                person_id=found.person_id,
                address=address,
                actor=Principal.system(),
                has_written=has_written,
            )
        except Refused:
            found.delete()
            raise
        found.used_at = timezone.now()
        found.save(update_fields=["used_at"])
    return account


def _checked(token: LinkToken | None) -> LinkToken:
    if token is None:
        raise Refused(_("This link is not known, or it was made for another chat. Get a new one."))
    if token.used_at:
        raise Refused(_("This link has been used. Each link works once: get a new one."))
    if token.expires_at <= timezone.now():
        text = _("This link is too old. A link works for {minutes} minutes: get a new one.")
        raise Refused(text.format(minutes=LINK_TOKEN_MINUTES))
    return token


@transaction.atomic
def link_account(
    *, sender: Sender, person_id: UUID, address: str, actor: Principal, has_written: bool = True
) -> LinkedAccount:
    """Records that the address is the person's; raises Refused when it is another person's. `has_written` tells
    that they have just spoken there, which opens the platform's window.
    """
    with scope(Principal.system()):
        index = address_index(sender.id, sender.partner_id, address)
        known = _live(sender, index).select_for_update(no_key=True).first()
        if known is not None:
            if known.person_id != person_id:
                raise Refused(SOMEBODY_ELSES)
            return known
        account_id = uuid7()
        key = data_key_for(sender.partner_id, person_id)
        account = LinkedAccount.objects.create(
            id=account_id,
            partner_id=sender.partner_id,
            environment=sender.environment,
            person_id=person_id,
            sender=sender,
            channel=sender.channel,
            address=seal(key, address.encode(), aad=address_place(account_id)),
            address_index=index,
            last_inbound_at=timezone.now() if has_written else None,
        )
        record(
            Code.ACCOUNT_LINKED,
            actor=actor,
            target=account,
            partner_id=sender.partner_id,
            person_id=person_id,
            data={"channel": sender.channel},
        )
    return account


@transaction.atomic
def ensure_customer(*, partner_id: UUID, environment: str, person_id: UUID, customer_ref: str) -> Customer:
    """The person under the bank's own reference; raises Refused when the reference is another person's."""
    with scope(Principal.system()):
        index = blind_index("customer_ref", partner_id, customer_ref)
        known = Customer.objects.filter(
            partner_id=partner_id, environment=environment, ref_index=index
        ).first()
        if known is not None:
            if known.person_id != person_id:
                raise Refused(_("This customer reference belongs to somebody else."))
            return known
        customer_id = uuid7()
        key = data_key_for(partner_id, person_id)
        return Customer.objects.create(
            id=customer_id,
            partner_id=partner_id,
            environment=environment,
            person_id=person_id,
            customer_ref=seal(key, customer_ref.encode(), aad=_ref_place(customer_id)),
            ref_index=index,
        )


def customer_ref_of(customer: Customer) -> str | None:
    """The bank's own reference for the person; None once their data was erased."""
    key = find_data_key(customer.partner_id, customer.person_id)
    try:
        return open_sealed(key, customer.customer_ref, aad=_ref_place(customer.id)).decode() if key else None
    except CannotOpen:  # sealed under an earlier key
        return None


def _ref_place(customer_id: UUID) -> bytes:
    return b"customer.ref" + customer_id.bytes


@transaction.atomic
def unlink_account(*, account_id: UUID, reason: str, actor: Principal = SYSTEM) -> None:
    """The account is unlinked by its person, or is gone (blocked for good): grants that send there first end with it,
    by whoever did so; those that have it as a fallback go on without it.
    """
    from consents.actions.refuse import refuse_requests
    from consents.actions.route import drop_chat
    from consents.actions.stop import end_grant

    is_own = actor.kind is Kind.PERSON
    with scope(SYSTEM):
        live = Grant.objects.filter(account_id=account_id, status__in=LIVE_STATES)
        if is_own:
            for partner_id, environment in live.values_list("partner_id", "environment"):
                refuse_requests(actor=actor, partner_id=partner_id, environment=environment)
        account = lock_accounts(account_id)[account_id]
        if account.status == _S.UNLINKED:
            return
        account.status, account.ended_at = _S.UNLINKED, timezone.now()
        account.save(update_fields=["status", "ended_at"])
        record(
            Code.ACCOUNT_UNLINKED,
            actor=actor,
            target=account,
            partner_id=account.partner_id,
            person_id=account.person_id,
            data={"reason": reason},
        )
        to, by = (Grant.Status.REVOKED, actor) if is_own else (Grant.Status.INVALIDATED, SYSTEM)
        for grant in live.order_by("id"):
            end_grant(grant_id=grant.id, to=to, actor=by, reason=reason)
        drop_chat(account=account, actor=actor)
