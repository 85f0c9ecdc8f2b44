"""The only way from an id to a person's grants, and to a bank's questions."""

from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.http import Http404
from django.utils import timezone

from consents.models import Complaint, ConsentRecord, Grant, GrantRequest, LinkedAccount, Person, Reading
from consents.readings import note_reading
from consents.receipts import END, Receipt, has_ended, make_receipt
from partners.access import id_in_path
from portal.accounts.models import User
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.keys import find_data_key


def person_principal(user: User) -> Principal:
    """The user as a person; their person row is made on first need. Call inside a transaction."""
    with scope(Principal.system()):
        person, _ = Person.objects.get_or_create(user=user)
    return Principal(Kind.PERSON, id=user.pk, person_id=person.id)


def get_grant_for(
    principal: Principal, grant_id: UUID, *, lock: bool = False, account_too: bool = False
) -> Grant:
    """The grant, to its person or its bank; raises Http404. `lock` keeps others out meanwhile, with `account_too` from
    the accounts it may send to as well.
    """
    grants = Grant.objects.all()
    if principal.kind is Kind.PERSON:
        grants = grants.filter(person_id=principal.person_id)
    elif principal.kind in (Kind.MEMBER, Kind.CLIENT):
        grants = grants.filter(partner_id=principal.partner_id)
    if principal.environment:
        grants = grants.filter(environment=principal.environment)
    if account_too:
        for account_id in grants.filter(pk=grant_id).values_list("account_id", flat=True):
            lock_accounts(account_id)
    if lock:
        grants = grants.select_for_update()
    try:
        return grants.get(pk=grant_id)
    except Grant.DoesNotExist as error:
        raise Http404 from error


def lock_accounts(account_id: UUID) -> dict[UUID, LinkedAccount]:
    """Keeps others away from a messaging account, and from all that its person has with the same bank: a grant may name
    several. Returns them by id. All who need several locks take them in one order: what the person is asked, the accounts, their link
    tokens, the grant; so no two wait for each other.
    """
    whose = {name: F(f"person__linkedaccount__{name}") for name in ("partner_id", "environment")}
    rows = LinkedAccount.objects.filter(person__linkedaccount=account_id, **whose)
    with scope(Principal.system()):
        return {one.pk: one for one in rows.select_for_update(no_key=True, of=("self",)).order_by("pk")}


def read_grants(principal: Principal, grants: list[Grant]) -> list[Grant]:
    """What a bank is about to be shown of people, who find it in their activity."""
    note_reading(principal, Reading.Kind.GRANT, [one.id for one in grants])
    return grants


def get_account_for(principal: Principal, account_id: UUID) -> LinkedAccount:
    """A messaging account of the person's, linked or no longer; raises Http404."""
    found = LinkedAccount.objects.filter(pk=account_id, person_id=principal.person_id).first()
    if found is None:
        raise Http404
    return found


def get_request_for(principal: Principal, request_id: UUID) -> GrantRequest:
    """The request, to the bank that made it (in its own environment); raises Http404. Whose grant it has led to
    finds that it was read.
    """
    rows = GrantRequest.objects.filter(partner_id=principal.partner_id, environment=principal.environment)
    try:
        found = rows.get(pk=request_id)
    except GrantRequest.DoesNotExist as error:
        raise Http404 from error
    if found.grant_id:
        note_reading(principal, Reading.Kind.REQUEST, [found.grant_id])
    return found


def find_request(request_id: UUID) -> GrantRequest | None:
    """Any bank's, with its bank: for whoever has its address and is not known yet."""
    with scope(Principal.system()), transaction.atomic():
        return GrantRequest.objects.select_related("partner").filter(pk=request_id).first()


def find_question(principal: Principal, partner_id: UUID, environment: str) -> GrantRequest | None:
    """What the bank has asked the person last, while it waits for their answer."""
    rows = GrantRequest.objects.filter(partner_id=partner_id, environment=environment)
    rows = rows.filter(person_id=principal.person_id, status="PENDING", expires_at__gt=timezone.now())
    return rows.order_by("-id").first()


def get_receipt_for(principal: Principal, grant_id: UUID, name: str) -> Receipt:
    """A receipt of a grant of the person's, by its record's id, or END for that of the end; raises Http404."""
    grant = get_grant_for(principal, grant_id)
    key = find_data_key(grant.partner_id, grant.person_id)
    if name == END and has_ended(grant):
        return make_receipt(grant, ConsentRecord.objects.get(pk=grant.record_id), key, is_end=True)
    record = ConsentRecord.objects.filter(grant=grant, pk=id_in_path("rec", name)).first()
    if record is None:
        raise Http404
    return make_receipt(grant, record, key)


def complaints_for(principal: Principal) -> QuerySet[Complaint]:
    """A person's own; all, to platform staff, whose permission is checked at the door."""
    rows = Complaint.objects.select_related("about")
    return rows if principal.kind is Kind.STAFF else rows.filter(person_id=principal.person_id)


def get_complaint_for(principal: Principal, complaint_id: UUID) -> Complaint:
    """One of them; raises Http404."""
    found = complaints_for(principal).filter(pk=complaint_id).first()
    if found is None:
        raise Http404
    return found
