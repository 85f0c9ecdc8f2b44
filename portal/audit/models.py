"""The audit trail."""

from django.db import models
from django.db.models.functions import Now


class AuditEvent(models.Model):
    """One thing that happened, written in the transaction that made it happen; never changed afterwards.

    `data` holds no personal data: ids, codes, counts. `transaction` lets a sealer take events in commit order.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Now())
    transaction = models.BigIntegerField(
        db_default=models.Func(
            models.Func(function="pg_current_xact_id", output_field=models.TextField()),
            template="(%(expressions)s)::text::bigint",
            output_field=models.BigIntegerField(),
        )
    )
    code = models.CharField(max_length=60)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.UUIDField(null=True)
    partner_id = models.UUIDField(null=True)
    person_id = models.UUIDField(null=True)
    target_type = models.CharField(max_length=40)
    target_id = models.UUIDField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    data = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["partner_id", "-id"], name="audit_event_partner"),
            models.Index(fields=["person_id", "-id"], name="audit_event_person"),
            models.Index(
                fields=["target_id", "id"],
                condition=models.Q(target_type="Grant"),
                name="audit_event_grant",
            ),
        ]
