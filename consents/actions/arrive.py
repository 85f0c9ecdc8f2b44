"""Somebody has come from their bank, which vouches for them: they are asked what they want."""

from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from consents.actions.give import LONGEST_DAYS
from consents.actions.requests import CannotAsk, ask_for_grant
from consents.directory import can_begin, clusters_to_offer
from consents.models import Grant, GrantRequest
from consents.records import Account
from partners.agreement_caps import agreement_in_force
from partners.clusters import Environment
from partners.models import CustomerSignIn
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal


class Arrival(NamedTuple):
    """What became of it: they are asked, are connected already, or are refused with a sentence."""

    asked: GrantRequest | None = None
    grant: Grant | None = None
    refusal: str = ""


@transaction.atomic
def arrive_from_bank(
    *,
    sign_in_id: UUID,
    issuer: str,
    customer_ref: str,
    accounts: list[Account],
    locale: str,
    actor: Principal,
) -> Arrival:
    """Asks the person who came from this issuer as that customer for everything the bank may offer; they choose
    among it. A refusal is written to the bank's trail, and is answered rather than raised.
    """
    with scope(Principal.system()):
        sign_in = CustomerSignIn.objects.select_related("partner").get(pk=sign_in_id)
        if (grant := live_grant(sign_in, actor)) is not None:
            return Arrival(grant=grant)
        if sign_in.issuer != issuer or not can_begin(sign_in):
            _record(Code.CUSTOMER_SIGN_IN_REFUSED, sign_in, actor, reason="stopped")
            words = _("%(bank)s cannot be connected at the moment. Nothing was connected.")
            return Arrival(refusal=words % {"bank": sign_in.partner.name})
        try:
            with transaction.atomic():
                asked = _ask(sign_in, customer_ref, accounts, locale, actor)
        except CannotAsk as refusal:
            if refusal.pointer:
                _note_problem(sign_in, actor, f"{refusal.pointer}: {refusal}")
                return Arrival(refusal=_about_bank(sign_in))
            _record(Code.CUSTOMER_SIGN_IN_REFUSED, sign_in, actor, reason="another_customer")
            return Arrival(refusal=str(refusal))
        _record(Code.CUSTOMER_SIGN_IN_USED, sign_in, actor, request=str(asked.id))
    return Arrival(asked=asked)


@transaction.atomic
def note_doubtful_arrival(*, sign_in_id: UUID, reason: str, actor: Principal) -> None:
    """The bank's provider said something that cannot be taken: its team sees what, in `reason`."""
    with scope(Principal.system()):
        sign_in = CustomerSignIn.objects.get(pk=sign_in_id)
        _note_problem(sign_in, actor, reason)


def live_grant(sign_in: CustomerSignIn, person: Principal) -> Grant | None:
    """What the person already has with this bank. As the system."""
    rows = Grant.objects.open().filter(partner_id=sign_in.partner_id, environment=sign_in.environment)
    return rows.filter(person_id=person.person_id).first()


def _note_problem(sign_in: CustomerSignIn, actor: Principal, reason: str) -> None:
    """Its team sees the last one on the page where the sign-in is set up."""
    _record(Code.CUSTOMER_SIGN_IN_REFUSED, sign_in, actor, reason="doubtful", words=reason[:300])
    rows = CustomerSignIn.objects.filter(pk=sign_in.pk)
    rows.update(problem=reason[:300], problem_at=timezone.now())


def _about_bank(sign_in: CustomerSignIn) -> str:
    """The person cannot mend what their bank said."""
    words = _(
        "What %(bank)s said about your accounts cannot be used, so nothing was connected. The bank can see what"
        " it was. If it happens again, tell the bank."
    )
    return words % {"bank": sign_in.partner.name}


def _ask(
    sign_in: CustomerSignIn, customer_ref: str, accounts: list[Account], locale: str, actor: Principal
) -> GrantRequest:
    is_live = sign_in.environment == Environment.LIVE
    version = agreement_in_force(sign_in.partner_id) if is_live else None
    return ask_for_grant(
        partner_id=sign_in.partner_id,
        environment=sign_in.environment,
        way=GrantRequest.Way.DIRECTORY,
        customer_ref=customer_ref,
        clusters=clusters_to_offer(version),
        accounts=accounts,
        duration_days=version.longest_grant_days if version else LONGEST_DAYS,
        redirect_uri="",
        state="",
        locale=locale,
        person_id=actor.person_id,
    )


def _record(code: Code, sign_in: CustomerSignIn, actor: Principal, **data: object) -> None:
    record(
        code,
        actor=actor,
        target=sign_in,
        partner_id=sign_in.partner_id,
        person_id=actor.person_id,
        data={"environment": sign_in.environment, **data},
    )
