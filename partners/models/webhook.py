"""Where a bank hears of events, what it was told, and how each try went."""

from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from partners.clusters import Environment
from partners.models.partner import Partner
from portal.ids import uuid7

# Failures further apart are not one series; the longest pause between two tries is half as long
APART = timedelta(hours=48)


class WebhookEndpoint(models.Model):
    """A bank's own URL, or the inbox on its pages. The secrets are sealed; the older one ends at its time.

    `event_types` is empty for all. Until `verified_at` nothing but the challenge goes out.
    """

    class Kind(models.TextChoices):
        URL = "url"
        INBOX = "inbox"

    class Status(models.TextChoices):
        ENABLED = "ENABLED"
        DISABLED = "DISABLED"

    class Reason(models.TextChoices):
        BY_TEAM = "by_team", "Your team disabled it."
        GONE = "gone", "It answered 410 Gone, which asks us to stop."
        FAILING = "failing", "Everything we sent it for five days failed."
        CHALLENGE = "challenge", "It never gave the right answer to its challenge."

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    environment = models.CharField(max_length=8, choices=Environment.choices)
    kind = models.CharField(max_length=5, choices=Kind.choices, default=Kind.URL)
    url = models.CharField(max_length=2000, blank=True)
    description = models.CharField(max_length=200, blank=True)
    event_types = ArrayField(models.CharField(max_length=40), default=list)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.ENABLED)
    status_reason = models.CharField(max_length=10, choices=Reason.choices, blank=True)
    status_changed_at = models.DateTimeField(auto_now_add=True)
    secret = models.BinaryField()
    secret_changed_at = models.DateTimeField(auto_now_add=True)
    old_secret = models.BinaryField(null=True)
    old_secret_until = models.DateTimeField(null=True)
    challenge_id = models.UUIDField(null=True)  # the delivery that carries it
    verified_at = models.DateTimeField(null=True)
    rate_per_second = models.PositiveIntegerField(default=50)
    rate_due = models.DateTimeField(null=True)  # when all of the rate will be free again
    claimed_at = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True)  # it asked us to wait
    delivered_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["partner", "environment", "-id"],
                condition=models.Q(deleted_at__isnull=True),
                name="partners_webhook_list",
            )
        ]

    def heard(self, *, worked: bool, failed: bool, now: datetime) -> None:
        """Notes how tries went. Success ends a series of failures; those far apart are not one series."""
        if worked:
            self.delivered_at, self.failing_since = now, None
        elif failed and (self.failed_at is None or self.failed_at < now - APART):
            self.failing_since = now
        elif failed:
            self.failing_since = self.failing_since or now
        if failed:
            self.failed_at = now

    def changed(self, *, status: str, reason: str, now: datetime) -> None:
        """Notes who or what enabled or disabled it, and when."""
        self.status, self.status_reason, self.status_changed_at = status, reason, now


class WebhookSequence(models.Model):
    """How many events of a grant there have been. Whoever adds one holds the row until the commit, so that
    their order is the order of the commits.
    """

    grant_id = models.UUIDField(primary_key=True)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    last = models.BigIntegerField()


class WebhookMessage(models.Model):
    """One event; its id is the same in every try. `data` is sealed with the key of the person it is about,
    else with the bank's own.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    environment = models.CharField(max_length=8, choices=Environment.choices)
    type = models.CharField(max_length=40)
    grant_id = models.UUIDField(null=True)
    person_id = models.UUIDField(null=True)
    sequence = models.BigIntegerField(null=True)
    data = models.BinaryField()
    created_at = models.DateTimeField()


class WebhookDelivery(models.Model):
    """A message on its way to one endpoint. While `lease_until` lies ahead, a worker is sending it.

    Of one grant's messages only the first that has not ended is sent.
    """

    class Status(models.TextChoices):
        PENDING = "PENDING"
        DELIVERED = "DELIVERED"
        FAILED = "FAILED"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    environment = models.CharField(max_length=8, choices=Environment.choices)
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    message = models.ForeignKey(WebhookMessage, on_delete=models.PROTECT, db_constraint=False)
    grant_id = models.UUIDField(null=True)
    sequence = models.BigIntegerField(null=True)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.PENDING)
    reason = models.CharField(max_length=20, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["endpoint", "-id"], name="partners_webhook_log"),
            models.Index(
                fields=["endpoint", "next_attempt_at"],
                condition=models.Q(status="PENDING"),
                name="partners_webhook_due",
            ),
            models.Index(
                fields=["endpoint", "grant_id", "sequence"],
                condition=models.Q(status="PENDING", grant_id__isnull=False),
                name="partners_webhook_order",
            ),
            models.Index(
                fields=["endpoint"],
                condition=models.Q(lease_until__isnull=False),
                name="partners_webhook_leased",
            ),
        ]


class WebhookAttempt(models.Model):
    """One try and its answer. `response` (at most 4 KB) is sealed with the message's key."""

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(
        WebhookDelivery, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="log"
    )
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    url = models.CharField(max_length=2000)
    signature = models.CharField(max_length=60)  # its beginning; whole, it could be used again
    response_status = models.PositiveSmallIntegerField(null=True)
    response = models.BinaryField()
    error = models.CharField(max_length=200, blank=True)
    next_attempt_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["delivery", "id"], name="partners_webhook_attempts")]
