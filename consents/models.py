"""People, their linked messaging accounts, and what they allow."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from partners.clusters import Cluster, Environment
from partners.models import AgreementVersion, Partner, Sender
from portal.ids import uuid7

LIVE_STATES = ("ACTIVE", "PAUSED")


class Person(models.Model):
    """An end user. Sandbox people have no sign-in, and whoever erased their account has none any more."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT)
    # What we send them names no bank
    is_discreet = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)


class Customer(models.Model):
    """A person as one bank knows them: the bank's own reference, and our pairwise id for the bank."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    environment = models.CharField(max_length=8, choices=Environment.choices)
    person = models.ForeignKey(Person, on_delete=models.PROTECT)
    pairwise_id = models.UUIDField(default=uuid7)
    customer_ref = models.BinaryField()
    ref_index = models.BinaryField(max_length=32)
    # Those the bank last named for them, sealed: what a person can choose from
    accounts = models.BinaryField(default=b"")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "environment", "ref_index"], name="consents_customer_ref"
            ),
            models.UniqueConstraint(
                fields=["partner", "environment", "person"], name="consents_customer_person"
            ),
        ]


class LinkedAccount(models.Model):
    """A person's address on a sender's channel (a Messenger id is one Page's). Linked is not consent."""

    class Status(models.TextChoices):
        ACTIVE = "ACTIVE"
        SUSPENDED = "SUSPENDED"
        UNLINKED = "UNLINKED"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    environment = models.CharField(max_length=8, choices=Environment.choices)
    person = models.ForeignKey(Person, on_delete=models.PROTECT)
    sender = models.ForeignKey(Sender, on_delete=models.PROTECT, db_index=False)
    channel = models.CharField(max_length=20)
    address = models.BinaryField()
    address_index = models.BinaryField(max_length=32)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    last_inbound_at = models.DateTimeField(null=True)
    linked_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sender", "address_index"],
                condition=~models.Q(status="UNLINKED"),
                name="consents_linkedaccount_address",
            )
        ]
        # Receipts come for accounts that are no longer linked, too
        indexes = [models.Index(fields=["sender", "address_index"], name="consents_linkedaccount_lookup")]


