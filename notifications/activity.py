"""Who did what about a person, when and why: their messages, all that the trail holds of them, and what their banks
read of them.

These are three lists, each read by its own index; a page is merged from all, newest first.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consents.models import Grant, Reading
from notifications.access import deliveries_for
from notifications.models import Delivery
from notifications.views.story import Message, message_of
from partners.clusters import Cluster
from partners.models import Partner
from portal.audit.codes import Code
from portal.audit.models import AuditEvent
from portal.ids import first_uuid7
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Kind, Principal
from portal.vault.keys import find_data_keys

PAGE = 25
MESSAGES, OWN, OTHERS, READINGS = "messages", "own", "others", "readings"
# What the messages themselves tell
OF_MESSAGES = (Code.NOTIFICATION_ACCEPTED, Code.NOTIFICATION_CANCELLED, Code.NOTIFICATION_REQUEUED)
WORDS: dict[str, tuple[str, str | Promise]] = {
    Code.CONSENT_GIVEN: ("circle-check", gettext_lazy("Allowed messages")),
    Code.CONSENT_PAUSED: ("circle-pause", gettext_lazy("Paused messages")),
    Code.CONSENT_RESUMED: ("circle-play", gettext_lazy("Resumed messages")),
    Code.CONSENT_RECONFIRMED: ("circle-check", gettext_lazy("Confirmed that messages may come")),
    Code.CONSENT_ASKED: ("circle-alert", gettext_lazy("Asked about new terms of the bank")),
    Code.CONSENT_AMENDED: ("circle-check", gettext_lazy("Agreed to more, or for longer")),
    Code.CONSENT_NARROWED: ("circle-minus", gettext_lazy("Took something out of what is allowed")),
    Code.CONSENT_REROUTED: ("repeat-2", gettext_lazy("Changed the chats that messages arrive in")),
    Code.CONSENT_AMENDMENT_DECLINED: ("circle-x", gettext_lazy("Kept the terms as they were")),
    Code.CONSENT_WARNED: ("calendar-clock", gettext_lazy("Told of an end, or of a yes that is due")),
    Code.CONSENT_UNUSED: ("clock", gettext_lazy("Told of what is not used")),
    Code.CONSENT_KEPT: ("circle-check", gettext_lazy("Kept what was not used")),
    Code.CONSENT_LAPSED: ("circle-minus", gettext_lazy("Ended what was not used")),
    Code.CONSENT_REVOKED: ("unplug", gettext_lazy("Ended the connection")),
    Code.CONSENT_SHORTENED: (
        "calendar-clock",
        gettext_lazy("Brought the end forward, to what the agreement allows"),
    ),
    Code.CONSENT_STOP_UNCONFIRMED: (
        "circle-alert",
        gettext_lazy("Looked into a stop that the bank has not confirmed"),
    ),
    Code.GRANT_REQUEST_CREATED: ("circle-question-mark", gettext_lazy("Began a request")),
    Code.GRANT_REQUEST_OPENED: ("eye", gettext_lazy("Opened a request")),
    Code.GRANT_REQUEST_DECLINED: ("circle-x", gettext_lazy("Declined a request")),
    Code.GRANT_REQUEST_REFUSED: ("ban", gettext_lazy("Was refused a request that did not hold")),
    Code.CUSTOMER_SIGN_IN_USED: ("log-in", gettext_lazy("Signed in at the bank")),
    Code.CUSTOMER_SIGN_IN_REFUSED: ("ban", gettext_lazy("Did not get through at the bank’s sign-in")),
    Code.PERSON_ERASED: ("eraser", gettext_lazy("Erased the account")),
    Code.ACCOUNT_LINKED: ("link", gettext_lazy("Linked a chat")),
    Code.ACCOUNT_UNLINKED: ("unlink", gettext_lazy("Unlinked a chat")),
    Code.QUIET_HOURS_CHANGED: ("moon", gettext_lazy("Set quiet hours")),
    Code.QUIET_HOURS_CLEARED: ("sun", gettext_lazy("Switched quiet hours off")),
    Code.PERSON_DATA_EXPORTED: ("download", gettext_lazy("Took a copy of everything")),
    Code.DISCREET_MODE_CHANGED: ("eye-off", gettext_lazy("Changed the discreet mode")),
    Code.COMPLAINT_LODGED: ("message-circle", gettext_lazy("Complained")),
    Code.COMPLAINT_CONTINUED: ("message-circle", gettext_lazy("Wrote more to a complaint")),
    Code.COMPLAINT_OPENED: ("eye", gettext_lazy("Read a complaint")),
    Code.COMPLAINT_ANSWERED: ("message-circle", gettext_lazy("Answered a complaint")),
    Code.COMPLAINT_CLOSED: ("circle-check", gettext_lazy("Closed a complaint")),
    Code.NOTIFICATION_ACCEPTED: ("send", gettext_lazy("Asked for a message to be sent")),
    Code.NOTIFICATION_CANCELLED: ("undo-2", gettext_lazy("Took a message back")),
    Code.NOTIFICATION_REQUEUED: ("send", gettext_lazy("Asked for a message to be sent again")),
}
# What was read, what for, and by which right
READ: dict[str, tuple[str | Promise, str | Promise, str]] = {
    Reading.Kind.GRANT: (
        gettext_lazy("Looked up what you allow"),
        gettext_lazy("To know what it may send you"),
        "grants:read",
    ),
    Reading.Kind.REQUEST: (
        gettext_lazy("Looked up what you decided"),
        gettext_lazy("To know whether you allow messages"),
        "grants:read",
    ),
    Reading.Kind.MESSAGES: (
        gettext_lazy("Looked up what became of its messages"),
        gettext_lazy("To know whether they reached you, and when you read them"),
        "notifications:read",
    ),
}
_NEWEST = """
SELECT x.id FROM unnest(%(grants)s::uuid[]) AS g(id) CROSS JOIN LATERAL (
    SELECT d.id FROM notifications_delivery d
    WHERE d.grant_id = g.id AND d.id < %(below)s AND d.id >= %(from)s AND (%(cluster)s = '' OR EXISTS (
        SELECT FROM notifications_notification n WHERE n.id = d.notification_id AND n.cluster = %(cluster)s))
    ORDER BY d.id DESC LIMIT %(most)s
) x ORDER BY x.id DESC LIMIT %(most)s
"""


class Place(NamedTuple):
    """Where a page ends in each of the three lists."""

    delivery: UUID = UUID(int=2**128 - 1)
    event: int = 2**63 - 1
    reading: UUID = UUID(int=2**128 - 1)

    @classmethod
    def read(cls, text: str) -> "Place":
        """From a query; raises Http404 where it is none."""
        if not text:
            return cls()
        try:
            delivery, event, reading = text.split(".")
            return cls(UUID(hex=delivery), min(int(event), 2**63 - 1), UUID(hex=reading))
        except ValueError as error:
            raise Http404 from error

    def __str__(self) -> str:
        return f"{self.delivery.hex}.{self.event}.{self.reading.hex}"


@dataclass(frozen=True)
class Asked:
    """What the person wants to see: of one bank, of one kind, between two days; empty is all."""

    bank: str = ""
    kind: str = ""
    since: date | None = None
    until: date | None = None


class Happening(NamedTuple):
    """An event of the trail: who did what, at which bank."""

    at: datetime
    id: int
    icon: str
    who: str
    what: str
    bank: str
    withdrawn: int


class Lookup(NamedTuple):
    """What a bank read of them on one day, from the first time to the last."""

    at: datetime
    id: UUID
    who: str
    what: str
    why: str
    scope: str
    bank: str
    grant: UUID
    times: int
    last_at: datetime
    icon: str = "eye"


Entry = Message | Happening | Lookup


@dataclass
class View:
    """A person's activity as they want to see it."""

    principal: Principal
    asked: Asked
    banks: dict[UUID, Partner]

    def page(self, before: Place, most: int = PAGE) -> tuple[list[Entry], Place | None]:
        """The entries before a place, and the place where the next page begins; None on the last."""
        lists: list[list[Entry]] = [
            [*self._messages(before, most)],
            [*self._happenings(before, most)],
            [*self._lookups(before, most)],
        ]
        shown = list(islice(heapq.merge(*lists, key=lambda one: one.at, reverse=True), most))
        if sum(map(len, lists)) <= most:
            return shown, None
        seen_messages = [one.delivery.id for one in shown if isinstance(one, Message)]
        seen_events = [one.id for one in shown if isinstance(one, Happening)]
        seen_lookups = [one.id for one in shown if isinstance(one, Lookup)]
        return shown, Place(
            (seen_messages or [before.delivery])[-1],
            (seen_events or [before.event])[-1],
            (seen_lookups or [before.reading])[-1],
        )

    def all(self, most: int) -> Iterator[list[Entry]]:
        """Page after page."""
        place: Place | None = Place()
        while place is not None:
            entries, place = self.page(place, most)
            yield entries

    def _messages(self, before: Place, most: int) -> list[Message]:
        if self.asked.kind in (OWN, OTHERS, READINGS):
            return []
        values: dict[str, Any] = {
            "grants": list(self._grants().values_list("id", flat=True)),
            "below": min(before.delivery, self._first_after()),
            "from": self._first(),
            "cluster": self.asked.kind if self.asked.kind in Cluster.values else "",
            "most": most + 1,
        }
        with connection.cursor() as cursor:
            cursor.execute(_NEWEST, values)
            ids = [one for (one,) in cursor.fetchall()]
        keys = find_data_keys(self.principal.person_id) if ids else {}
        return [message_of(one, keys.get(one.partner_id)) for one in self._rows(ids)]

    def _grants(self) -> QuerySet[Grant]:
        grants = Grant.objects.filter(person_id=self.principal.person_id)
        return grants.filter(partner_id__in=self._of_bank()) if self.asked.bank else grants

    def _rows(self, ids: list[UUID]) -> QuerySet[Delivery] | list[Delivery]:
        if not ids:
            return []
        rows = deliveries_for(self.principal).filter(id__in=ids).order_by("-id")
        return rows.select_related(
            "notification__record",
            "notification__template_version__template",
            "grant__partner",
            "grant__account",
        )

    def _first(self) -> UUID:
        return first_uuid7(_begins(self.asked.since)) if self.asked.since else UUID(int=0)

    def _first_after(self) -> UUID:
        day = self.asked.until
        return first_uuid7(_begins(day + timedelta(days=1))) if day else Place().delivery

    def _happenings(self, before: Place, most: int) -> list[Happening]:
        if self.asked.kind in (MESSAGES, READINGS, *Cluster.values):
            return []
        rows = AuditEvent.objects.filter(person_id=self.principal.person_id, id__lt=before.event)
        rows = rows.exclude(code__in=OF_MESSAGES).filter(self._wanted())
        return [self._happening(one) for one in rows.order_by("-id")[: most + 1]]

    def _wanted(self) -> Q:
        asked, wanted = self.asked, Q()
        if asked.bank:
            wanted &= Q(partner_id__in=self._of_bank())
        if asked.kind in (OWN, OTHERS):
            is_own = Q(actor_kind=Kind.PERSON.value)
            wanted &= is_own if asked.kind == OWN else ~is_own
        if asked.since:
            wanted &= Q(at__gte=_begins(asked.since))
        if asked.until:
            wanted &= Q(at__lt=_begins(asked.until + timedelta(days=1)))
        return wanted

    def _lookups(self, before: Place, most: int) -> list[Lookup]:
        asked = self.asked
        if asked.kind in (MESSAGES, OWN, *Cluster.values):
            return []
        rows = Reading.objects.filter(person_id=self.principal.person_id, id__lt=before.reading)
        if asked.bank:
            rows = rows.filter(partner_id__in=self._of_bank())
        if asked.since:
            rows = rows.filter(first_at__gte=_begins(asked.since))
        if asked.until:
            rows = rows.filter(first_at__lt=_begins(asked.until + timedelta(days=1)))
        return [
            lookup_of(one, self.banks[one.partner_id].name if one.partner_id in self.banks else "")
            for one in rows.order_by("-id")[: most + 1]
        ]

    def _of_bank(self) -> list[UUID]:
        return [one.id for one in self.banks.values() if one.slug == self.asked.bank]

    def _happening(self, event: AuditEvent) -> Happening:
        bank = self.banks[event.partner_id].name if event.partner_id in self.banks else ""
        withdrawn = event.data.get("withdrawn", 0)
        icon, what = in_words(event)
        return Happening(event.at, event.id, icon, who_did(event, bank), what, bank, withdrawn)


