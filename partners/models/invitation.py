"""Ways into a bank's team, and into the portal as a bank."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from partners.models.membership import Membership
from partners.models.partner import Partner
from portal.ids import uuid7


class _Letter(models.Model):
    """A link sent to one address, which works once and until a day. Only its token's SHA-256 is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField()
    digest = models.BinaryField(max_length=32, unique=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def state(self) -> str:
        """OPEN, or how it ended: ACCEPTED, DECLINED, WITHDRAWN, EXPIRED."""
        if self.accepted_at:
            return "ACCEPTED"
        if getattr(self, "declined_at", None):
            return "DECLINED"
        if self.withdrawn_at:
            return "WITHDRAWN"
        return "EXPIRED" if self.expires_at <= timezone.now() else "OPEN"


class Invitation(_Letter):
    """Into a bank's team, with a role."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    role = models.CharField(max_length=20, choices=Membership.Role.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "partner",
                Lower("email"),
                condition=models.Q(accepted_at=None, withdrawn_at=None),
                name="partners_invitation_one_open",
            )
        ]


class BankInvitation(_Letter):
    """To a bank, by platform staff: it registers, or declines with a reason. `partner` is the bank it became."""

    bank_name = models.CharField(max_length=120)
    words = models.TextField(max_length=2000, blank=True)
    declined_at = models.DateTimeField(null=True)
    decline_reason = models.TextField(max_length=2000, blank=True)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                condition=models.Q(accepted_at=None, declined_at=None, withdrawn_at=None),
                name="partners_bankinvitation_one_open",
            )
        ]


class JoinRequest(models.Model):
    """Somebody with an address at the bank's domain asks its owners for an invitation."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "user"],
                condition=models.Q(closed_at=None),
                name="partners_joinrequest_one_open",
            )
        ]