class LinkToken(models.Model):
    """A person's one-time right to link the account that brings it back. Only its digest is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    sender = models.ForeignKey(Sender, on_delete=models.PROTECT)
    person = models.ForeignKey(Person, on_delete=models.PROTECT)
    digest = models.BinaryField(max_length=32, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class GrantQuerySet(models.QuerySet["Grant"]):
    """Reads of grants, by the clock: a day that has come counts before anybody has written it down."""

    def open(self) -> "GrantQuerySet":
        """As `Grant.is_open`."""
        return self.filter(status__in=LIVE_STATES, expires_at__gt=timezone.now())

    def in_status(self, status: str) -> "GrantQuerySet":
        """As `Grant.status_now`."""
        is_over = models.Q(status__in=LIVE_STATES, expires_at__lte=timezone.now())
        if status == Grant.Status.EXPIRED:
            return self.filter(models.Q(status=status) | is_over)
        return self.filter(~is_over, status=status)


class Grant(models.Model):
    """What a person allows a bank to send (OAuth Grant Management's stable id), with its records."""

    class Status(models.TextChoices):
        PENDING = "PENDING"
        ACTIVE = "ACTIVE"
        PAUSED = "PAUSED"
        REJECTED = "REJECTED"
        REVOKED = "REVOKED"
        EXPIRED = "EXPIRED"
        INVALIDATED = "INVALIDATED"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    environment = models.CharField(max_length=8, choices=Environment.choices)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, db_constraint=False)
    account = models.ForeignKey(LinkedAccount, on_delete=models.PROTECT, db_constraint=False)
    # Where messages go, in this order, while `account` cannot be reached
    fallback_ids = ArrayField(models.UUIDField(), default=list, db_default=[])
    agreement_version = models.ForeignKey(
        AgreementVersion, null=True, on_delete=models.PROTECT, db_index=False
    )
    record_id = models.UUIDField()
    status = models.CharField(max_length=12, choices=Status.choices)
    clusters = ArrayField(models.CharField(max_length=20, choices=Cluster.choices))
    accounts = models.BinaryField()
    account_indexes = ArrayField(models.BinaryField())
    granted_at = models.DateTimeField()
    authorised_at = models.DateTimeField()  # the latest time: no grant lasts longer than a year from it
    is_once = models.BooleanField(default=False)
    expires_at = models.DateTimeField()
    reconfirm_by = models.DateTimeField()
    paused_at = models.DateTimeField(null=True)
    resumed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=40, blank=True)
    ended_by = models.CharField(max_length=10, blank=True)
    # The wider version of the agreement that the person was asked about, and when they said yes or no
    asked_version_id = models.UUIDField(null=True)
    answered_at = models.DateTimeField(null=True)
    # When it is looked at next: whether its end or a confirmation is near, and what of it is not used
    tend_at = models.DateTimeField(db_default=Now())
    # Where that failed: how often, and when it is tried again. What was due since `tend_at` is still to be done.
    tend_failures = models.PositiveSmallIntegerField(db_default=0)
    tend_again_at = models.DateTimeField(null=True)

    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer"],
                condition=models.Q(status__in=["PENDING", "ACTIVE", "PAUSED"]),
                name="consents_grant_one_live",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__lte=models.F("authorised_at") + models.Value("366 days")),
                name="consents_grant_longest",
            ),
            models.CheckConstraint(
                condition=~models.Q(fallback_ids__contains=[models.F("account_id")]),
                name="consents_grant_fallback",
            ),
        ]
        indexes = [
            models.Index(fields=["partner", "environment", "-id"], name="consents_grant_partner"),
            models.Index(fields=["person", "-id"], name="consents_grant_person"),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(status__in=["ACTIVE", "PAUSED"]),
                name="consents_grant_expiry",
            ),
            models.Index(
                fields=["tend_at"],
                condition=models.Q(status__in=["ACTIVE", "PAUSED"], environment="live"),
                name="consents_grant_tend",
            ),
            models.Index(
                fields=["id"], condition=models.Q(tend_failures__gt=0), name="consents_grant_not_tended"
            ),
        ]

    @property
    def status_now(self) -> str:
        """Its status at this moment: its end is judged by the clock, whatever has been written down."""
        return self.Status.EXPIRED if self.is_past_its_end else self.status

    @property
    def is_open(self) -> bool:
        """Neither ended nor over at this moment."""
        return self.status_now in LIVE_STATES

    @property
    def is_unconfirmed(self) -> bool:
        """It waits for the person to confirm that they still want it."""
        return self.reconfirm_by <= timezone.now()

    @property
    def is_past_its_end(self) -> bool:
        """It is over by the clock, and that is not written down yet."""
        return self.status in LIVE_STATES and self.expires_at <= timezone.now()


class UnusedKind(models.Model):
    """A kind of message that a grant allows and that has not come for long: taken out of it when `lapses_at` comes,
    unless the person keeps it or one is sent.
    """

    class Outcome(models.TextChoices):
        KEPT = "kept"
        LAPSED = "lapsed"
        MOOT = "moot"  # used, allowed anew or taken out meanwhile

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, db_index=False)
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="unused", db_constraint=False)
    cluster = models.CharField(max_length=20)
    since = models.DateTimeField()
    proposed_at = models.DateTimeField()
    lapses_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["grant", "cluster"],
                condition=models.Q(decided_at=None),
                name="consents_unusedkind_one_open",
            )
        ]


