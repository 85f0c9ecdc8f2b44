"""E-mail on its way."""

from django.db import models
from django.db.models.functions import Now

from portal.ids import uuid7


class Mail(models.Model):
    """One e-mail, written in the transaction that gives cause for it; gone once it was handed over.

    `context` holds what its template shows: names, words and links, no secrets and nobody's bank data.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    to = models.EmailField()
    template = models.CharField(max_length=60)
    locale = models.CharField(max_length=10, default="en")
    context = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["next_attempt_at"], name="mail_mail_due")]
