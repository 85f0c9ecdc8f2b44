"""Every permission a role can have. What is not here does not exist; what is not given is refused."""

from enum import StrEnum


class Permission(StrEnum):
    """`resource:action`, stored by guardian for a group on a partner."""

    PARTNER_EDIT = "partner:edit"
    PARTNER_SURRENDER = "partner:surrender"
    DELIVERIES_READ = "deliveries:read"
    GRANTS_READ = "grants:read"
    AGREEMENTS_READ = "agreements:read"
    AGREEMENTS_NEGOTIATE = "agreements:negotiate"
    AGREEMENTS_SIGN = "agreements:sign"
    CLIENTS_MANAGE = "clients:manage"
    TEMPLATES_EDIT = "templates:edit"
    WEBHOOKS_MANAGE = "webhooks:manage"
    SENDERS_MANAGE = "senders:manage"
    TEAM_MANAGE = "team:manage"
    AUDIT_READ = "audit:read"


class StaffPermission(StrEnum):
    """What platform staff may do, by their role (see STAFF_PERMISSIONS)."""

    PARTNERS_READ = "staff:partners:read"
    PARTNERS_REVIEW = "staff:partners:review"
    PARTNERS_SUSPEND = "staff:partners:suspend"
    AGREEMENTS_OFFER = "staff:agreements:offer"
    AGREEMENTS_COUNTERSIGN = "staff:agreements:countersign"
    TEMPLATES_REVIEW = "staff:templates:review"
    COMPLAINTS_ANSWER = "staff:complaints:answer"


_ALL_STAFF = {StaffPermission.PARTNERS_READ}
STAFF_PERMISSIONS: dict[str, set[StaffPermission]] = {
    "auditor": _ALL_STAFF,
    "reviewer": set(StaffPermission) - {StaffPermission.PARTNERS_SUSPEND},
    "operator": set(StaffPermission),
}
