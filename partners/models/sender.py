"""How a bank sends."""

from hashlib import sha256

from django.db import models

from partners.clusters import Environment
from partners.models.partner import Partner
from portal.ids import uuid7


class Sender(models.Model):
    """A bank's identity on a channel (for Messenger: its Page). The secrets are sealed.

    `findings` is what the last check at the platform said, one {"name", "is_good", "sentence"} each.
    """

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
    checked_at = models.DateTimeField(null=True)
    findings = models.JSONField(default=list)
    breaker_failures = models.PositiveIntegerField(default=0)
    breaker_open_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "environment", "channel", "external_id"], name="partners_sender_once"
            )
        ]

    @property
    def edition(self) -> str:
        """Tells what a form shows from what somebody has made of it since."""
        return sha256(
            f"{self.name}\n{self.rate_per_second}\n{bytes(self.secrets).hex()}".encode()
        ).hexdigest()[:16]

    @property
    def is_proven(self) -> bool:
        """Whether the platform found nothing wrong when it was last asked."""
        return self.checked_at is not None and all(finding["is_good"] for finding in self.findings)
