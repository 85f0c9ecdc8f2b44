"""Empties messages once they were kept as long as was promised: what they said goes; that they were sent, when, of
which kind and what became of them stays.

A message was promised by two: the consent that allowed it, and the agreement under which it was accepted. The
shorter counts. Each bank's deliveries are walked by their ids, which are their times, once for each number of days
that the bank ever promised; a part and how far it has come are one transaction.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from consents.records import SANDBOX_RETENTION_DAYS
from notifications.models import Retention
from partners.clusters import Environment
from partners.models import AgreementVersion, Partner
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import first_uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

PART = 1_000
SYSTEM = Principal.system()
_FIRST = UUID(int=0)
_EVER_IN_FORCE = (
    AgreementVersion.Status.FINALIZED,
    AgreementVersion.Status.SUPERSEDED,
    AgreementVersion.Status.TERMINATED,
)
_EMPTY = """
WITH walked AS MATERIALIZED (
    SELECT id, notification_id FROM notifications_delivery
    WHERE partner_id = %(partner)s AND environment = %(environment)s AND id > %(after)s AND id < %(before)s
    ORDER BY id LIMIT %(most)s
), emptied AS (
    UPDATE notifications_notification n SET data = '' FROM walked
    WHERE n.id = walked.notification_id AND n.data <> '' AND least(
        (SELECT retention_days FROM consents_consentrecord WHERE id = n.record_id),
        (SELECT retention_days FROM partners_agreementversion WHERE id = n.agreement_version_id)) <= %(days)s
    RETURNING n.id
)
SELECT count(*), (SELECT id FROM walked ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM emptied) FROM walked
"""


def partners_with_messages() -> list[UUID]:
    """All banks, the one that was looked at longest ago first."""
    with scope(SYSTEM), transaction.atomic():
        banks = Partner.objects.order_by("retention__worked_at", "id")
        return list(banks.values_list("id", flat=True))


@transaction.atomic
def empty_messages(*, partner_id: UUID) -> int:
    """The next part of a bank's messages that are past their time; returns how many were looked at, 0 when there are
    no more, or another worker is at them.
    """
    with scope(SYSTEM):
        Retention.objects.bulk_create([Retention(partner_id=partner_id)], ignore_conflicts=True)
        place = Retention.objects.select_for_update(skip_locked=True).filter(pk=partner_id).first()
        if place is None:
            return 0
        now, walked = timezone.now(), 0
        _close_day(place, now)
        for environment, days in _promises(partner_id):
            walked += _walk(place, environment, days, now)
        place.worked_at = now
        place.done_at = now if walked == 0 else place.done_at
        place.save()
    return walked


def _close_day(place: Retention, now: datetime) -> None:
    """One event tells how many a day emptied."""
    if place.day == now.date():
        return
    if place.emptied:
        data = {"day": place.day.isoformat(), "messages": place.emptied}
        target = Partner(pk=place.partner_id)
        record(
            Code.NOTIFICATION_DATA_DESTROYED,
            actor=SYSTEM,
            target=target,
            partner_id=place.partner_id,
            data=data,
        )
    place.day, place.emptied = now.date(), 0


def _promises(partner_id: UUID) -> list[tuple[str, int]]:
    promised = AgreementVersion.objects.filter(partner_id=partner_id, status__in=_EVER_IN_FORCE)
    live = promised.order_by("retention_days").values_list("retention_days", flat=True).distinct()
    return [(Environment.SANDBOX, SANDBOX_RETENTION_DAYS), *((Environment.LIVE, days) for days in live)]


def _walk(place: Retention, environment: str, days: int, now: datetime) -> int:
    name = f"{environment}:{days}"
    values = {
        "partner": place.partner_id,
        "environment": environment,
        "after": place.places.get(name, _FIRST),
        "before": first_uuid7(now - timedelta(days=days)),
        "days": days,
        "most": PART,
    }
    with connection.cursor() as cursor:
        cursor.execute(_EMPTY, values)
        walked, last, emptied = cursor.fetchone()
    if walked:
        place.places[name] = last.hex
    place.emptied += emptied
    return walked
