"""How a bank's statement is judged: what was submitted, who decided what, and what was said."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from partners.models.partner import Partner
from portal.ids import uuid7


class SubmissionQuerySet(models.QuerySet["Submission"]):
    """Reads of submissions."""

    def open(self) -> "SubmissionQuerySet":
        """Those the platform has to decide on: at most one a bank."""
        return self.filter(status__in=OPEN)

    def latest_of(self, partner_id: object) -> "Submission | None":
        """The bank's last one."""
        return self.filter(partner_id=partner_id).order_by("-number").first()


class Submission(models.Model):
    """A bank's statement as it was handed in. It never changes; every decision is about its `digest`.

    `reviewer` is the colleague who has the case now. A renewal is a bank's that is approved already.
    """

    class Status(models.TextChoices):
        WAITING = "WAITING"
        IN_REVIEW = "IN_REVIEW"
        MORE_ASKED = "MORE_ASKED"
        DECLINED = "DECLINED"
        APPROVED = "APPROVED"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    number = models.PositiveIntegerField()
    is_renewal = models.BooleanField(default=False)
    content = models.JSONField()
    contacts = models.BinaryField()
    digest = models.CharField(max_length=64)
    submitted_by = models.UUIDField()
    submitted_at = models.DateTimeField(auto_now_add=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True)
    deferred_until = models.DateField(null=True)
    objects = SubmissionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(status__in=["WAITING", "IN_REVIEW"]),
                name="partners_submission_queue",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["partner", "number"], name="partners_submission_number"),
            models.UniqueConstraint(
                fields=["partner"],
                condition=Q(status__in=["WAITING", "IN_REVIEW"]),
                name="partners_submission_one_open",
            ),
        ]

    def is_approved_by_two(self) -> bool:
        """Whether one person has recommended just this and another one approved it; one query."""
        kinds = [ReviewDecision.Kind.RECOMMENDED, ReviewDecision.Kind.APPROVED]
        found = self.decisions.filter(kind__in=kinds, digest=self.digest).values_list("kind", "by_id")
        by_kind = dict(found)
        return len(by_kind) == 2 and len(set(by_kind.values())) == 2


OPEN = [Submission.Status.WAITING, Submission.Status.IN_REVIEW]


class ReviewDecision(models.Model):
    """What a colleague decided on a submission, once and for all. `reasons` are by item; the bank reads them and
    `words`.
    """

    class Kind(models.TextChoices):
        RECOMMENDED = "RECOMMENDED"
        APPROVED = "APPROVED"
        MORE_ASKED = "MORE_ASKED"
        DEFERRED = "DEFERRED"
        DECLINED = "DECLINED"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="decisions")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    digest = models.CharField(max_length=64)
    kind = models.CharField(max_length=11, choices=Kind.choices)
    by_id = models.UUIDField()
    by_name = models.CharField(max_length=150)
    at = models.DateTimeField(auto_now_add=True)
    words = models.CharField(max_length=2000, blank=True)
    reasons = models.JSONField(default=dict)

    class Meta:
        constraints = [
            # Four eyes: one recommendation, one approval, and not by the same person
            models.UniqueConstraint(
                fields=["submission", "by_id"],
                condition=Q(kind__in=["RECOMMENDED", "APPROVED"]),
                name="partners_reviewdecision_two_people",
            ),
            models.UniqueConstraint(
                fields=["submission", "kind"],
                condition=Q(kind__in=["RECOMMENDED", "APPROVED"]),
                name="partners_reviewdecision_once",
            ),
        ]


class ReviewMessage(models.Model):
    """A line of the conversation between bank and platform, for both to read."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    is_by_bank = models.BooleanField()
    author_id = models.UUIDField()
    author_name = models.CharField(max_length=150)
    text = models.CharField(max_length=4000)
    at = models.DateTimeField(auto_now_add=True)


class ReviewNote(models.Model):
    """What the staff write to one another about a bank. No bank can read it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT)
    author_id = models.UUIDField()
    author_name = models.CharField(max_length=150)
    text = models.CharField(max_length=4000)
    at = models.DateTimeField(auto_now_add=True)
