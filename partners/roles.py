"""What each role may do. guardian keeps it: a group per bank and role, with object permissions on the bank."""

from uuid import UUID

from django.contrib.auth.models import Group
from django.contrib.auth.models import Permission as Right
from django.contrib.contenttypes.models import ContentType

from partners.models import Membership, Partner, PartnerGroupPermission
from portal.tenancy.permissions import Permission

_Role = Membership.Role
_READ = {Permission.DELIVERIES_READ, Permission.GRANTS_READ, Permission.AGREEMENTS_READ}
ROLE_PERMISSIONS: dict[str, set[Permission]] = {
    _Role.OWNER: set(Permission),
    _Role.INTEGRATION_ADMIN: _READ
    | {
        Permission.CLIENTS_MANAGE,
        Permission.TEMPLATES_EDIT,
        Permission.SENDERS_MANAGE,
        Permission.WEBHOOKS_MANAGE,
    },
    _Role.COMPLIANCE: _READ
    | {Permission.PARTNER_EDIT, Permission.AGREEMENTS_NEGOTIATE, Permission.AUDIT_READ},
    _Role.DEVELOPER: {Permission.DELIVERIES_READ, Permission.TEMPLATES_EDIT, Permission.WEBHOOKS_MANAGE},
    _Role.ANALYST: {Permission.DELIVERIES_READ},
}

# What each role is called and may do, in words.
ROLE_WORDS: dict[str, tuple[str, str]] = {
    _Role.OWNER: ("Owner", "Everything: the team, signing agreements and leaving too."),
    _Role.INTEGRATION_ADMIN: (
        "Integration admin",
        "API clients, templates, senders and webhooks; reads deliveries, grants and agreements.",
    ),
    _Role.COMPLIANCE: (
        "Compliance",
        "The bank’s verification, negotiating agreements and the audit trail; reads deliveries and grants.",
    ),
    _Role.DEVELOPER: ("Developer", "Templates and webhooks; reads deliveries."),
    _Role.ANALYST: ("Analyst", "Reads deliveries."),
}


def group_name(partner_id: UUID, role: str) -> str:
    """The group of everybody who has that role in that bank."""
    return f"{partner_id}:{role}"


def make_role_groups(partner: Partner) -> None:
    """Run once, when a bank registers."""
    groups = {role: Group(name=group_name(partner.id, role)) for role in ROLE_PERMISSIONS}
    Group.objects.bulk_create(groups.values())
    rights = Right.objects.filter(
        content_type=ContentType.objects.get_for_model(Partner), codename__in=list(Permission)
    )
    held = {Permission(right.codename): right for right in rights}
    PartnerGroupPermission.objects.bulk_create(
        PartnerGroupPermission(content_object=partner, group=groups[role], permission=held[permission])
        for role, permissions in ROLE_PERMISSIONS.items()
        for permission in permissions
    )
