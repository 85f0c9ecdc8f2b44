"""A person erases their account: everything ends, everything personal goes, and what is left proves without telling.

All of it is one transaction: nobody is left half erased.
"""

import secrets
from uuid import UUID

from django.core.signing import BadSignature, dumps, loads
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from consents.actions.link import unlink_account
from consents.actions.refuse import lock_requests
from consents.actions.stop import end_grant
from consents.mailing import mail_user
from consents.models import Customer, Erasure, Grant, GrantRequest, LinkedAccount, LinkToken, Person, Reading
from consents.requests import meant_for
from partners.models import Membership
from partners.outgoing import outgoing
from partners.refusals import Refused
from partners.webhooks.actions.hand_over import hand_over
from portal.accounts.actions import forget_user
from portal.accounts.models import User
from portal.api.times import rfc3339
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.keys import destroy_keys_of_person

REASON = "person_erased"
LIVE = [Grant.Status.PENDING, Grant.Status.ACTIVE, Grant.Status.PAUSED]
CERTIFICATE_DAYS = 30
_SALT = "consents.erasure"


@transaction.atomic
def erase_person(*, actor: Principal) -> Erasure:
    """Ends every connection, unlinks every chat, destroys every key, and forgets the sign-in unless a bank's team or
    the platform needs it; raises Refused when it has been done. The banks are told by what their own keys seal.
    """
    if actor.kind is not Kind.PERSON:
        raise Refused(_("Only the person can erase their account."))
    since = uuid7()
    with scope(Principal.system()):
        person = _locked(actor.person_id)
        if person.user_id is None:
            raise Refused(_("This account has been erased already."))
        user = User.objects.get(pk=person.user_id)
        person.user = None  # from here on nothing is sent to them
        person.save(update_fields=["user"])
        unlinked = list(_linked(person.id).values_list("id", flat=True))
        ended = _end_grants(person, actor)
        for account in unlinked:
            unlink_account(account_id=account, reason=REASON, actor=actor)
        grants = list(Grant.objects.filter(person=person).values_list("id", flat=True))
        hand_over(person_id=person.id, grants=grants, since=since)
        _forget(person)
        erasure = Erasure.objects.create(
            person=person,
            at=timezone.now(),
            banks_told=len({grant.partner_id for grant in ended}),
            grants_ended=len(ended),
            accounts_unlinked=len(unlinked),
            keys_destroyed=destroy_keys_of_person(person_id=person.id),
            is_sign_in_kept=_is_needed(user),
        )
        _record(erasure, actor)
        _certify(erasure, user, person, ended)
        if not erasure.is_sign_in_kept:
            forget_user(user_id=user.pk)
    return erasure


def _locked(person_id: UUID) -> Person:
    """With all that may be going on, in the order in which everybody takes it. The person comes last: whoever writes
    what refers to them needs a share of that row when they commit.
    """
    lock_requests(person_id=person_id)
    for rows in (_linked(person_id), LinkToken.objects.filter(person_id=person_id), _live(person_id)):
        list(rows.order_by("id").select_for_update(of=("self",)).values_list("id"))
    return Person.objects.select_for_update().get(pk=person_id)


def _linked(person_id: UUID) -> QuerySet[LinkedAccount]:
    unlinked = LinkedAccount.Status.UNLINKED
    return LinkedAccount.objects.filter(person_id=person_id).exclude(status=unlinked).order_by("id")


def _live(person_id: UUID) -> QuerySet[Grant]:
    return Grant.objects.filter(person_id=person_id, status__in=LIVE).order_by("id")


def _end_grants(person: Person, actor: Principal) -> list[Grant]:
    live = list(_live(person.id).values_list("id", flat=True))
    return [end_grant(grant_id=one, actor=actor, reason=REASON) for one in live]


def _forget(person: Person) -> None:
    """What is sealed becomes noise with its key; this is what is found without one."""
    accounts = list(LinkedAccount.objects.filter(person=person))
    conversations = [bytes(one.address_index) for one in accounts]
    outgoing().forget_person(person_id=person.id, conversations=conversations)
    for account in accounts:
        account.address, account.address_index = b"", secrets.token_bytes(32)
        account.save(update_fields=["address", "address_index"])
    asked = GrantRequest.objects.filter(meant_for(person.id))  # found by the references that go below
    asked.filter(status=GrantRequest.Status.PENDING).update(status=GrantRequest.Status.EXPIRED)
    asked.update(content=b"", ref_index=b"")
    for customer in Customer.objects.filter(person=person):
        customer.customer_ref, customer.accounts, customer.ref_index = b"", b"", secrets.token_bytes(32)
        customer.save(update_fields=["customer_ref", "accounts", "ref_index"])
    Grant.objects.filter(person=person).update(account_indexes=[])
    LinkToken.objects.filter(person=person).delete()
    Reading.objects.filter(person=person).delete()


def _is_needed(user: User) -> bool:
    return bool(user.staff_role) or Membership.objects.filter(user=user).exists()


def _record(erasure: Erasure, actor: Principal) -> None:
    data = {
        "grants": erasure.grants_ended,
        "accounts": erasure.accounts_unlinked,
        "keys": erasure.keys_destroyed,
        "sign_in_kept": erasure.is_sign_in_kept,
    }
    record(Code.PERSON_ERASED, actor=actor, target=erasure, person_id=erasure.person_id, data=data)


def _certify(erasure: Erasure, user: User, person: Person, ended: list[Grant]) -> None:
    context = {
        "at": rfc3339(erasure.at),
        "banks": sorted({grant.partner.name for grant in ended}),
        "reference": erasure.id.hex,
        "days": CERTIFICATE_DAYS,
    }
    page = certificate_path(erasure)
    mail_user(user, "consents/erased", context, page=page, is_discreet=person.is_discreet)


def certificate_path(erasure: Erasure) -> str:
    """Where the certificate is shown to whoever has the link, for CERTIFICATE_DAYS: nobody can sign in for it."""
    return reverse("erased", args=[dumps(erasure.id.hex, salt=_SALT)])


def get_erasure(token: str) -> Erasure:
    """The one that the link names; raises Http404 when it is made up or too old."""
    try:
        found = UUID(hex=loads(token, salt=_SALT, max_age=CERTIFICATE_DAYS * 86_400))
    except BadSignature as error:
        raise Http404 from error
    with scope(Principal.system()), transaction.atomic():
        return Erasure.objects.get(pk=found)
