"""A bank's test customers. Nobody stands behind one: the bank's client links and allows in their place."""

import secrets
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.http import Http404

from consents.actions.give import LONGEST_DAYS, give_consent
from consents.actions.link import ensure_customer, link_account, unlink_account
from consents.actions.stop import end_grant
from consents.models import LIVE_STATES, Customer, Grant, LinkedAccount, Person
from consents.records import Account, Choice
from partners.clusters import Environment
from partners.models import Sender
from partners.refusals import Refused
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import blind_index

DISCLOSURE = "A test customer: the bank's own client allowed this in the sandbox, and no person was asked."
REASON = "test customer removed"
_PSIDS = 9 * 10**16


@dataclass(frozen=True)
class Wanted:
    """The test customer that a bank asks for."""

    customer_ref: str
    clusters: list[str]
    accounts: list[Account]


def address_of(partner_id: UUID, customer_ref: str) -> str:
    """The simulated phone of a test customer: 17 digits, always the same for one reference."""
    digest = blind_index("sandbox_address", partner_id, customer_ref)
    return str(10**16 + int.from_bytes(digest[:8]) % _PSIDS)


@transaction.atomic
def make_test_customer(*, sender: Sender, wanted: Wanted, actor: Principal) -> Grant:
    """Links their simulated phone and gives an active grant for a year; raises Refused when the reference is
    taken. `sender` is one of the sandbox.
    """
    if sender.environment != Environment.SANDBOX:
        raise Refused("Test customers live in the sandbox only.")
    with scope(Principal.system()):
        Sender.objects.select_for_update(no_key=True).get(
            pk=sender.pk
        )  # one at a time: two could be the same
        if _find(sender.partner_id, wanted.customer_ref) is not None:
            raise Refused(f"There is a test customer {wanted.customer_ref} already: delete it first.")
        person = Person.objects.create()
        account = link_account(
            sender=sender,
            person_id=person.id,
            address=address_of(sender.partner_id, wanted.customer_ref),
            actor=actor,
        )
        customer = ensure_customer(
            partner_id=sender.partner_id,
            environment=Environment.SANDBOX,
            person_id=person.id,
            customer_ref=wanted.customer_ref,
        )
    return give_consent(
        customer=customer,
        account=account,
        choice=Choice(
            wanted.clusters, wanted.accounts, LONGEST_DAYS, disclosure=DISCLOSURE, through="sandbox"
        ),
        actor=actor,
    )


@transaction.atomic
def remove_test_customer(*, customer_ref: str, actor: Principal) -> None:
    """Ends their grant, unlinks their phone and frees the reference; raises Http404. What was sent stays listed."""
    with scope(Principal.system()):
        customer = _find(actor.partner_id, customer_ref, lock=True)
        if customer is None:
            raise Http404
        live = Grant.objects.filter(customer=customer, status__in=LIVE_STATES)
        linked = LinkedAccount.objects.filter(
            partner_id=customer.partner_id, environment=customer.environment, person_id=customer.person_id
        ).exclude(status=LinkedAccount.Status.UNLINKED)
        accounts = list(linked.select_for_update(no_key=True).order_by("id"))
        grants = list(live.values_list("id", flat=True))
    for grant_id in grants:
        end_grant(grant_id=grant_id, actor=actor, reason=REASON)
    with scope(Principal.system()):
        for account in accounts:
            unlink_account(account_id=account.id, reason="removed")
        customer.ref_index = secrets.token_bytes(32)  # found by nobody any more
        customer.save(update_fields=["ref_index"])


def _find(partner_id: UUID, customer_ref: str, *, lock: bool = False) -> Customer | None:
    rows = Customer.objects.select_for_update() if lock else Customer.objects.all()
    index = blind_index("customer_ref", partner_id, customer_ref)
    return rows.filter(partner_id=partner_id, environment=Environment.SANDBOX, ref_index=index).first()
