"""Where somebody who has signed in belongs: their connected banks, and the banks whose team they are in."""

from typing import NamedTuple

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from consents.models import Grant
from partners.models import Partner
from portal.accounts.models import User
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

MOST_NAMED = 3  # banks that a menu names one by one


class Place(NamedTuple):
    """A page, its name, and the addresses that belong to it."""

    url: str
    name: str
    below: str


def places_of(user: User) -> list[Place]:
    """The most useful one first. Whoever is in a bank's team and no bank's customer has no connected banks."""
    with scope(Principal.system()), transaction.atomic():
        banks = list(
            Partner.objects.filter(membership__user=user).order_by("name").values_list("slug", "name")
        )
        is_customer = Grant.objects.filter(person__user=user).exists()
    places = [Place(reverse("member-home", args=[slug]), name, f"/partners/{slug}/") for slug, name in banks]
    if len(places) > MOST_NAMED:
        places = [Place(reverse("member-banks"), _("Your banks"), "/partners/")]
    if is_customer or not (banks or user.is_staff):
        places.insert(0, Place(reverse("person-home"), _("Connected banks"), "/me/grants/"))
        places.insert(1, Place(reverse("person-activity"), _("Activity"), "/me/activity"))
    return places
