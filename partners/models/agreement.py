"""What a bank and the platform agreed."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from partners.clusters import Cluster
from partners.models.partner import Partner
from portal.ids import uuid7


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
