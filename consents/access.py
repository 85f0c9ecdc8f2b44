"""The only way from an id to a person's grants."""

from uuid import UUID

from django.http import Http404

from consents.models import Grant, Person
from portal.accounts.models import User
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal


def person_principal(user: User) -> Principal:
    """The user as a person; their person row is made on first need. Call inside a transaction."""
    with scope(Principal.system()):
        person, _ = Person.objects.get_or_create(user=user)
    return Principal(Kind.PERSON, id=user.pk, person_id=person.id)


def get_grant_for(principal: Principal, grant_id: UUID, *, lock: bool = False) -> Grant:
    """The grant, to its person or its bank; raises Http404. `lock` keeps others out meanwhile."""
    grants = Grant.objects.all()
    if principal.kind is Kind.PERSON:
        grants = grants.filter(person_id=principal.person_id)
    elif principal.kind in (Kind.MEMBER, Kind.CLIENT):
        grants = grants.filter(partner_id=principal.partner_id)
    if principal.environment:
        grants = grants.filter(environment=principal.environment)
    if lock:
        grants = grants.select_for_update()
    try:
        return grants.get(pk=grant_id)
    except Grant.DoesNotExist as error:
        raise Http404 from error
