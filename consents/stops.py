"""Stops, measured: when a grant was stopped here, and when its bank confirmed that it knows."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Count
from django.utils import timezone

from consents.models import Grant, GrantStop
from partners.outgoing import Stopped
from partners.webhooks import EventType
from partners.webhooks.actions.forget import KEPT
from partners.webhooks.confirmations import Told, told_by
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

FIRST_LOOK = timedelta(seconds=5)
CONFIRMED, WAITING, NOWHERE, BY_BANK = "confirmed", "waiting", "nowhere", "by_bank"
NO_ADDRESS = "The bank has no address to be told at"
# How long a page goes on asking by itself
WATCHED = timedelta(minutes=10)

_FIGURES = """
SELECT p.name, p.slug, count(*), count(s.confirmed_at), count(*) FILTER (WHERE s.message_id IS NULL),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM s.confirmed_at - s.stopped_at)),
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM s.confirmed_at - s.stopped_at))
FROM consents_grantstop s JOIN partners_partner p ON p.id = s.partner_id
WHERE s.stopped_at > now() - interval '30 days' AND s.environment = 'live' AND s.by <> 'client'
GROUP BY p.id, p.name, p.slug ORDER BY 7 DESC NULLS FIRST, p.name
"""


class Measured(NamedTuple):
    """A stop and what is known of it: CONFIRMED, WAITING for the bank's word, NOWHERE to tell it, or BY_BANK itself."""

    stop: GrantStop
    state: str
    confirmed_at: datetime | None

    @property
    def is_watched(self) -> bool:
        """Its page may still change by itself."""
        return self.state == WAITING and timezone.now() < self.stop.stopped_at + WATCHED


class Late(NamedTuple):
    """A bank that has not confirmed `stops` in time; tries and answer are those of the oldest, of `since`."""

    bank: str
    slug: str
    stops: int
    since: datetime
    tries: int
    answer: str


class Figures(NamedTuple):
    """A bank's stops in the live environment over 30 days, without its own; the quantiles are of those it confirmed,
    in seconds, None where there are none.
    """

    bank: str
    slug: str
    stops: int
    confirmed: int
    nowhere: int
    p50: float | None
    p95: float | None


def note_stop(
    grant: Grant, event: EventType, stopped: Stopped, *, by: Kind, message_id: UUID | None
) -> GrantStop:
    """Writes it down as the very last thing before the commit, whose time it tells."""
    now, must_know = timezone.now(), by is not Kind.CLIENT
    with scope(Principal.system()):
        return GrantStop.objects.create(
            partner_id=grant.partner_id,
            environment=grant.environment,
            person_id=grant.person_id,
            grant=grant,
            event=event.value,
            by=by.value,
            withdrawn=stopped.withdrawn,
            handed_over=stopped.handed_over,
            message_id=message_id if must_know else None,
            stopped_at=now,
            look_at=now + FIRST_LOOK if must_know else None,
        )


def latest_stops(grant_ids: Iterable[UUID]) -> dict[UUID, Measured]:
    """By grant, the last time it was stopped, as whoever asks may see it; two queries."""
    rows = (
        GrantStop.objects.filter(grant_id__in=list(grant_ids))
        .order_by("grant_id", "-id")
        .distinct("grant_id")
    )
    stops = list(rows)
    with scope(Principal.system()):
        told = told_by(one.message_id for one in stops if not one.confirmed_at)
    return {stop.grant_id: _measure(stop, told) for stop in stops}


def _measure(stop: GrantStop, told: dict[UUID | None, Told]) -> Measured:
    if stop.by == Kind.CLIENT:
        return Measured(stop, BY_BANK, None)
    if stop.confirmed_at:
        return Measured(stop, CONFIRMED, stop.confirmed_at)
    found = told.get(stop.message_id)
    if found is None:
        is_forgotten = stop.message_id is not None and stop.stopped_at < timezone.now() - KEPT
        return Measured(stop, WAITING if is_forgotten else NOWHERE, None)
    return Measured(stop, CONFIRMED if found.confirmed_at else WAITING, found.confirmed_at)


def late_banks() -> list[Late]:
    """The longest silence first."""
    late = GrantStop.objects.filter(alerted_at__isnull=False, look_at__isnull=False)
    counts = dict(late.values_list("partner_id").annotate(Count("id")))
    oldest = late.order_by("partner_id", "stopped_at").distinct("partner_id").select_related("partner")
    stops = sorted(oldest, key=lambda stop: stop.stopped_at)
    with scope(Principal.system()):
        told = told_by(stop.message_id for stop in stops)
    return [_late(stop, counts[stop.partner_id], told.get(stop.message_id)) for stop in stops]


def _late(stop: GrantStop, count: int, told: Told | None) -> Late:
    tries, answer = (told.tries, told.answer) if told else (0, NO_ADDRESS)
    return Late(stop.partner.name, stop.partner.slug, count, stop.stopped_at, tries, answer)


def figures() -> list[Figures]:
    """Of each bank that people have stopped, the slowest first."""
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES)
        return [Figures(*row) for row in cursor.fetchall()]