def banks_of(principal: Principal) -> dict[UUID, Partner]:
    """Those the person is or was connected or linked with."""
    own = Q(grant__person_id=principal.person_id) | Q(linkedaccount__person_id=principal.person_id)
    return {one.id: one for one in Partner.objects.filter(own).distinct().order_by("name")}


def in_words(event: AuditEvent) -> tuple[str, str]:
    """An icon, and what was done."""
    icon, what = WORDS.get(event.code, ("circle", event.code))
    return icon, str(what)


def who_did(event: AuditEvent, bank: str) -> str:
    """Who did it, to the person."""
    if event.actor_kind == Kind.PERSON:
        return _("You")
    if event.actor_kind == Kind.STAFF:
        return _("Parley’s staff")
    return bank if event.actor_kind in (Kind.CLIENT, Kind.MEMBER) and bank else _("Parley, by itself")


def lookup_of(reading: Reading, bank: str) -> Lookup:
    """Who read what, to the person. A bank's program is named; who of its team it was, the bank knows."""
    what, why, scope = READ[reading.kind]
    if reading.actor_kind == Kind.CLIENT:
        who = _("{bank}, by its program “{name}”").format(bank=bank, name=reading.actor_name)
    else:
        who, scope = _("{bank}, somebody of its team").format(bank=bank), Permission.DELIVERIES_READ.value
    return Lookup(
        reading.first_at, reading.id, who, str(what), str(why), scope, bank, reading.grant_id, reading.times,
        reading.last_at,
    )  # fmt: skip


def _begins(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
