"""Giving consent: a grant, and under it the record of what was shown and allowed."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from consents.models import ConsentRecord, Customer, Grant, LinkedAccount
from consents.telling import tell_grant
from partners.agreement_caps import outside
from partners.agreement_text import CLAUSES
from partners.clusters import PURPOSES, Cluster, Environment
from partners.models import AgreementVersion
from partners.refusals import Refused
from partners.webhooks import EventType
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import DataKeyMaterial, blind_index, open_sealed, seal
from portal.vault.keys import data_key_for

LONGEST_DAYS = 365
RECONFIRM_DAYS = 90
WITHDRAWAL_METHOD = "Disconnect on the connected banks page, or write STOP in the chat"


@dataclass(frozen=True)
class Account:
    """A bank account as the bank names it (`ref`) and as a person knows it (`mask`, `type`)."""

    ref: str
    mask: str
    type: str


def account_index(partner_id: UUID, ref: str) -> bytes:
    """Finds an account in a grant without reading any."""
    return blind_index("account_ref", partner_id, ref)


@transaction.atomic
def give_consent(
    *,
    customer: Customer,
    account: LinkedAccount,
    clusters: list[str],
    accounts: list[Account],
    duration_days: int,
    disclosure: str,
    actor: Principal,
    language: str = "en",
) -> Grant:
    """Makes an ACTIVE grant of exactly these clusters and accounts; raises Refused when it would exceed the
    agreement, last more than 365 days, or stand beside a live one. `disclosure` is the text that was shown.
    """
    with scope(Principal.system()):
        version = _agreement_in_force(customer)
        _check_account(customer, account, version)
        _check(customer, version, clusters, accounts, duration_days)
        now = timezone.now()
        grant_id, record_id = uuid7(), uuid7()
        sealed = _sealed_accounts(customer, grant_id, accounts)
        grant = Grant.objects.create(
            id=grant_id,
            partner_id=customer.partner_id,
            environment=customer.environment,
            person_id=customer.person_id,
            customer=customer,
            account=account,
            agreement_version=version,
            record_id=record_id,
            status=Grant.Status.ACTIVE,
            clusters=clusters,
            accounts=sealed,
            account_indexes=[account_index(customer.partner_id, one.ref) for one in accounts],
            granted_at=now,
            expires_at=now + timedelta(days=duration_days),
            reconfirm_by=now + timedelta(days=RECONFIRM_DAYS),
        )
        ConsentRecord.objects.create(
            id=record_id,
            partner_id=customer.partner_id,
            person_id=customer.person_id,
            grant=grant,
            event="ConsentGiven",
            language=language,
            clusters=clusters,
            purposes=sorted({PURPOSES[Cluster(name)].value for name in clusters}),
            jurisdiction=version.countries[0] if version else "",
            agreement=f"{version.agreement.number} v{version.number}" if version else "sandbox",
            retention_days=version.retention_days if version else 30,
            withdrawal_method=WITHDRAWAL_METHOD,
            valid_until=grant.expires_at,
            disclosure_sha256=hashlib.sha256(disclosure.encode()).hexdigest(),
            accounts=sealed,
        )
        record(
            Code.CONSENT_GIVEN,
            actor=actor,
            target=grant,
            partner_id=grant.partner_id,
            person_id=grant.person_id,
            data={"record": str(record_id), "clusters": clusters},
        )
        tell_grant(EventType.GRANT_ACTIVATED, grant)
    return grant


def granted_accounts(grant: Grant, key: DataKeyMaterial) -> list[dict[str, str]]:
    """The grant's accounts ({"ref", "mask", "type"}), opened with its bank's and person's key; raises CannotOpen."""
    return json.loads(open_sealed(key, grant.accounts, aad=accounts_place(grant.id)))


def accounts_place(grant_id: UUID) -> bytes:
    """Where a grant's sealed accounts belong."""
    return b"grant.accounts" + grant_id.bytes


def _sealed_accounts(customer: Customer, grant_id: UUID, accounts: list[Account]) -> bytes:
    key = data_key_for(customer.partner_id, customer.person_id)
    return seal(key, json.dumps([asdict(one) for one in accounts]).encode(), aad=accounts_place(grant_id))


def _agreement_in_force(customer: Customer) -> AgreementVersion | None:
    if customer.environment == Environment.SANDBOX:
        return None
    rows = AgreementVersion.objects.in_force().select_related("agreement")
    version = rows.filter(partner_id=customer.partner_id).first()
    if version is None:
        raise Refused("This bank has no agreement in force, so it cannot ask for anything.")
    return version


def _check_account(customer: Customer, account: LinkedAccount, version: AgreementVersion | None) -> None:
    """Else one person's balance would show on somebody else's phone."""
    now = LinkedAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
    belongs = ("partner_id", "environment", "person_id")
    if any(getattr(now, name) != getattr(customer, name) for name in belongs):
        raise Refused("This messaging account is not linked with this bank by you.")
    if now.status == LinkedAccount.Status.UNLINKED:
        raise Refused("This messaging account is not linked any more. Link it again first.")
    if version and now.channel not in version.channels:
        raise Refused(
            f"The bank’s agreement does not cover this messenger: see its clause {CLAUSES['channels']}."
        )


def _check(
    customer: Customer,
    version: AgreementVersion | None,
    clusters: list[str],
    accounts: list[Account],
    duration_days: int,
) -> None:
    longest = version.longest_grant_days if version else LONGEST_DAYS
    if not clusters or not accounts:
        raise Refused("Choose at least one kind of message and one account.")
    if version and (refusal := outside(version, clusters)):
        raise Refused(refusal)
    if not 1 <= duration_days <= longest:
        clause = f" (clause {CLAUSES['longest_grant_days']} of the bank’s agreement)" if version else ""
        raise Refused(f"Choose between 1 and {longest} days{clause}.")
    live = [Grant.Status.PENDING, Grant.Status.ACTIVE, Grant.Status.PAUSED]
    if Grant.objects.filter(customer=customer, status__in=live).exists():
        raise Refused("You are already connected. Change that connection instead.")
