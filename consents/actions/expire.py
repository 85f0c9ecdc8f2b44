"""Ends the grants whose day has come. Nothing waits for this: expiry is judged on every use."""

from django.db import transaction
from django.utils import timezone

from consents.actions.stop import end_grant
from consents.models import LIVE_STATES, Grant
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

BATCH = 100


def expire_grants() -> int:
    """Marks a batch EXPIRED, each in a transaction of its own; returns how many."""
    due = Grant.objects.filter(status__in=LIVE_STATES)
    with scope(Principal.system()), transaction.atomic():
        ids = list(due.filter(expires_at__lte=timezone.now()).values_list("id", flat=True)[:BATCH])
    for grant_id in ids:
        end_grant(grant_id=grant_id, actor=Principal.system(), reason="expired", to=Grant.Status.EXPIRED)
    return len(ids)
