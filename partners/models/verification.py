"""What a bank says of itself, and how it proved its domain."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from partners.models.partner import Partner
from portal.ids import uuid7

PROOF_HOLDS = timedelta(days=90)


class Verification(models.Model):
    """A bank's own statement, as it stands; what was submitted is kept beside it, unchanged.

    `version` rises with every change to the case by anybody: a page that was made from another one is stale.
    `contacts` are sealed JSON. `is_claimed` from the first submission until the bank is gone: meanwhile no other bank can
    submit the same licence or LEI. `recertify_on` is the last day to be approved again; `reopened_at` is set
    while that is asked for, and `reminders` counts the mails about it.
    """

    class Proof(models.TextChoices):
        DNS = "dns"
        FILE = "file"
        HAND = "hand"  # staff looked, and say how

    partner = models.OneToOneField(Partner, on_delete=models.PROTECT, primary_key=True)
    version = models.PositiveIntegerField(default=0)
    legal_name = models.CharField(max_length=200, blank=True)
    country = models.CharField(max_length=2, blank=True)
    regulator = models.CharField(max_length=120, blank=True)
    licence = models.CharField(max_length=60, blank=True)
    lei = models.CharField(max_length=20, blank=True)
    contacts = models.BinaryField(default=b"")
    answers = models.JSONField(default=dict)
    questions_version = models.PositiveSmallIntegerField(default=0)
    is_claimed = models.BooleanField(default=False)
    proven_at = models.DateTimeField(null=True)
    proven_by = models.CharField(max_length=4, choices=Proof.choices, blank=True)
    proof_reason = models.CharField(max_length=500, blank=True)
    checked_at = models.DateTimeField(null=True)
    finding = models.CharField(max_length=300, blank=True)
    recertify_on = models.DateField(null=True)
    reopened_at = models.DateTimeField(null=True)
    reminders = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(
                fields=["recertify_on"],
                condition=Q(recertify_on__isnull=False),
                name="partners_verification_due",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                Lower("regulator"),
                Lower("licence"),
                condition=Q(is_claimed=True),
                name="partners_verification_licence",
            ),
            models.UniqueConstraint(
                fields=["lei"], condition=Q(is_claimed=True), name="partners_verification_lei"
            ),
        ]

    @property
    def is_domain_proven(self) -> bool:
        """Not so long ago that the domain may have changed hands."""
        return self.proven_at is not None and self.proven_at > timezone.now() - PROOF_HOLDS


class DocumentQuerySet(models.QuerySet["VerificationDocument"]):
    """Reads of documents."""

    def current(self) -> "DocumentQuerySet":
        """Those that the bank has not taken back, without their content."""
        return self.filter(removed_at=None).defer("sealed").order_by("id")


class VerificationDocument(models.Model):
    """A file of the bank's, sealed under its own key. Once it was submitted it stays, even when it is taken back."""

    class Kind(models.TextChoices):
        LICENCE = "licence", "Licence, or extract from the regulator’s register"
        AUTHORITY = "authority", "Who may sign for the bank"
        POLICY = "policy", "Security policy"
        CERTIFICATE = "certificate", "Certificate or report of a test"
        OTHER = "other", "Something else"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    name = models.CharField(max_length=120)
    media_type = models.CharField(max_length=20)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    sealed = models.BinaryField()
    uploaded_by = models.UUIDField()
    uploaded_at = models.DateTimeField(auto_now_add=True)
    frozen_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)
    objects = DocumentQuerySet.as_manager()
