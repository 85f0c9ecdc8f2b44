"""What the API remembers about its own calls."""

from django.db import models
from django.db.models.functions import Now


class IdempotencyKey(models.Model):
    """The first answer to a request that carried an `Idempotency-Key`."""

    id = models.BigAutoField(primary_key=True)
    partner_id = models.UUIDField()
    client_id = models.UUIDField()
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    body = models.BinaryField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client_id", "key"], name="api_idempotencykey_once")]
        indexes = [models.Index(fields=["created_at"], name="api_idempotencykey_age")]
