"""Whether a bank may reach real people, and what stopped it."""

from django.db import models

from partners.models.partner import Partner
from portal.ids import uuid7


class Production(models.Model):
    """A bank's way to real people: it asks, staff enable. Without `enabled_at` its live clients are refused."""

    partner = models.OneToOneField(Partner, on_delete=models.PROTECT, primary_key=True)
    requested_at = models.DateTimeField(null=True)
    requested_by = models.UUIDField(null=True)
    enabled_at = models.DateTimeField(null=True)
    enabled_by = models.UUIDField(null=True)


class Stop(models.Model):
    """A bank was suspended, or has left, or was sent away; with the reason it is told.

    A suspension has `lifted_at` once it is over. After an end the bank's data keys are destroyed at
    `destroy_after` (`keys_destroyed` of them, at `destroyed_at`), as clause `clause` of its agreement says.
    """

    class Kind(models.TextChoices):
        SUSPENDED = "SUSPENDED"
        SURRENDERED = "SURRENDERED"
        REVOKED = "REVOKED"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    kind = models.CharField(max_length=11, choices=Kind.choices)
    reason = models.CharField(max_length=500)
    by_id = models.UUIDField()
    at = models.DateTimeField(auto_now_add=True)
    lifted_at = models.DateTimeField(null=True)
    clause = models.CharField(max_length=100, blank=True)
    destroy_after = models.DateTimeField(null=True)
    destroyed_at = models.DateTimeField(null=True)
    keys_destroyed = models.PositiveIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["destroy_after"],
                condition=models.Q(destroyed_at__isnull=True, destroy_after__isnull=False),
                name="partners_stop_due",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["partner"], condition=models.Q(lifted_at=None), name="partners_stop_one_open"
            )
        ]
