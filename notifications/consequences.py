"""What stands behind a bank here: people who are connected, and messages on their way."""

from consents.models import Grant
from notifications.models import Delivery
from partners.consequences import Consequence
from partners.models import Partner


def people(partner: Partner) -> Consequence:
    """Each grant is one person's connection."""
    count = Grant.objects.open().filter(partner=partner, environment="live").count()
    return Consequence(
        count, "connected people", "get nothing from your bank any more, and see that it has left"
    )


def waiting(partner: Partner) -> Consequence:
    """Accepted and not yet sent."""
    count = Delivery.objects.filter(partner=partner, status=Delivery.Status.QUEUED).count()
    return Consequence(count, "waiting messages", "are withdrawn: none is sent after this")
