"""Every permission a role can have. What is not here does not exist; what is not given is refused."""

from enum import StrEnum


class Permission(StrEnum):
    """`resource:action`, stored by guardian for a group on a partner."""

    DELIVERIES_READ = "deliveries:read"
    GRANTS_READ = "grants:read"
    AGREEMENTS_READ = "agreements:read"
    AGREEMENTS_SIGN = "agreements:sign"
    CLIENTS_MANAGE = "clients:manage"
    TEMPLATES_EDIT = "templates:edit"
    SENDERS_MANAGE = "senders:manage"
    TEAM_MANAGE = "team:manage"
    AUDIT_READ = "audit:read"
