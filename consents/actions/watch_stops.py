"""Watching whether banks confirm what people stop. A bank that has not within a minute, or that we
cannot even tell, is brought to our operators.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from consents.models import Grant, GrantStop
from consents.stops import FIRST_LOOK
from partners.clusters import Environment
from partners.models import Partner
from partners.webhooks.actions.emit import ENDED
from partners.webhooks.actions.forget import KEPT
from partners.webhooks.confirmations import Told, environments_with_address, told_by
from portal.accounts.models import User
from portal.audit.codes import Code
from portal.audit.record import record
from portal.mail.outbox import queue_mails
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

BATCH = 500
PATIENCE = timedelta(seconds=60)
RAREST_LOOK = timedelta(hours=1)
MAIL_EVERY = timedelta(hours=1)  # about one bank
SYSTEM = Principal.system()


def watch_stops() -> int:
    """Looks at what is due, bank by bank; returns how many stops our operators were told of."""
    due = GrantStop.objects.filter(look_at__lte=timezone.now())
    with scope(SYSTEM), transaction.atomic():
        banks = list(due.order_by("partner_id").values_list("partner_id", flat=True).distinct())
    return sum(_look(partner_id) for partner_id in banks)


@transaction.atomic
def _look(partner_id: UUID) -> int:
    with scope(SYSTEM):
        partner = Partner.objects.select_for_update(no_key=True).get(pk=partner_id)
        now = timezone.now()
        due = GrantStop.objects.filter(partner=partner, look_at__lte=now).order_by("look_at")
        stops = list(due.select_for_update()[:BATCH])
        told = told_by(stop.message_id for stop in stops)
        reachable = environments_with_address(partner_id)
        late = [stop for stop in stops if _judge(stop, told.get(stop.message_id), partner, reachable, now)]
        if late:
            _alert(partner, late, now)
        GrantStop.objects.bulk_update(
            stops, ["message_id", "confirmed_at", "look_at", "alerted_at", "mailed_at"]
        )
    return len(late)


def _judge(stop: GrantStop, told: Told | None, partner: Partner, reachable: set[str], now: datetime) -> bool:
    """Notes what is known, and when to look again; whether it is late, and nobody was told so yet. What went to no
    address of the bank's own is looked at until the bank has one: then it is told of the next, and has to ask for this.
    """
    age = now - stop.stopped_at
    stop.look_at = None
    if age > KEPT or partner.status in ENDED:
        return False
    stop.message_id = stop.message_id if told else None
    stop.confirmed_at = told.confirmed_at if told else None
    if stop.confirmed_at or (told is None and stop.environment in reachable):
        return False
    stop.look_at = now + min(max(age / 4, FIRST_LOOK), RAREST_LOOK)
    if age < PATIENCE:
        stop.look_at = min(stop.look_at, stop.stopped_at + PATIENCE)
        return False
    return stop.alerted_at is None and stop.environment == Environment.LIVE


def _alert(partner: Partner, late: list[GrantStop], now: datetime) -> None:
    for stop in late:
        stop.alerted_at = now
        record(
            Code.CONSENT_STOP_UNCONFIRMED,
            actor=SYSTEM,
            target=Grant(pk=stop.grant_id),
            partner_id=partner.id,
            person_id=stop.person_id,
            data={"event": stop.event},
        )
    if not GrantStop.objects.filter(partner=partner, mailed_at__gt=now - MAIL_EVERY).exists():
        late[0].mailed_at = now
        _mail(partner, late)


def _mail(partner: Partner, late: list[GrantStop]) -> None:
    operators = User.objects.filter(staff_role=User.StaffRole.OPERATOR, is_active=True).order_by("pk")
    context = {
        "partner": partner.name,
        "count": len(late),
        "nowhere": sum(stop.message_id is None for stop in late),
        "seconds": round(PATIENCE.total_seconds()),
        "page": f"{settings.BASE_URL}{reverse('staff-stops')}",
    }
    to = [(user.email, user.locale) for user in operators]
    queue_mails(to=to, template="consents/stop_unconfirmed", context=context)
