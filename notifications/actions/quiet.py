"""When a person wants no messages. What waits already is judged anew at once."""

from dataclasses import dataclass
from datetime import time

from django.db import connection, transaction
from django.utils.translation import gettext as _

from notifications.models import Lane, QuietHours
from notifications.nudge import nudge
from notifications.quiet import QUIET, time_zones
from partners.clusters import SENDABLE, Cluster
from partners.refusals import Refused
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

MAY_WAIT = [one for one in SENDABLE if one is not Cluster.FRAUD_ALERTS]
_RELEASE = """
UPDATE notifications_delivery SET next_attempt_at = now() WHERE status = 'QUEUED' AND reason = %s
  AND grant_id IN (SELECT id FROM consents_grant WHERE person_id = %s)
"""


@dataclass(frozen=True)
class Hours:
    """From one time of day to another, past midnight where that is the earlier one, in a time zone."""

    starts: time
    ends: time
    time_zone: str
    clusters: list[str]


@transaction.atomic
def set_quiet_hours(*, hours: Hours, actor: Principal) -> None:
    """Takes the place of the person's quiet hours; raises Refused when they would never end, or hold nothing."""
    if hours.starts == hours.ends:
        raise Refused(_("The quiet hours begin and end at the same time. Choose two times."))
    if not hours.clusters or not {*hours.clusters} <= {*MAY_WAIT}:
        raise Refused(_("Choose at least one kind of message that waits. Fraud alerts always come."))
    if hours.time_zone not in time_zones():
        raise Refused(_("Choose a time zone from the list."))
    with scope(Principal.system()):
        row, _is_new = QuietHours.objects.update_or_create(
            person_id=actor.person_id, defaults=dict(vars(hours))
        )
        _judge_again(actor)
    record(Code.QUIET_HOURS_CHANGED, actor=actor, target=row, person_id=actor.person_id)


@transaction.atomic
def clear_quiet_hours(*, actor: Principal) -> None:
    """Everything comes at once again."""
    with scope(Principal.system()):
        row = QuietHours.objects.filter(person_id=actor.person_id).first()
        if row is None:
            return
        QuietHours.objects.filter(pk=row.pk).delete()
        _judge_again(actor)
    record(Code.QUIET_HOURS_CLEARED, actor=actor, target=row, person_id=actor.person_id)


def _judge_again(actor: Principal) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [QUIET, actor.person_id])
    transaction.on_commit(lambda: nudge(Lane.STANDARD))
