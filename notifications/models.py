"""Approved wording, accepted notifications, and what became of each."""

from hashlib import sha256

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from consents.models import ConsentRecord, Grant, LinkedAccount, Person
from partners.clusters import Cluster, Environment
from partners.models import Partner, Sender
from portal.ids import uuid7


class Lane(models.TextChoices):
    """A queue and its reserved worker."""

    URGENT = "urgent"
    STANDARD = "standard"


class Template(models.Model):
    """A bank's named wording for one cluster."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    name = models.SlugField(max_length=60)
    cluster = models.CharField(max_length=20, choices=Cluster.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "name"], name="notifications_template_name")
        ]


class TemplateVersion(models.Model):
    """Wording in one language. The approved version keeps sending while the next is reviewed."""

    class Status(models.TextChoices):
        DRAFT = "DRAFT"
        SUBMITTED = "SUBMITTED"
        APPROVED = "APPROVED"
        REJECTED = "REJECTED"
        RETIRED = "RETIRED"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    template = models.ForeignKey(Template, on_delete=models.PROTECT, related_name="versions")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    number = models.PositiveIntegerField()
    locale = models.CharField(max_length=10)
    body = models.TextField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    author_id = models.UUIDField(null=True)
    reviewer_id = models.UUIDField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["submitted_at", "id"],
                condition=models.Q(status="SUBMITTED"),
                name="notifications_template_queue",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["template", "locale"],
                condition=models.Q(status="SUBMITTED"),
                name="notifications_templateversion_one_submitted",
            ),
            models.UniqueConstraint(
                fields=["template", "locale", "number"], name="notifications_templateversion_number"
            ),
            models.UniqueConstraint(
                fields=["template", "locale"],
                condition=models.Q(status="APPROVED"),
                name="notifications_templateversion_one_approved",
            ),
        ]

    @property
    def state(self) -> str:
        """Its status as pages show it: a grant that is REJECTED was declined, wording was not."""
        return "NOT_APPROVED" if self.status == self.Status.REJECTED else self.status

    @property
    def digest(self) -> str:
        """Tells these words, in this state, from others: what a form shows, and what it would change."""
        return sha256(f"{self.status}\n{self.body}".encode()).hexdigest()[:16]


class Notification(models.Model):
    """What a bank asked to send. Never changed, but that `data` is emptied once its time is over; its state is its
    delivery's.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    environment = models.CharField(max_length=8, choices=Environment.choices)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    client_id = models.UUIDField()
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    record = models.ForeignKey(ConsentRecord, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    agreement_version_id = models.UUIDField(null=True)
    template_version = models.ForeignKey(
        TemplateVersion, on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    cluster = models.CharField(max_length=20, choices=Cluster.choices)
    data = models.BinaryField()
    collapse_key = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(db_default=Now())


class Delivery(models.Model):
    """One notification on its way to one linked account; also the outbox row. `rank` of states only rises."""

    class Status(models.TextChoices):
        QUEUED = "QUEUED"
        SENDING = "SENDING"
        SENT = "SENT"
        DELIVERED = "DELIVERED"
        READ = "READ"
        FAILED = "FAILED"
        EXPIRED = "EXPIRED"
        WITHDRAWN = "WITHDRAWN"
        CANCELLED = "CANCELLED"
        UNCONFIRMED = "UNCONFIRMED"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    notification = models.OneToOneField(Notification, on_delete=models.PROTECT, db_constraint=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    environment = models.CharField(max_length=8, choices=Environment.choices)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    account = models.ForeignKey(LinkedAccount, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    sender = models.ForeignKey(Sender, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    lane = models.CharField(max_length=10, choices=Lane.choices)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.QUEUED)
    reason = models.CharField(max_length=60, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    start_by = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    provider_id = models.CharField(max_length=200, blank=True)
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    resent_at = models.DateTimeField(null=True)
    quiet_until = models.DateTimeField(null=True)  # when the quiet hours end that it waited for last
    place = models.PositiveSmallIntegerField(default=0, db_default=0)  # of its account in the grant's order

    class Meta:
        indexes = [
            models.Index(fields=["partner", "environment", "-id"], name="notifications_delivery_list"),
            models.Index(
                fields=["partner", "environment", "id"],
                condition=models.Q(status__in=["FAILED", "EXPIRED"]),
                name="notifications_delivery_lost",
            ),
            models.Index(fields=["grant", "-id"], name="notifications_delivery_grant"),
            models.Index(
                fields=["lane", "partner", "next_attempt_at"],
                condition=models.Q(status="QUEUED"),
                name="notifications_delivery_due",
            ),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(status="QUEUED"),
                name="notifications_delivery_expiry",
            ),
            models.Index(
                fields=["lease_until"],
                condition=models.Q(status="SENDING"),
                name="notifications_delivery_lease",
            ),
            models.Index(
                fields=["grant"],
                condition=models.Q(status__in=["QUEUED", "SENDING"]),
                name="notifications_delivery_open",
            ),
            models.Index(
                fields=["account", "sent_at"],
                condition=models.Q(status__in=["SENDING", "SENT", "DELIVERED"]),
                name="notifications_delivery_unread",
            ),
            models.Index(
                fields=["sender", "provider_id"],
                condition=~models.Q(provider_id=""),
                name="notifications_delivery_mid",
            ),
        ]


class QuietHours(models.Model):
    """When a person wants no messages of these kinds, by the clock where they are. Fraud alerts always come."""

    person = models.OneToOneField(Person, primary_key=True, on_delete=models.PROTECT)
    starts = models.TimeField()
    ends = models.TimeField()
    time_zone = models.CharField(max_length=40)
    clusters = ArrayField(models.CharField(max_length=20))

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(starts=models.F("ends")), name="notifications_quiet_some"
            ),
            models.CheckConstraint(
                condition=~models.Q(clusters__overlap=["FRAUD_ALERTS"]), name="notifications_quiet_not_fraud"
            ),
        ]


class Retention(models.Model):
    """How far a bank's messages have been emptied: `places` has, for each environment and number of days that was
    promised ("live:90"), the last delivery that was looked at. `emptied` is the count of `day`.
    """

    partner = models.OneToOneField(Partner, primary_key=True, on_delete=models.PROTECT)
    places = models.JSONField(default=dict)
    day = models.DateField(db_default=Now())
    emptied = models.PositiveIntegerField(default=0)
    worked_at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(db_default=Now())  # when nothing was left past its time


class Recovery(models.Model):
    """A bank's wish to have sent again what failed or expired in a time, in these clusters, and how far it has come:
    everything up to `last_id` is dealt with.
    """

    class Status(models.TextChoices):
        PENDING = "PENDING"
        RUNNING = "RUNNING"
        DONE = "DONE"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    environment = models.CharField(max_length=8, choices=Environment.choices)
    client_id = models.UUIDField()
    clusters = ArrayField(models.CharField(max_length=20))
    since = models.DateTimeField()
    until = models.DateTimeField()
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField()
    last_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    worked_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["worked_at", "id"],
                condition=~models.Q(status="DONE"),
                name="notifications_recovery_waiting",
            )
        ]


