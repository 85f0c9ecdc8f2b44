"""E-mails about agreements: to those at the bank and on the staff who can do something about it."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from partners.models import AgreementVersion
from partners.roles import ROLE_PERMISSIONS
from portal.accounts.models import User
from portal.ids import public_id
from portal.mail.outbox import queue_mail
from portal.tenancy.permissions import STAFF_PERMISSIONS, Permission, StaffPermission


def tell_bank(version: AgreementVersion, news: str, **more: Any) -> None:
    """To whoever at the bank may negotiate or sign. `news` is the rest of a template's name."""
    concerned = {Permission.AGREEMENTS_NEGOTIATE, Permission.AGREEMENTS_SIGN}
    roles = [role for role, held in ROLE_PERMISSIONS.items() if held & concerned]
    members = User.objects.filter(
        membership__partner_id=version.partner_id, membership__role__in=roles, is_active=True
    )
    page = reverse("member-agreement-version", args=[version.partner.slug, public_id("agv", version.id)])
    _queue(list(members), version, news, page, more)


def tell_staff(version: AgreementVersion, news: str, may: StaffPermission, **more: Any) -> None:
    """To staff who may do what comes next, but for whoever offered it where the next step is not theirs."""
    roles = [role for role, held in STAFF_PERMISSIONS.items() if may in held]
    staff = User.objects.filter(staff_role__in=roles, is_active=True)
    if may is StaffPermission.AGREEMENTS_COUNTERSIGN:
        staff = staff.exclude(pk__in=[version.offered_by])
    page = reverse("staff-agreement-version", args=[public_id("agv", version.id)])
    _queue(list(staff), version, news, page, more)


def _queue(users: list[User], version: AgreementVersion, news: str, page: str, more: dict[str, Any]) -> None:
    context = {
        "partner": version.partner.name,
        "number": version.agreement.number,
        "version": version.number,
        "page": f"{settings.BASE_URL}{page}",
        **more,
    }
    for user in users:
        queue_mail(to=user.email, template=f"partners/agreement_{news}", context=context)
