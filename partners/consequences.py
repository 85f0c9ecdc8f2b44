"""What stands behind a bank, counted before it is stopped; each part of the portal adds its own line."""

from collections.abc import Callable
from typing import NamedTuple

from django.utils import timezone

from partners.models import ApiClient, Membership, Partner
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal


class Consequence(NamedTuple):
    """How many there are, what they are (in the plural), and what becomes of them when the bank leaves."""

    number: int
    name: str
    fate: str


# Each costs one query
Counter = Callable[[Partner], Consequence]


def _clients(partner: Partner) -> Consequence:
    open_ones = ApiClient.objects.filter(partner=partner, revoked_at=None, expires_at__gt=timezone.now())
    return Consequence(open_ones.count(), "API clients", "are refused with every token they hold")


def _members(partner: Partner) -> Consequence:
    count = Membership.objects.filter(partner=partner).count()
    return Consequence(count, "team members", "can still sign in and read, and download the certificate")


COUNTERS: list[Counter] = [_clients, _members]


def add_counters(*counters: Counter) -> None:
    """Called once by each application above, when it starts. Its lines come first."""
    COUNTERS[:0] = [counter for counter in counters if counter not in COUNTERS]


def consequences_of(partner: Partner) -> list[Consequence]:
    """All lines, counted now, as the system: staff see few of a bank's rows."""
    with scope(Principal.system()):
        return [counter(partner) for counter in COUNTERS]