class Attempt(models.Model):
    """One try to hand a delivery to the provider, and its answer."""

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    partner_id = models.UUIDField()
    person_id = models.UUIDField()
    at = models.DateTimeField(db_default=Now())
    duration_ms = models.PositiveIntegerField()
    place = models.PositiveSmallIntegerField(default=0, db_default=0)
    outcome = models.CharField(max_length=20)
    code = models.CharField(max_length=40, blank=True)
    next_attempt_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["delivery", "id"], name="notifications_attempt_delivery")]


class InboundEvent(models.Model):
    """What a platform told us, as it came (sealed), once.

    `conversation` tells one sender's recipients apart, so that what a person does is worked on in order. What
    they wrote is forgotten once it was acted on; receipts are kept for 30 days.
    """

    REPORTS = ("delivery", "read", "echo")  # of our own messages; anything else a person has done
    IS_REPORT = models.Q(kind__in=REPORTS)

    id = models.BigAutoField(primary_key=True)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    sender = models.ForeignKey(Sender, on_delete=models.PROTECT, db_index=False)
    dedupe_key = models.CharField(max_length=64)
    kind = models.CharField(max_length=20)
    conversation = models.BinaryField(max_length=32)
    raw = models.BinaryField()
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    received_at = models.DateTimeField(auto_now_add=True)
    processed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sender", "dedupe_key"], name="notifications_inbound_once")
        ]
        indexes = [
            models.Index(
                fields=["conversation", "id"],
                condition=models.Q(processed_at__isnull=True),
                name="notifications_inbound_waiting",
            ),
            # What people did: few among many reports
            models.Index(
                fields=["id"],
                condition=models.Q(processed_at__isnull=True)
                & ~models.Q(kind__in=["delivery", "read", "echo"]),
                name="notifications_inbound_people",
            ),
            # To forget one
            models.Index(
                fields=["conversation"],
                condition=models.Q(processed_at__isnull=False),
                name="notifications_inbound_past",
            ),
            # To delete old ones
            models.Index(
                fields=["processed_at"],
                condition=models.Q(processed_at__isnull=False),
                name="notifications_inbound_old",
            ),
        ]

    @property
    def is_report(self) -> bool:
        """What a platform tells of our own messages."""
        return self.kind in self.REPORTS


class Reply(models.Model):
    """An answer to what a person wrote (STOP, HELP…), on its way. Its text names no data of theirs."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    sender = models.ForeignKey(Sender, on_delete=models.PROTECT, db_index=False)
    content = models.BinaryField()
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=models.Q(ended_at__isnull=True),
                name="notifications_reply_due",
            )
        ]
