"""Discreet mode: what we send to a person names no bank."""

from django.db import transaction
from django.utils.translation import gettext as _

from consents.models import Person
from partners.refusals import Refused
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal


@transaction.atomic
def set_discreet(*, is_discreet: bool, actor: Principal) -> Person:
    """Holds for everything that is sent from now on; what is in a chat or an inbox already stays there."""
    if actor.kind is not Kind.PERSON:
        raise Refused(_("Only the person can choose this."))
    with scope(Principal.system()):
        person = Person.objects.select_for_update().get(pk=actor.person_id)
        if person.is_discreet != is_discreet:
            person.is_discreet = is_discreet
            person.save(update_fields=["is_discreet"])
            data = {"is_on": is_discreet}
            record(Code.DISCREET_MODE_CHANGED, actor=actor, target=person, person_id=person.id, data=data)
    return person
