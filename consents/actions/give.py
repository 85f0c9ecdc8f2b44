"""Giving consent: a grant, and under it the record of what was shown and allowed. Or another one, to the same."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from consents.access import get_grant_for, lock_accounts
from consents.models import Customer, Grant, LinkedAccount
from consents.records import Choice, sealed_accounts, write_record
from consents.route import set_route
from consents.telling import tell_grant
from consents.trail import record_grant
from partners.agreement_caps import outside
from partners.agreement_text import CLAUSES
from partners.clusters import Environment
from partners.models import AgreementVersion
from partners.outgoing import outgoing
from partners.refusals import Refused
from partners.webhooks import EventType
from portal.audit.codes import Code
from portal.ids import uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.crypto import blind_index

LONGEST_DAYS = 365
RECONFIRM_DAYS = 90
LIVE = [Grant.Status.PENDING, Grant.Status.ACTIVE, Grant.Status.PAUSED]


def account_index(partner_id: UUID, ref: str) -> bytes:
    """Finds an account in a grant without reading any."""
    return blind_index("account_ref", partner_id, ref)


@transaction.atomic
def give_consent(
    *,
    customer: Customer,
    account: LinkedAccount,
    choice: Choice,
    actor: Principal,
    fallbacks: Sequence[LinkedAccount] = (),
) -> Grant:
    """Makes an ACTIVE grant of exactly what was chosen, sent to `account`, and to the `fallbacks` in their order only
    while it cannot be reached; raises Refused when it would exceed the agreement, last
    more than 365 days, or stand beside a live one.
    """
    with scope(Principal.system()):
        chats = [account, *fallbacks]
        version = _checked(customer, chats, choice)
        if Grant.objects.filter(customer=customer, status__in=LIVE).exists():
            raise Refused(_("You are already connected. Change that connection instead."))
        grant = Grant(
            id=uuid7(),
            partner_id=customer.partner_id,
            environment=customer.environment,
            person_id=customer.person_id,
            customer=customer,
            status=Grant.Status.ACTIVE,
            granted_at=timezone.now(),
        )
        _authorise(grant, chats, choice, version)
        grant.save(force_insert=True)
        write_record(grant, choice, version, customer=customer, event="ConsentGiven")
        _record(Code.CONSENT_GIVEN, grant, actor)
        tell_grant(EventType.GRANT_ACTIVATED, grant)
    return grant


@transaction.atomic
def give_consent_again(
    *,
    grant_id: UUID,
    account: LinkedAccount,
    choice: Choice,
    actor: Principal,
    fallbacks: Sequence[LinkedAccount] = (),
) -> Grant:
    """The person's new consent takes the place of what a live grant holds: wider, narrower, longer, on other
    messaging accounts. A paused grant stays so. Raises Refused as `give_consent`, and when the grant has ended.
    """
    lock_accounts(account.pk)
    with scope(actor):
        grant = get_grant_for(actor, grant_id, lock=True)
    if actor.kind is not Kind.PERSON or grant.status not in LIVE or grant.expires_at <= timezone.now():
        raise Refused(_("This connection has ended. Connect again instead."))
    with scope(Principal.system()):
        chats = [account, *fallbacks]
        version = _checked(grant.customer, chats, choice)
        _authorise(grant, chats, choice, version)
        grant.asked_version_id = grant.answered_at = None
        grant.save()
        write_record(grant, choice, version, customer=grant.customer, event="RenewedConsentGiven")
        withdrawn = outgoing().keep_within(grant=grant)
        _record(Code.CONSENT_AMENDED, grant, actor, withdrawn=withdrawn)
        tell_grant(EventType.GRANT_AMENDED, grant)
    return grant


def _authorise(
    grant: Grant, chats: list[LinkedAccount], choice: Choice, version: AgreementVersion | None
) -> None:
    now = timezone.now()
    set_route(grant, chats)
    grant.agreement_version, grant.record_id = version, uuid7()
    grant.clusters, grant.accounts = choice.clusters, sealed_accounts(grant, choice.accounts)
    grant.account_indexes = [account_index(grant.partner_id, one.ref) for one in choice.accounts]
    grant.authorised_at, grant.expires_at, grant.is_once = now, choice.ends(now), choice.is_once
    grant.reconfirm_by = now + timedelta(days=RECONFIRM_DAYS)
    grant.tend_at = now


def _checked(customer: Customer, chats: list[LinkedAccount], choice: Choice) -> AgreementVersion | None:
    version = _agreement_in_force(customer)
    if len({one.pk for one in chats}) < len(chats):
        raise Refused(_("Choose each chat once."))
    linked = lock_accounts(chats[0].pk)
    for account in chats:
        _check_account(customer, linked.get(account.pk), version)
    _check(version, choice)
    return version


def _agreement_in_force(customer: Customer) -> AgreementVersion | None:
    if customer.environment == Environment.SANDBOX:
        return None
    rows = AgreementVersion.objects.in_force().select_related("agreement")
    version = rows.filter(partner_id=customer.partner_id).first()
    if version is None:
        raise Refused(_("This bank has no agreement in force, so it cannot ask for anything."))
    return version


def _check_account(customer: Customer, now: LinkedAccount | None, version: AgreementVersion | None) -> None:
    """Else one person's balance would show on somebody else's phone."""
    belongs = ("partner_id", "environment", "person_id")
    if now is None or any(getattr(now, name) != getattr(customer, name) for name in belongs):
        raise Refused(_("This messaging account is not linked with this bank by you."))
    if now.status == LinkedAccount.Status.UNLINKED:
        raise Refused(_("This messaging account is not linked any more. Link it again first."))
    if version and now.channel not in version.channels:
        text = _("The bank’s agreement does not cover this messenger: see its clause {clause}.")
        raise Refused(text.format(clause=CLAUSES["channels"]))


def _check(version: AgreementVersion | None, choice: Choice) -> None:
    longest = version.longest_grant_days if version else LONGEST_DAYS
    if not choice.clusters or not choice.accounts:
        raise Refused(_("Choose at least one kind of message and one account."))
    if version and (refusal := outside(version, choice.clusters)):
        raise Refused(refusal)
    if choice.duration_days is not None and not 1 <= choice.duration_days <= longest:
        text = _("Choose between 1 and {days} days.")
        if version:
            text = _("Choose between 1 and {days} days (clause {clause} of the bank’s agreement).")
        raise Refused(text.format(days=longest, clause=CLAUSES["longest_grant_days"]))


def _record(code: Code, grant: Grant, actor: Principal, **data: object) -> None:
    record_grant(code, grant, actor, record=str(grant.record_id), clusters=grant.clusters, **data)
