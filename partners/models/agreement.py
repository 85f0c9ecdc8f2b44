"""What a bank and the platform agreed, how it came about, and who signed."""

from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from partners.clusters import Cluster
from partners.models.partner import Partner
from portal.ids import uuid7


class AgreementTemplate(models.Model):
    """The platform's own wording and the terms it begins with, of one name; a change is a new version.

    `clauses` are wording by number, with the names of terms in braces; `terms` are those of `Terms`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=80)
    number = models.PositiveIntegerField()
    clauses = models.JSONField()
    terms = models.JSONField()
    made_by = models.UUIDField()
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "number"], name="partners_agreementtemplate_number")
        ]


class Agreement(models.Model):
    """What a bank and the platform agreed; the versions hold the terms."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    number = models.CharField(max_length=20, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)


class AgreementVersionQuerySet(models.QuerySet["AgreementVersion"]):
    """Reads of versions."""

    def in_force(self) -> "AgreementVersionQuerySet":
        """Those that allow anything at this moment: at most one a bank."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=timezone.now()), status="FINALIZED")

    def open(self) -> "AgreementVersionQuerySet":
        """Those that are being negotiated or wait for their day: at most one a bank."""
        return self.filter(status__in=OPEN)


class AgreementVersion(models.Model):
    """Immutable terms as data; the text is made from them, hashed and signed.

    OFFERED by the platform or COUNTERED by the bank, whoever's turn it is then; SUPERSEDED by its successor,
    in the negotiation or (with `in_force_from`) in force. `ends_on` is a term (a day, UTC, the last one); `ends_at`
    is when it will end as things stand, by that term or by notice.
    """

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

    class Ending(models.TextChoices):
        """Why it ended, or will."""

        DECLINED = "declined"
        WITHDRAWN = "withdrawn"  # by the bank
        NOTICE = "notice"
        CAUSE = "cause"
        TERM = "term"  # its last day is over

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="versions")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    template = models.ForeignKey(AgreementTemplate, null=True, on_delete=models.PROTECT)
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.DRAFT)
    clusters = ArrayField(models.CharField(max_length=20, choices=Cluster.choices))
    channels = ArrayField(models.CharField(max_length=20))
    countries = ArrayField(models.CharField(max_length=2))
    retention_days = models.PositiveIntegerField()
    longest_grant_days = models.PositiveIntegerField()
    monthly_volume_cap = models.PositiveIntegerField()
    notice_days = models.PositiveIntegerField()
    starts_on = models.DateField(null=True)
    ends_on = models.DateField(null=True)
    text = models.TextField()
    text_sha256 = models.CharField(max_length=64)
    comments = models.JSONField(default=dict)  # by clause, from whoever proposed the version
    is_by_bank = models.BooleanField(default=False)
    offered_by = models.UUIDField(null=True)
    offered_at = models.DateTimeField(default=timezone.now)
    accepted_by = models.UUIDField(null=True)
    accepted_at = models.DateTimeField(null=True)
    countersigned_by = models.UUIDField(null=True)
    countersigned_at = models.DateTimeField(null=True)
    in_force_from = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    reminded_days = models.PositiveSmallIntegerField(
        null=True
    )  # the last reminder said so many days are left
    ending = models.CharField(max_length=10, choices=Ending.choices, blank=True)
    ending_reason = models.CharField(max_length=1000, blank=True)
    ending_by = models.UUIDField(null=True)
    ended_at = models.DateTimeField(null=True)
    people_asked_at = models.DateTimeField(null=True)  # all who had agreed to less

    objects = AgreementVersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agreement", "number"], name="partners_agreementversion_number"),
            models.UniqueConstraint(
                fields=["partner"],
                condition=Q(status="FINALIZED"),
                name="partners_agreementversion_one_in_force",
            ),
            models.UniqueConstraint(
                fields=["partner"],
                condition=Q(status__in=["DRAFT", "OFFERED", "COUNTERED", "ACCEPTED", "AGREED"]),
                name="partners_agreementversion_one_open",
            ),
            models.CheckConstraint(
                condition=Q(longest_grant_days__gte=1, longest_grant_days__lte=365),
                name="partners_agreementversion_longest_grant",
            ),
            models.CheckConstraint(
                condition=Q(in_force_from=None)
                | Q(accepted_by__isnull=False, countersigned_by__isnull=False)
                & ~Q(accepted_by=models.F("countersigned_by"))
                & ~Q(offered_by=models.F("countersigned_by")),
                name="partners_agreementversion_signed_by_two",
            ),
        ]
        indexes = [models.Index(fields=["partner", "-id"], name="partners_agreement_history")]

    @property
    def is_open(self) -> bool:
        """Being negotiated, or signed and waiting for its day."""
        return self.status in OPEN

    def earliest_end(self) -> datetime:
        """When it can end by a notice given now."""
        return timezone.now() + timedelta(days=self.notice_days)


OPEN = [
    AgreementVersion.Status.DRAFT,
    AgreementVersion.Status.OFFERED,
    AgreementVersion.Status.COUNTERED,
    AgreementVersion.Status.ACCEPTED,
    AgreementVersion.Status.AGREED,
]


class AgreementSignature(models.Model):
    """Who signed which text, when and from where. The database refuses another text's hash, and a second
    signature of a side or of a person.
    """

    class Side(models.TextChoices):
        BANK = "bank"
        PLATFORM = "platform"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(AgreementVersion, on_delete=models.PROTECT, related_name="signatures")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    side = models.CharField(max_length=8, choices=Side.choices)
    user_id = models.UUIDField()
    name = models.CharField(max_length=120)
    email = models.EmailField()
    at = models.DateTimeField()
    ip = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=300, blank=True)
    text_sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "side"], name="partners_agreementsignature_side"),
            models.UniqueConstraint(fields=["version", "user_id"], name="partners_agreementsignature_two"),
        ]


class AgreementTermination(models.Model):
    """One member of staff asks for an agreement's end; another confirms or refuses. `ends_at` empty: at once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(AgreementVersion, on_delete=models.PROTECT, related_name="terminations")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    ends_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=1000)
    asked_by = models.UUIDField()
    asked_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.UUIDField(null=True)
    decided_at = models.DateTimeField(null=True)
    is_confirmed = models.BooleanField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version"],
                condition=Q(decided_at=None),
                name="partners_agreementtermination_one_open",
            ),
            models.CheckConstraint(
                condition=~Q(is_confirmed=True) | ~Q(asked_by=models.F("decided_by")),
                name="partners_agreementtermination_by_two",
            ),
        ]