class ConsentRecord(models.Model):
    """One authorisation, never changed (ISO/IEC TS 27560 fields)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, db_index=False)
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="records", db_constraint=False)
    schema_version = models.CharField(max_length=20, default="27560:2023")
    event = models.CharField(max_length=30)
    at = models.DateTimeField(auto_now_add=True)
    language = models.CharField(max_length=10)
    clusters = ArrayField(models.CharField(max_length=20))
    purposes = ArrayField(models.CharField(max_length=30))
    jurisdiction = models.CharField(max_length=2)
    agreement = models.CharField(max_length=40)
    retention_days = models.PositiveIntegerField()
    withdrawal_method = models.CharField(max_length=120)
    valid_until = models.DateTimeField()
    is_once = models.BooleanField(default=False)
    privacy_notice = models.CharField(max_length=200, default="")
    controllers = ArrayField(models.CharField(max_length=120), default=list)
    recipients = ArrayField(models.CharField(max_length=120), default=list)
    storage_locations = ArrayField(models.CharField(max_length=2), default=list)
    given_through = models.CharField(max_length=20, default="")
    # What was shown, word for word, sealed; the digest stays when the key goes
    disclosure = models.BinaryField(default=b"")
    disclosure_sha256 = models.CharField(max_length=64)
    accounts = models.BinaryField()
    # Where messages may arrive, in order, sealed; empty in records of before
    chats = models.BinaryField(default=b"", db_default=b"")


class GrantRequest(models.Model):
    """A question to one customer of a bank (`req_…`): answered once, by one person, within 15 minutes."""

    class Status(models.TextChoices):
        PENDING = "PENDING"
        ACTIVE = "ACTIVE"
        REJECTED = "REJECTED"
        EXPIRED = "EXPIRED"

    class Way(models.TextChoices):
        BANK = "bank"
        DIRECTORY = "directory"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    environment = models.CharField(max_length=8, choices=Environment.choices)
    way = models.CharField(max_length=10, choices=Way.choices)
    client_id = models.UUIDField(null=True)
    # Whoever opened it first; nobody else may answer
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT)
    ref_index = models.BinaryField(max_length=32)
    # Sealed with the bank's key: {"customer_ref", "accounts", "redirect_uri", "state"}; emptied an hour after its time
    content = models.BinaryField(default=b"")
    clusters = ArrayField(models.CharField(max_length=20))
    duration_days = models.PositiveSmallIntegerField()
    locale = models.CharField(max_length=10, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    grant = models.ForeignKey(Grant, null=True, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["expires_at"], condition=~models.Q(content=b""), name="consents_grantrequest_kept"
            )
        ]


class Complaint(models.Model):
    """A person's complaint to us, about a bank or (without one) about us; its texts are `ComplaintMessage`s."""

    class Status(models.TextChoices):
        OPEN = "OPEN"
        ANSWERED = "ANSWERED"
        CLOSED = "CLOSED"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, db_index=False)
    # No tenant's row: the bank sees nothing of it
    about = models.ForeignKey(Partner, null=True, on_delete=models.PROTECT, db_index=False)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["person", "-id"], name="consents_complaint_person"),
            models.Index(fields=["status", "changed_at"], name="consents_complaint_queue"),
        ]


class ComplaintMessage(models.Model):
    """One turn of it, sealed with the key that the platform has of the person."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    complaint = models.ForeignKey(Complaint, on_delete=models.PROTECT, related_name="messages")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, db_index=False)
    is_by_staff = models.BooleanField()
    author_id = models.UUIDField()
    text = models.BinaryField()
    at = models.DateTimeField(auto_now_add=True)


class Erasure(models.Model):
    """That a person's account was erased, with what went; what the certificate says. No name, no address."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    person = models.OneToOneField(Person, on_delete=models.PROTECT)
    at = models.DateTimeField()
    banks_told = models.PositiveIntegerField()
    grants_ended = models.PositiveIntegerField()
    accounts_unlinked = models.PositiveIntegerField()
    keys_destroyed = models.PositiveIntegerField()
    is_sign_in_kept = models.BooleanField()


class GrantStop(models.Model):
    """A grant was paused, or has ended, and when its bank confirmed that it knows. `message_id` is the event that
    tells the bank; there is none where it has no address, or stopped it itself.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    environment = models.CharField(max_length=8, choices=Environment.choices)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, db_index=False)
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    event = models.CharField(max_length=40)
    by = models.CharField(max_length=10)
    withdrawn = models.PositiveIntegerField()
    handed_over = models.PositiveIntegerField()
    message_id = models.UUIDField(null=True)
    stopped_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    look_at = models.DateTimeField(null=True)  # when we see again whether it was confirmed
    alerted_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["grant", "-id"], name="consents_grantstop_grant"),
            models.Index(fields=["stopped_at"], name="consents_grantstop_time"),
            models.Index(
                fields=["partner", "look_at"],
                condition=models.Q(look_at__isnull=False),
                name="consents_grantstop_due",
            ),
            models.Index(
                fields=["partner", "mailed_at"],
                condition=models.Q(mailed_at__isnull=False),
                name="consents_grantstop_mailed",
            ),
        ]


class Reading(models.Model):
    """That a bank was shown something of a person: by whom, of which grant, and how often on one day (UTC). What it
    was shown is not kept. Nothing here waits for whoever ends the grant or erases the person: hence no foreign keys.
    """

    class Kind(models.TextChoices):
        GRANT = "grant"
        REQUEST = "request"
        MESSAGES = "messages"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.UUIDField()
    actor_name = models.CharField(max_length=80, blank=True)  # an API client's, as it was called then
    day = models.DateField()
    times = models.PositiveIntegerField(default=1, db_default=1)
    first_at = models.DateTimeField(db_default=Now())
    last_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["grant", "kind", "actor_id", "day"], name="consents_reading_once_a_day"
            )
        ]
        indexes = [models.Index(fields=["person", "-id"], name="consents_reading_person")]
