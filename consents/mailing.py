"""E-mail to people: in their language, and with no bank's name in it where they have asked for that."""

from typing import Any
from uuid import UUID

from django.conf import settings

from consents.models import Person
from portal.accounts.language import language_of
from portal.accounts.models import User
from portal.mail.outbox import queue_mail
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal


def mail_person(person_id: UUID, template: str, context: dict[str, Any], *, page: str) -> None:
    """Queues it in the current transaction, with `page`, a path of ours, to read on; nothing to who has no sign-in (a
    bank's test customers, and whoever has erased their account). In discreet mode the mail names that page alone.
    """
    with scope(Principal.system()):
        person = Person.objects.select_related("user").get(pk=person_id)
    if person.user is not None:
        mail_user(person.user, template, context, page=page, is_discreet=person.is_discreet)


def mail_user(user: User, template: str, context: dict[str, Any], *, page: str, is_discreet: bool) -> None:
    """The same, to who is known already."""
    if is_discreet:
        template, context = "consents/discreet", {}
    whole = {**context, "page": f"{settings.BASE_URL}{page}"}
    queue_mail(to=user.email, template=template, context=whole, locale=language_of(user))
