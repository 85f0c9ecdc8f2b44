"""A bank's team."""

from django.conf import settings
from django.db import models

from partners.models.partner import Partner
from portal.ids import uuid7


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
