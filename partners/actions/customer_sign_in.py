"""A bank's sign-in for its customers: set up, checked, turned on and off."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from partners.customer_sign_in import customer_sign_in_of, secret_place
from partners.models import CustomerSignIn, Partner
from partners.refusals import Refused
from partners.sender_checks import Finding
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import uuid7
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Kind, Principal
from portal.vault.crypto import seal
from portal.vault.keys import data_key_for

ENDED = (Partner.Status.SURRENDERED, Partner.Status.REVOKED, Partner.Status.REJECTED)


@transaction.atomic
def save_customer_sign_in(
    *,
    partner_id: UUID,
    environment: str,
    issuer: str,
    client_id: str,
    secret: str,
    scopes: str,
    customer_ref_claim: str,
    accounts_claim: str,
    actor: Principal,
) -> CustomerSignIn:
    """Sets it up, or changes it; an empty `secret` stays as it is. Whatever changes who answers, or what is asked of
    them, turns it off until it was checked again. Raises Refused.
    """
    with scope(Principal.system()):
        partner = _locked_partner(partner_id, actor)
        if partner.status in ENDED:
            raise Refused("Your bank has left Parley, so its customers cannot begin here.")
        found = customer_sign_in_of(partner_id, environment)
        found = found or CustomerSignIn(id=uuid7(), partner=partner, environment=environment)
        if found._state.adding and not secret:
            raise Refused("Give the client secret.")
        typed = {
            "issuer": issuer, "client_id": client_id, "scopes": scopes,
            "customer_ref_claim": customer_ref_claim, "accounts_claim": accounts_claim,
        }  # fmt: skip
        if secret or any(getattr(found, name) != value for name, value in typed.items()):
            found.is_on, found.checked_at, found.findings, found.host = False, None, [], ""
            found.problem, found.problem_at = "", None
        for name, value in typed.items():
            setattr(found, name, value)
        if secret:
            found.secret = seal(data_key_for(partner_id), secret.encode(), aad=secret_place(found.id))
        found.save()
        _record(Code.CUSTOMER_SIGN_IN_CONFIGURED, found, actor, **typed, has_new_secret=bool(secret))
    return found


@transaction.atomic
def note_customer_sign_in_check(
    *,
    partner_id: UUID,
    environment: str,
    issuer: str,
    findings: Iterable[Finding],
    host: str,
    actor: Principal,
) -> CustomerSignIn:
    """Keeps what this issuer's provider said just now. People who are sent to another host than before would not be
    where they were told, so that, like any finding that is not good, turns it off.
    """
    with scope(Principal.system()):
        _locked_partner(partner_id, actor)
        found = customer_sign_in_of(partner_id, environment)
        if found is None or found.issuer != issuer:
            raise Refused("Somebody else has changed this meanwhile. Look again.")
        was = found.host
        found.checked_at, found.findings = timezone.now(), [finding._asdict() for finding in findings]
        found.host = host or was
        found.is_on = found.is_on and found.is_proven and found.host == was
        found.save(update_fields=["checked_at", "findings", "host", "is_on"])
        _record(Code.CUSTOMER_SIGN_IN_CHECKED, found, actor, is_good=found.is_proven, host=found.host)
    return found


@transaction.atomic
def switch_customer_sign_in(
    *, partner_id: UUID, environment: str, is_on: bool, actor: Principal
) -> CustomerSignIn:
    """On: people find the bank in the directory and can begin there. Off: they cannot. Raises Refused."""
    with scope(Principal.system()):
        _locked_partner(partner_id, actor)
        found = customer_sign_in_of(partner_id, environment)
        if found is None:
            raise Refused("Set it up first.")
        if is_on and not found.is_proven:
            raise Refused("Check the provider first: nothing may be wrong with it.")
        found.is_on = is_on
        found.save(update_fields=["is_on"])
        _record(Code.CUSTOMER_SIGN_IN_SWITCHED, found, actor, is_on=is_on)
    return found


def _locked_partner(partner_id: UUID, actor: Principal) -> Partner:
    """One change of a bank's at a time, by somebody who may."""
    may = actor.partner_id == partner_id and Permission.SENDERS_MANAGE.value in actor.permissions
    if actor.kind is not Kind.SYSTEM and not may:
        raise Refused("Your role does not include how your customers sign in.")
    return Partner.objects.select_for_update(no_key=True).get(pk=partner_id)


def _record(code: Code, sign_in: CustomerSignIn, actor: Principal, **data: object) -> None:
    about = {"environment": sign_in.environment, **data}
    record(code, actor=actor, target=sign_in, partner_id=sign_in.partner_id, data=about)
