"""What can be written to the trail. A stored code is never renamed."""

from enum import StrEnum


class Code(StrEnum):
    """Noun and past tense."""

    PARTNER_REGISTERED = "partner.registered"
    PARTNER_RECOMMENDED = "partner.recommended"
    PARTNER_STATUS_CHANGED = "partner.status_changed"
    MEMBER_ADDED = "member.added"
    AGREEMENT_OFFERED = "agreement.offered"
    AGREEMENT_ACCEPTED = "agreement.accepted"
    AGREEMENT_COUNTERSIGNED = "agreement.countersigned"
    AGREEMENT_FINALIZED = "agreement.finalized"
    CLIENT_CREATED = "client.created"
    CLIENT_SECRET_ADDED = "client.secret_added"  # noqa: S105 (a code)
    CLIENT_KEY_ADDED = "client.key_added"
    CLIENT_REVOKED = "client.revoked"
    SENDER_CONFIGURED = "sender.configured"
    SENDER_PAUSED = "sender.paused"
    WEBHOOK_ADDED = "webhook.added"
    WEBHOOK_CHANGED = "webhook.changed"
    WEBHOOK_ENABLED = "webhook.enabled"
    WEBHOOK_DISABLED = "webhook.disabled"
    WEBHOOK_SECRET_ROTATED = "webhook.secret_rotated"  # noqa: S105 (a code)
    WEBHOOK_DELETED = "webhook.deleted"
    WEBHOOK_REPLAYED = "webhook.replayed"
    TEMPLATE_DRAFTED = "template.drafted"
    TEMPLATE_SUBMITTED = "template.submitted"
    TEMPLATE_APPROVED = "template.approved"
    ACCOUNT_LINKED = "account.linked"
    ACCOUNT_UNLINKED = "account.unlinked"
    CONSENT_GIVEN = "consent.given"
    CONSENT_PAUSED = "consent.paused"
    CONSENT_RESUMED = "consent.resumed"
    CONSENT_RECONFIRMED = "consent.reconfirmed"
    CONSENT_REVOKED = "consent.revoked"
    NOTIFICATION_ACCEPTED = "notification.accepted"
    NOTIFICATION_CANCELLED = "notification.cancelled"
