"""A bank asks one of its customers for a grant; one person answers, once, within a quarter of an hour."""

from collections import Counter
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from consents.actions.give import LONGEST_DAYS
from consents.linking import ENDED
from consents.models import Customer, GrantRequest
from consents.records import Account
from consents.requests import LIFETIME, Content, sealed_content
from consents.return_address import find_fault
from partners.agreement_caps import agreement_in_force, outside
from partners.agreement_text import CLAUSES
from partners.clusters import Cluster, Environment
from partners.models import AgreementVersion, Partner
from partners.refusals import Refused
from portal.api.account_numbers import find_full_account_number
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import uuid7
from portal.tenancy.context import current, scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import blind_index

SYSTEM = Principal.system()


class CannotAsk(Refused):
    """The bank may not ask this. `code` is the API's problem, `pointer` the field that is to blame, or ""."""

    def __init__(self, sentence: str, *, code: str = "invalid_request", pointer: str = "") -> None:
        super().__init__(sentence)
        self.code, self.pointer = code, pointer


@transaction.atomic
def ask_for_grant(
    *,
    partner_id: UUID,
    environment: str,
    way: str,
    customer_ref: str,
    clusters: list[str],
    accounts: list[Account],
    duration_days: int,
    redirect_uri: str,
    state: str,
    locale: str,
    client_id: UUID | None = None,
    person_id: UUID | None = None,
) -> GrantRequest:
    """A PENDING request, to be answered at /authorize/{id}; raises CannotAsk. With `person_id` it is that person's
    from the start. Without `redirect_uri` (never so for a bank that asks by itself) they stay on our pages.
    """
    actor = current() or SYSTEM
    with scope(SYSTEM):
        partner = Partner.objects.get(pk=partner_id)
        _check_bank(partner, environment)
        version = agreement_in_force(partner_id) if environment == Environment.LIVE else None
        _check_terms(environment, version, clusters, duration_days)
        _check_accounts(customer_ref, accounts)
        if redirect_uri or way == GrantRequest.Way.BANK:
            _check_way_back(partner, environment, redirect_uri)
        asked = GrantRequest(
            id=uuid7(),
            partner_id=partner_id,
            environment=environment,
            way=way,
            client_id=client_id,
            person_id=person_id,
            ref_index=blind_index("customer_ref", partner_id, customer_ref),
            clusters=[name for name in Cluster.values if name in clusters],
            duration_days=duration_days,
            locale=locale,
            expires_at=timezone.now() + LIFETIME,
        )
        if person_id is not None and (sentence := who_it_is_not(asked, person_id)):
            raise CannotAsk(sentence)
        asked.content = sealed_content(asked, Content(customer_ref, accounts, redirect_uri, state))
        asked.save(force_insert=True)
        data = {"way": way, "clusters": asked.clusters, "days": duration_days}
        record(
            Code.GRANT_REQUEST_CREATED,
            actor=actor,
            target=asked,
            partner_id=partner_id,
            person_id=person_id,
            data=data,
        )
    return asked


def _check_bank(partner: Partner, environment: str) -> None:
    is_live = environment == Environment.LIVE
    if partner.status in ENDED or (is_live and partner.status != Partner.Status.ACTIVE):
        raise CannotAsk(f"{partner.name} cannot ask anybody at the moment.", code="partner_suspended")


def _check_terms(
    environment: str, version: AgreementVersion | None, clusters: list[str], duration_days: int
) -> None:
    if environment == Environment.LIVE and version is None:
        raise CannotAsk("No agreement is in force.", code="agreement_not_in_force")
    if version and (sentence := outside(version, clusters)):
        scopes = ", ".join(sorted(Cluster(name).scope for name in {*clusters} - {*version.clusters}))
        raise CannotAsk(f"{sentence} Scope: {scopes}.", code="insufficient_scope", pointer="/clusters")
    longest = version.longest_grant_days if version else LONGEST_DAYS
    if not 1 <= duration_days <= longest:
        clause = f": see clause {CLAUSES['longest_grant_days']} of the agreement" if version else ""
        raise CannotAsk(f"Ask for 1 to {longest} days{clause}.", pointer="/duration_days")


def _check_accounts(customer_ref: str, accounts: list[Account]) -> None:
    given = {"customer_ref": customer_ref, "accounts": [vars(one) for one in accounts]}
    if pointer := find_full_account_number(given, ""):
        raise CannotAsk("Send a mask instead.", code="full_account_number", pointer=pointer)
    if any(count > 1 for count in Counter(one.ref for one in accounts).values()):
        raise CannotAsk("Each account once: two have the same ref.", pointer="/accounts")


def _check_way_back(partner: Partner, environment: str, redirect_uri: str) -> None:
    if fault := find_fault(redirect_uri, domain=partner.domain, environment=environment):
        raise CannotAsk(fault, pointer="/redirect_uri")


def who_it_is_not(asked: GrantRequest, person_id: UUID) -> str:
    """Why this person is not the customer that the bank means, as a sentence; "" is good. As the system."""
    customers = Customer.objects.filter(partner_id=asked.partner_id, environment=asked.environment)
    if customers.filter(ref_index=asked.ref_index).exclude(person_id=person_id).exists():
        return "This customer of the bank is connected by somebody else’s Parley account."
    if customers.filter(person_id=person_id).exclude(ref_index=asked.ref_index).exists():
        return "You are connected with this bank as another one of its customers."
    return ""
