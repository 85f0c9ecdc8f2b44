"""The only way from an id or a slug to a bank's objects."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404
from guardian.shortcuts import get_group_perms

from partners.models import ApiClient, Membership, Partner, Sender
from partners.roles import ROLE_PERMISSIONS
from portal.accounts.models import User
from portal.ids import InvalidPublicId, parse_public_id
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
        able = roles_with(permission)
        raise PermissionDenied(
            f"Your role does not include this. Somebody with one of these can: {', '.join(able)}."
        )


def roles_with(permission: Permission | StaffPermission) -> list[str]:
    """The names of the roles that hold it."""
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


def get_partner_by_slug(principal: Principal, slug: str) -> Partner:
    """Any bank, to staff; raises Http404."""
    partner = Partner.objects.filter(slug=slug).first() if principal.kind is Kind.STAFF else None
    if partner is None:
        raise Http404
    return partner


def id_in_path(prefix: str, text: str) -> UUID:
    """The id that a path names; raises Http404."""
    try:
        return parse_public_id(prefix, text)
    except InvalidPublicId as error:
        raise Http404 from error


def clients_for(principal: Principal) -> QuerySet[ApiClient]:
    """A bank's API clients, to its members; all, to staff."""
    rows = ApiClient.objects.all()
    return rows if principal.kind is Kind.STAFF else rows.filter(partner_id=principal.partner_id)


def get_client_for(principal: Principal, client_id: UUID) -> ApiClient:
    """One of them; raises Http404."""
    client = clients_for(principal).filter(pk=client_id).first()
    if client is None:
        raise Http404
    return client


def senders_for(principal: Principal) -> QuerySet[Sender]:
    """A bank's senders, to its members; all, to staff."""
    rows = Sender.objects.all()
    return rows if principal.kind is Kind.STAFF else rows.filter(partner_id=principal.partner_id)


def get_sender_for(principal: Principal, sender_id: UUID) -> Sender:
    """One of them; raises Http404."""
    sender = senders_for(principal).filter(pk=sender_id).first()
    if sender is None:
        raise Http404
    return sender
