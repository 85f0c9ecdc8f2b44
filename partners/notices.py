"""Tells a bank's owners what became of their bank."""

from django.conf import settings

from partners.models import Membership, Partner
from portal.mail.outbox import queue_mail


def tell_owners(partner: Partner, *, headline: str, sentences: list[str], page: str) -> None:
    """One e-mail each, in the current transaction. `page` is a path. Call it as the system."""
    owners = Membership.objects.filter(
        partner=partner, role=Membership.Role.OWNER, user__is_active=True
    ).select_related("user")
    context = {
        "partner": partner.name,
        "headline": headline,
        "sentences": sentences,
        "page": f"{settings.BASE_URL}{page}",
    }
    for owner in owners:
        queue_mail(to=owner.user.email, template="partners/standing", context=context)
