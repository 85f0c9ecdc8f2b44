"""E-mails about a bank's verification. They say whose turn it is; what was said stays on our pages."""

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from partners.models import Partner
from partners.roles import ROLE_PERMISSIONS
from portal.accounts.models import User
from portal.mail.outbox import queue_mails
from portal.tenancy.permissions import STAFF_PERMISSIONS, Permission, StaffPermission


def tell_bank(partner: Partner, headline: str, *sentences: str) -> None:
    """To whoever at the bank looks after its verification."""
    roles = [role for role, held in ROLE_PERMISSIONS.items() if Permission.PARTNER_EDIT in held]
    members = User.objects.filter(
        membership__partner=partner, membership__role__in=roles, is_active=True
    ).distinct()
    _queue(
        members.order_by("pk"), "partners/review_bank", partner, headline, sentences, "member-verification"
    )


def tell_reviewers(
    partner: Partner,
    headline: str,
    *sentences: str,
    only: UUID | None = None,
    but: UUID | None = None,
    route: str = "staff-review",
) -> None:
    """To staff who review: all, `only` whoever has the case, or all `but` one. `route` is the bank's page to open."""
    roles = [role for role, held in STAFF_PERMISSIONS.items() if StaffPermission.PARTNERS_REVIEW in held]
    staff = User.objects.filter(staff_role__in=roles, is_active=True)
    if only is not None:
        staff = staff.filter(pk=only)
    if but is not None:
        staff = staff.exclude(pk=but)
    _queue(staff.order_by("pk"), "partners/review_staff", partner, headline, sentences, route)


def _queue(
    users: Iterable[User],
    template: str,
    partner: Partner,
    headline: str,
    sentences: tuple[str, ...],
    route: str,
) -> None:
    context = {
        "partner": partner.name,
        "headline": headline,
        "sentences": list(sentences),
        "page": f"{settings.BASE_URL}{reverse(route, args=[partner.slug])}",
    }
    queue_mails(to=[(user.email, "en") for user in users], template=template, context=context)
