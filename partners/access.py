"""The only way from an id or a slug to a bank's objects."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404
from guardian.shortcuts import get_group_perms

from partners.models import Membership, Partner
from partners.roles import ROLE_PERMISSIONS
from portal.accounts.models import User
from portal.tenancy.context import scope
from portal.tenancy.permissions import STAFF_PERMISSIONS, Permission, StaffPermission
from portal.tenancy.principal import Kind, Principal


def member_principal(user: User, slug: str) -> tuple[Principal, Partner]:
    """The user as a member of that bank; raises Http404 for strangers. Call inside a transaction."""
    with scope(Principal.system()):
        membership = (
            Membership.objects.select_related("partner").filter(user=user, partner__slug=slug).first()
        )
        if membership is None:
            raise Http404
        held = frozenset(map(str, get_group_perms(user, membership.partner)))
    return (
        Principal(Kind.MEMBER, id=user.pk, partner_id=membership.partner_id, permissions=held),
        membership.partner,
    )


def staff_principal(user: User) -> Principal:
    """The user as platform staff; raises Http404 for everybody else."""
    if not user.staff_role:
        raise Http404
    held = frozenset(map(str, STAFF_PERMISSIONS[user.staff_role]))
    return Principal(Kind.STAFF, id=user.pk, permissions=held)


def require(principal: Principal, permission: Permission | StaffPermission) -> None:
    """Raises PermissionDenied (403), naming the roles that could, unless the principal holds the permission."""
    if permission.value not in principal.permissions:
        able = _roles_with(permission)
        raise PermissionDenied(
            f"Your role does not include this. Somebody with one of these can: {', '.join(able)}."
        )


def _roles_with(permission: Permission | StaffPermission) -> list[str]:
    if isinstance(permission, StaffPermission):
        return [User.StaffRole(role).label for role, held in STAFF_PERMISSIONS.items() if permission in held]
    return [Membership.Role(role).label for role, held in ROLE_PERMISSIONS.items() if permission in held]


def get_partner_for(principal: Principal, partner_id: UUID) -> Partner:
    """The bank, to its own members and clients, staff and the system; raises Http404."""
    if principal.kind in (Kind.MEMBER, Kind.CLIENT) and principal.partner_id != partner_id:
        raise Http404
    try:
        return Partner.objects.get(pk=partner_id)
    except Partner.DoesNotExist as error:
        raise Http404 from error
