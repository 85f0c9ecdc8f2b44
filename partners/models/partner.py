"""A bank: the tenant, and guardian's rights on it."""

from django.db import models
from django.db.models.functions import Lower
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase

from portal.ids import uuid7
from portal.tenancy.permissions import Permission


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
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        permissions = [(permission.value, permission.value) for permission in Permission]
        constraints = [
            models.UniqueConstraint(
                Lower("domain"),
                condition=~models.Q(domain="") & ~models.Q(status__in=["REJECTED", "REVOKED", "SURRENDERED"]),
                name="partners_partner_domain",
            )
        ]


class PartnerGroupPermission(GroupObjectPermissionBase):
    """guardian's rights of a group on a bank, with a real foreign key."""

    content_object = models.ForeignKey(Partner, on_delete=models.CASCADE)


class PartnerUserPermission(UserObjectPermissionBase):
    """guardian's rights of one user on a bank; none are given, roles are groups."""

    content_object = models.ForeignKey(Partner, on_delete=models.CASCADE)
