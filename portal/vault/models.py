"""Data keys: one per bank and person, wrapped by the key-encryption key."""

from django.db import models

from portal.ids import uuid7


class DataKey(models.Model):
    """A wrapped 256-bit key. Without it, all that it sealed is noise; that is how erasure works.

    `person_id` is empty for a bank's own secrets.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner_id = models.UUIDField()
    person_id = models.UUIDField(null=True)
    kek_id = models.CharField(max_length=20)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["partner_id", "person_id"], name="vault_datakey_owner", nulls_distinct=False
            )
        ]
