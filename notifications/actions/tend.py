"""Looks after live grants as time goes by: warns of their end, asks for a yes, and lets go of what is not used.

Each grant has one moment at which there is something to do (`tend_at`, indexed); until then nobody looks at it.
"""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from consents.actions.unused import LASTING, UNUSED_AFTER, lapse, propose, set_aside
from consents.actions.warn import reminders_of, warn
from consents.models import LIVE_STATES, Grant, UnusedKind
from partners.clusters import Environment
from partners.webhooks.actions.emit import ENDED
from portal.ids import first_uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

log = structlog.get_logger(__name__)
BATCH = 100
SYSTEM = Principal.system()
DAY = timedelta(days=1)
# After a failure; doubled each time
FIRST_PAUSE, LONGEST_PAUSE, MOST_DOUBLED = timedelta(minutes=1), timedelta(hours=6), 10
# Nothing lapses in a pause; after it, this long passes before anything is proposed
AFTER_PAUSE = timedelta(days=14)
# A bank may set a message's time this long ahead, so it can be sent as long after its id was made
LONGEST_AHEAD = timedelta(days=31)
_LAST_SENT = """
SELECT n.cluster, max(d.sent_at) FROM notifications_delivery d
JOIN notifications_notification n ON n.id = d.notification_id
WHERE d.grant_id = %s AND d.id >= %s AND d.sent_at IS NOT NULL GROUP BY n.cluster
"""


def tend_grants() -> int:
    """Looks after a batch of those that are due, each in a transaction of its own; returns how many. One that fails is
    tried again soon, then ever more rarely, and holds up no other. Raises what the database refused, once the others
    are done.
    """
    due = Grant.objects.filter(_is_due(timezone.now()), status__in=LIVE_STATES, environment=Environment.LIVE)
    with scope(SYSTEM), transaction.atomic():
        ids = list(due.order_by("tend_at").values_list("id", flat=True)[:BATCH])
    refused = [error for grant_id in ids if (error := _try_to_tend(grant_id)) is not None]
    if refused:
        raise refused[0]
    return len(ids)


def _is_due(now: datetime) -> Q:
    return Q(tend_at__lte=now) & (Q(tend_again_at=None) | Q(tend_again_at__lte=now))


def _try_to_tend(grant_id: UUID) -> DatabaseError | None:
    try:
        _tend(grant_id)
    except (OperationalError, InterfaceError):
        raise  # the database, not the grant
    except Exception as error:
        log.exception("grant_not_tended", grant=str(grant_id))
        _put_off(grant_id)
        return error if isinstance(error, DatabaseError) else None
    return None


@transaction.atomic
def _put_off(grant_id: UUID) -> None:
    """Since when it is due stays written: what fell due is told when it works again."""
    with scope(SYSTEM):
        grant = Grant.objects.select_for_update().get(pk=grant_id)
        pause = min(FIRST_PAUSE * 2 ** min(grant.tend_failures, MOST_DOUBLED), LONGEST_PAUSE)
        grant.tend_failures, grant.tend_again_at = grant.tend_failures + 1, timezone.now() + pause
        grant.save(update_fields=["tend_failures", "tend_again_at"])


@transaction.atomic
def _tend(grant_id: UUID) -> None:
    with scope(SYSTEM):
        now = timezone.now()
        due = Grant.objects.select_for_update(of=("self",)).filter(_is_due(now), status__in=LIVE_STATES)
        grant = due.select_related("person__user", "partner", "account").filter(pk=grant_id).first()
        if grant is None:
            return
        nexts = [grant.expires_at] if grant.partner.status in ENDED else _look_after(grant, now)
        grant.tend_at = min((moment for moment in nexts if moment > now), default=now + DAY)
        grant.tend_failures, grant.tend_again_at = 0, None
        grant.save(update_fields=["tend_at", "tend_failures", "tend_again_at"])


def _look_after(grant: Grant, now: datetime) -> list[datetime]:
    """Does what is due, and returns when there may be more."""
    nexts = _warn(grant, now)
    if grant.status == Grant.Status.PAUSED:
        nexts.append(now + AFTER_PAUSE)
    elif grant.expires_at > now:
        nexts += _judge_use(grant, now)
    return nexts


def _warn(grant: Grant, now: datetime) -> list[datetime]:
    """Tells what has fallen due since the last look; returns the moments of all that there is to tell."""
    moments = []
    for moment, reminder in reminders_of(grant):
        moments.append(moment)
        if grant.tend_at <= moment <= now and moment > grant.authorised_at:
            warn(grant, reminder)
    return moments


def _judge_use(grant: Grant, now: datetime) -> list[datetime]:
    """Proposes what is unused, and lets lapse what was proposed; returns when to look again."""
    if grant.resumed_at and grant.resumed_at + AFTER_PAUSE > now:
        return [grant.resumed_at + AFTER_PAUSE]
    since, proposed = _used_since(grant, now), _proposed(grant)
    moot = {name for name, one in proposed.items() if since.get(name, now) > one.proposed_at}
    set_aside(grant, moot, now)
    waiting = {name: one for name, one in proposed.items() if name not in moot}
    over = [name for name, one in waiting.items() if one.lapses_at <= now]
    unused = {
        name: moment for name, moment in since.items() if name not in waiting and moment + UNUSED_AFTER <= now
    }
    if unused:
        propose(grant, unused, now)
    if over:
        lapse(grant, over, now)
    used = [moment + UNUSED_AFTER for moment in since.values()]
    return [*used, *(one.lapses_at for one in _proposed(grant).values())]


def _used_since(grant: Grant, now: datetime) -> dict[str, datetime]:
    """For each kind that can lapse, the last moment that speaks for it: a message, the person's yes (to all of it or,
    later, to the kind), their wish to keep it.
    """
    oldest = first_uuid7(now - UNUSED_AFTER - LONGEST_AHEAD)
    with connection.cursor() as cursor:
        cursor.execute(_LAST_SENT, [grant.id, oldest])
        sent: dict[str, datetime] = dict(cursor.fetchall())
    answers = UnusedKind.objects.filter(grant=grant, outcome=UnusedKind.Outcome.KEPT)
    kept = {one.cluster: one.decided_at or now for one in answers.order_by("decided_at")}
    allowed: dict[str, datetime] = {}
    for record in grant.records.order_by("at"):
        allowed = {name: allowed.get(name, record.at) for name in record.clusters}
    return {
        name: max([grant.authorised_at, *(found[name] for found in (sent, kept, allowed) if name in found)])
        for name in grant.clusters
        if name not in LASTING
    }


def _proposed(grant: Grant) -> dict[str, UnusedKind]:
    return {one.cluster: one for one in grant.unused.filter(decided_at=None)}
