"""Sending again all that failed or expired since a time: asked for by a bank, worked on a part at a time.

A part and how far it has come are one transaction: a worker that dies leaves the rest to the next, and nothing is
queued twice.
"""

from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from notifications.actions.resend import AGAIN, resend_some
from notifications.models import Delivery, Recovery
from notifications.nudge import RECOVERIES, nudge
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

PART = 500
_FIRST = UUID(int=0)


def start_recovery(*, since: datetime, clusters: list[str], actor: Principal) -> Recovery:
    """Notes what is to be done; a worker begins at once. Runs in the caller's transaction, under the client's scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")  # what ends later is not meant, and may be this recovery's own
        until = cursor.fetchone()[0]
    total = Delivery.objects.filter(
        partner_id=actor.partner_id,
        environment=actor.environment,
        status__in=AGAIN,
        ended_at__gte=since,
        ended_at__lte=until,
        notification__cluster__in=clusters,
    ).count()
    recovery = Recovery.objects.create(
        partner_id=actor.partner_id,
        environment=actor.environment,
        client_id=actor.id,
        clusters=clusters,
        since=since,
        until=until,
        total=total,
        status=Recovery.Status.PENDING if total else Recovery.Status.DONE,
        ended_at=None if total else until,
    )
    data = {"since": since.isoformat(), "total": total}
    record(Code.RECOVERY_STARTED, actor=actor, target=recovery, partner_id=actor.partner_id, data=data)
    if total:
        transaction.on_commit(lambda: nudge(RECOVERIES))
    return recovery


def work_on_recovery() -> int:
    """Does the next part of a recovery that nobody else is at; returns how many it judged, 0 when none is left."""
    with scope(Principal.system()), transaction.atomic():
        waiting = Recovery.objects.exclude(status=Recovery.Status.DONE).order_by("worked_at", "id")
        recovery = waiting.select_for_update(skip_locked=True, no_key=True).first()
        if recovery is None:
            return 0
        judged = resend_some(
            on_behalf_of=_client_of(recovery),
            limit=PART,
            after=recovery.last_id or _FIRST,
            since=recovery.since,
            until=recovery.until,
            clusters=recovery.clusters,
        )
        _note(recovery, judged)
    return max(len(judged), 1)


def _note(recovery: Recovery, judged: list[UUID]) -> None:
    """Some may have been sent again one by one meanwhile: then fewer were left than there were."""
    now = timezone.now()
    recovery.status, recovery.worked_at = Recovery.Status.RUNNING, now
    recovery.done = min(recovery.done + len(judged), recovery.total)
    recovery.last_id = judged[-1] if judged else recovery.last_id
    if len(judged) < PART:
        recovery.status, recovery.ended_at, recovery.done = Recovery.Status.DONE, now, recovery.total
    recovery.save(update_fields=["status", "worked_at", "done", "last_id", "ended_at"])


def _client_of(recovery: Recovery) -> Principal:
    return Principal(
        Kind.CLIENT,
        id=recovery.client_id,
        partner_id=recovery.partner_id,
        environment=recovery.environment,
    )
