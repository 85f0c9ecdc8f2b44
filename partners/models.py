"""A bank, its team, what was agreed with it, and how it sends."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from partners.api_client import ApiClient, ClientKey, ClientSecret
from partners.clusters import Cluster, Environment
from portal.ids import uuid7
from portal.tenancy.permissions import Permission

__all__ = [
    "Agreement",
    "AgreementVersion",
    "ApiClient",
    "ClientKey",
    "ClientSecret",
    "Membership",
    "Partner",
    "PartnerGroupPermission",
    "PartnerUserPermission",
    "Sender",
]


class Partner(models.Model):
    """A bank: the tenant."""

    class Status(models.TextChoices):
        DRAFT = "DRAFT"
        PENDING_REVIEW = "PENDING_REVIEW"
        IN_REVIEW = "IN_REVIEW"
        MORE_INFORMATION_NEEDED = "MORE_INFORMATION_NEEDED"
        APPROVED = "APPROVED"
        ACTIVE = "ACTIVE"
        SUSPENDED = "SUSPENDED"
        REVOKED = "REVOKED"
        SURRENDERED = "SURRENDERED"
        REJECTED = "REJECTED"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=120)
    slug = models.SlugField(unique=True)
    domain = models.CharField(max_length=253, blank=True)
    status = models.CharField(max_length=30, choices=Status.choices, default=Status.DRAFT)
    recommended_by = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        permissions = [(permission.value, permission.value) for permission in Permission]


class PartnerGroupPermission(GroupObjectPermissionBase):
    """guardian's rights of a group on a bank, with a real foreign key."""

    content_object = models.ForeignKey(Partner, on_delete=models.CASCADE)


class PartnerUserPermission(UserObjectPermissionBase):
    """guardian's rights of one user on a bank; none are given, roles are groups."""

    content_object = models.ForeignKey(Partner, on_delete=models.CASCADE)


class Membership(models.Model):
    """A user's role in a bank."""

    class Role(models.TextChoices):
        OWNER = "owner"
        INTEGRATION_ADMIN = "integration_admin"
        COMPLIANCE = "compliance"
        DEVELOPER = "developer"
        ANALYST = "analyst"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    role = models.CharField(max_length=20, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["partner", "user"], name="partners_membership_once")]


class Agreement(models.Model):
    """What a bank and the platform agreed; the versions hold the terms."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    number = models.CharField(max_length=20, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)


class AgreementVersion(models.Model):
    """Immutable terms as data; the text is made from them, hashed and signed."""

    class Status(models.TextChoices):
        DRAFT = "DRAFT"
        OFFERED = "OFFERED"
        COUNTERED = "COUNTERED"
        ACCEPTED = "ACCEPTED"
        AGREED = "AGREED"
        FINALIZED = "FINALIZED"
        SUPERSEDED = "SUPERSEDED"
        TERMINATED = "TERMINATED"
        DECLINED = "DECLINED"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="versions")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.DRAFT)
    clusters = ArrayField(models.CharField(max_length=20, choices=Cluster.choices))
    channels = ArrayField(models.CharField(max_length=20))
    countries = ArrayField(models.CharField(max_length=2))
    retention_days = models.PositiveIntegerField()
    longest_grant_days = models.PositiveIntegerField()
    monthly_volume_cap = models.PositiveIntegerField()
    notice_days = models.PositiveIntegerField()
    text = models.TextField()
    text_sha256 = models.CharField(max_length=64)
    offered_by = models.UUIDField(null=True)
    accepted_by = models.UUIDField(null=True)
    accepted_at = models.DateTimeField(null=True)
    countersigned_by = models.UUIDField(null=True)
    countersigned_at = models.DateTimeField(null=True)
    in_force_from = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agreement", "number"], name="partners_agreementversion_number"),
            models.UniqueConstraint(
                fields=["partner"],
                condition=models.Q(status="FINALIZED"),
                name="partners_agreementversion_one_in_force",
            ),
            models.CheckConstraint(
                condition=models.Q(longest_grant_days__gte=1, longest_grant_days__lte=365),
                name="partners_agreementversion_longest_grant",
            ),
        ]


class Sender(models.Model):
    """A bank's identity on a channel (for Messenger: its Page). The secrets are sealed."""

    class Status(models.TextChoices):
        ACTIVE = "ACTIVE"
        PAUSED = "PAUSED"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    environment = models.CharField(max_length=8, choices=Environment.choices)
    channel = models.CharField(max_length=20)
    external_id = models.CharField(max_length=64)
    name = models.CharField(max_length=120)
    secrets = models.BinaryField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    pause_reason = models.CharField(max_length=200, blank=True)
    rate_per_second = models.PositiveIntegerField(default=40)
    breaker_failures = models.PositiveIntegerField(default=0)
    breaker_open_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "environment", "channel", "external_id"], name="partners_sender_once"
            )
        ]
