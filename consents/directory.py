"""The banks that a person can begin with by themselves, and what a bank's provider told about one of its customers.
Call as the system, but for `read_claims`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypedDict

from django.db.models import Exists, OuterRef, Q, QuerySet

from consents.linking import ENDED, offered_senders
from consents.records import Account
from consents.serializers import CustomerRef, NewAccount
from partners.clusters import SENDABLE, Environment
from partners.models import AgreementVersion, CustomerSignIn, Partner, Sender
from partners.oidc.discovery import Doubtful
from portal.api.shapes import Many, find_errors


class Told(TypedDict):
    """What the two claims hold, whatever they are called."""

    customer_ref: CustomerRef
    accounts: Annotated[list[NewAccount], Many(NewAccount, 1, 20)]


def offered_sign_ins() -> QuerySet[CustomerSignIn]:
    """Of live banks with an agreement in force, and with a sender whose chat can be linked."""
    agreements = AgreementVersion.objects.in_force().filter(partner=OuterRef("partner"))
    senders = offered_senders().filter(partner=OuterRef("partner"))
    rows = CustomerSignIn.objects.select_related("partner").filter(environment=Environment.LIVE, is_on=True)
    return rows.filter(
        Exists(agreements), Exists(senders), ~Q(host=""), partner__status=Partner.Status.ACTIVE
    )


def can_begin(sign_in: CustomerSignIn) -> bool:
    """Whether people can, at this moment. A sandbox has no agreement, and needs a bank that was not stopped."""
    if sign_in.environment == Environment.LIVE:
        return offered_sign_ins().filter(pk=sign_in.pk).exists()
    senders = Sender.objects.filter(partner_id=sign_in.partner_id, environment=sign_in.environment)
    has_sender = senders.filter(status=Sender.Status.ACTIVE).exists()
    return sign_in.is_on and has_sender and sign_in.partner.status not in ENDED


def sign_in_to_begin_with(partner: Partner, environment: str) -> CustomerSignIn | None:
    """The bank's, if people can begin there."""
    rows = CustomerSignIn.objects.select_related("partner")
    found = rows.filter(partner=partner, environment=environment, is_on=True).first()
    return found if found is not None and can_begin(found) else None


def clusters_to_offer(version: AgreementVersion | None) -> list[str]:
    """All that the agreement covers; in the sandbox, which has none, all that can be sent."""
    return list(version.clusters) if version else [cluster.value for cluster in SENDABLE]


def read_claims(claims: Mapping[str, Any], sign_in: CustomerSignIn) -> tuple[str, list[Account]]:
    """The bank's reference for the customer, and their accounts; raises Doubtful. What else an account has is left."""
    customer_ref, given = claims.get(sign_in.customer_ref_claim), claims.get(sign_in.accounts_claim)
    accounts = [_known_members(one) for one in given] if isinstance(given, list) else []
    if errors := find_errors(Told, {"customer_ref": customer_ref, "accounts": accounts}):
        where = errors[0].pointer.replace("/customer_ref", sign_in.customer_ref_claim, 1)
        where = where.replace("/accounts", sign_in.accounts_claim, 1)
        raise Doubtful(f"Its “{where}” cannot be used: {errors[0].detail}")
    return str(customer_ref), [Account(**one) for one in accounts]


def _known_members(account: Any) -> Any:
    if not isinstance(account, dict):
        return account
    return {name: account[name] for name in ("ref", "mask", "type") if name in account}
