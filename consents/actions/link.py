"""Linking a messaging account. Linked is not consent."""

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from consents.models import Customer, Grant, LinkedAccount, LinkToken
from partners.models import Sender
from partners.refusals import Refused
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import blind_index, seal
from portal.vault.keys import data_key_for

LINK_TOKEN_MINUTES = 15


def address_place(account_id: UUID) -> bytes:
    """Where a sealed address belongs."""
    return b"account.address" + account_id.bytes


def address_index(sender_id: UUID, partner_id: UUID, address: str) -> bytes:
    """Finds an address on a sender without reading any."""
    return blind_index(f"address:{sender_id}", partner_id, address)


@transaction.atomic
def issue_link_token(*, sender: Sender, person_id: UUID) -> str:
    """A one-time reference that the person carries into the chat; valid 15 minutes, kept as a digest."""
    token = secrets.token_urlsafe(24)
    with scope(Principal.system()):
        LinkToken.objects.create(
            partner_id=sender.partner_id,
            sender=sender,
            person_id=person_id,
            digest=hashlib.sha256(token.encode()).digest(),
            expires_at=timezone.now() + timedelta(minutes=LINK_TOKEN_MINUTES),
        )
    return token


@transaction.atomic
def redeem_link_token(*, sender: Sender, token: str, address: str) -> LinkedAccount:
    """Links the address to the person who holds the token; raises Refused when it is unknown, old or used."""
    with scope(Principal.system()):
        digest = hashlib.sha256(token.encode()).digest()
        found = LinkToken.objects.select_for_update().filter(sender=sender, digest=digest).first()
        if found is None or found.used_at or found.expires_at <= timezone.now():
            raise Refused("This link has been used or is too old. Start again from your bank’s page.")
        found.used_at = timezone.now()
        found.save(update_fields=["used_at"])
        return link_account(
            sender=sender, person_id=found.person_id, address=address, actor=Principal.system()
        )


@transaction.atomic
def link_account(*, sender: Sender, person_id: UUID, address: str, actor: Principal) -> LinkedAccount:
    """Records that the address is the person's; raises Refused when it is another person's."""
    with scope(Principal.system()):
        index = address_index(sender.id, sender.partner_id, address)
        live = LinkedAccount.objects.select_for_update().filter(sender=sender, address_index=index)
        known = live.exclude(status=LinkedAccount.Status.UNLINKED).first()
        if known is not None:
            if known.person_id != person_id:
                raise Refused("This messaging account is linked to somebody else.")
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
            last_inbound_at=timezone.now(),
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
                raise Refused("This customer reference belongs to somebody else.")
            return known
        customer_id = uuid7()
        key = data_key_for(partner_id, person_id)
        return Customer.objects.create(
            id=customer_id,
            partner_id=partner_id,
            environment=environment,
            person_id=person_id,
            customer_ref=seal(key, customer_ref.encode(), aad=b"customer.ref" + customer_id.bytes),
            ref_index=index,
        )


@transaction.atomic
def unlink_account(*, account_id: UUID, reason: str) -> None:
    """The account is gone (unlinked in the app, blocked for good): its grants end with it."""
    from consents.actions.stop import end_grant

    with scope(Principal.system()):
        account = LinkedAccount.objects.select_for_update().get(pk=account_id)
        if account.status == LinkedAccount.Status.UNLINKED:
            return
        account.status, account.ended_at = LinkedAccount.Status.UNLINKED, timezone.now()
        account.save(update_fields=["status", "ended_at"])
        record(
            Code.ACCOUNT_UNLINKED,
            actor=Principal.system(),
            target=account,
            partner_id=account.partner_id,
            person_id=account.person_id,
            data={"reason": reason},
        )
        for grant in Grant.objects.filter(account=account, status__in=["ACTIVE", "PAUSED"]):
            end_grant(grant_id=grant.id, to=Grant.Status.INVALIDATED, actor=Principal.system(), reason=reason)
