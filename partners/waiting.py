"""What waits for platform staff: each part of the portal adds its pile, the queue shows how high they are."""

from collections.abc import Callable
from typing import NamedTuple

from django.db.models import Q
from django.urls import reverse

from partners.models import AgreementVersion, Partner


class Pile(NamedTuple):
    """How many wait (`height`) on the page at `url`."""

    name: str
    height: int
    url: str


# Counts a pile, in one query
Count = Callable[[], Pile]
ASKING = "asking"  # the list of banks knows those that ASK by it
ASK = Q(
    status=Partner.Status.ACTIVE, production__requested_at__isnull=False, production__enabled_at__isnull=True
)  # to go live


def _agreements() -> Pile:
    turns = [AgreementVersion.Status.COUNTERED, AgreementVersion.Status.ACCEPTED]
    count = AgreementVersion.objects.filter(status__in=turns).count()
    return Pile("Agreements to answer or sign", count, f"{reverse('staff-agreements')}?status=open")


def _asking() -> Pile:
    count = Partner.objects.filter(ASK).count()
    return Pile("Banks that ask to go live", count, f"{reverse('staff-partners')}?status={ASKING}")


COUNTS: list[Count] = [_agreements, _asking]


def add_counts(*counts: Count) -> None:
    """Called once by each application above, when it starts."""
    COUNTS.extend(count for count in counts if count not in COUNTS)


def piles() -> list[Pile]:
    """All of them, in order."""
    return [count() for count in COUNTS]
