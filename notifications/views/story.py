"""A connection's story, newest first: its messages, and what was decided about it."""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consents.models import Grant
from consents.records import granted_accounts
from notifications.access import deliveries_for
from notifications.message import render_with
from notifications.models import Delivery, Notification
from notifications.timeline import public_status
from portal.audit.codes import Code
from portal.audit.models import AuditEvent
from portal.ids import InvalidPublicId, parse_public_id, public_id
from portal.tenancy.principal import Kind, Principal
from portal.vault.crypto import CannotOpen, DataKeyMaterial

PAGE = 25
DECISIONS: dict[str, tuple[str, str | Promise]] = {
    Code.CONSENT_GIVEN: ("circle-check", _("You allowed these messages")),
    Code.CONSENT_PAUSED: ("circle-pause", _("You paused messages")),
    Code.CONSENT_RESUMED: ("circle-play", _("You resumed messages")),
    Code.CONSENT_RECONFIRMED: ("circle-check", _("You confirmed your choice")),
    Code.CONSENT_AMENDED: ("circle-check", _("You agreed to something new")),
    Code.CONSENT_NARROWED: ("circle-minus", _("You took something out of what you allow")),
    Code.CONSENT_REROUTED: ("repeat-2", _("The chats that messages arrive in were changed")),
    Code.CONSENT_WARNED: ("calendar-clock", _("You were told in time")),
    Code.CONSENT_UNUSED: ("clock", _("You were told of what is not used")),
    Code.CONSENT_KEPT: ("circle-check", _("You kept what was not used")),
    Code.CONSENT_LAPSED: ("circle-minus", _("What was not used ended by itself")),
    Code.CONSENT_AMENDMENT_DECLINED: ("circle-x", _("You kept your terms as they were")),
    Code.CONSENT_REVOKED: ("unplug", _("You disconnected")),
}
NOTES: dict[str, Any] = {
    "SCHEDULED": _("Your bank has set a time for it."),
    "FAILED": _("It did not reach you: the messenger did not take it."),
    "EXPIRED": _("It could not be sent in time, so it was not sent at all."),
    "WITHDRAWN": _("It was not sent."),
    "CANCELLED": _("Your bank took it back before it was sent."),
    "UNCONFIRMED": _("It was handed over, but the messenger never said whether it arrived."),
    "grant_paused": _("It was not sent, because you had paused messages."),
    "grant_ended": _("It was not sent, because the connection had ended."),
}


class Message(NamedTuple):
    """A message, its state, its text ("" once erased) and what a person may want to know of the state."""

    at: datetime
    delivery: Delivery
    state: str
    text: str
    note: str


class Decision(NamedTuple):
    """Something that was decided about the connection, by whom, and what it did."""

    at: datetime
    icon: str
    text: str
    withdrawn: int


class Story(NamedTuple):
    """One page of it; `next` is the query of the page after, "" on the last."""

    entries: list[Message | Decision]
    next: str


def tell(principal: Principal, grant: Grant, key: DataKeyMaterial | None, before: str) -> Story:
    """The page after the delivery `before` ("" for the newest); raises Http404 when that is no delivery's id."""
    newest = delivery_id(before) if before else None
    found = list(_deliveries(principal, grant, newest)[: PAGE + 1])
    shown, has_more = found[:PAGE], len(found) > PAGE
    oldest = shown[-1].id if has_more else None
    entries: list[Message | Decision] = [message_of(one, key) for one in shown]
    entries += _decisions(grant, after=oldest, until=newest)
    entries.sort(key=lambda one: one.at, reverse=True)
    return Story(entries, f"before={public_id('dlv', oldest)}" if oldest else "")


def _deliveries(principal: Principal, grant: Grant, newest: UUID | None) -> QuerySet[Delivery]:
    rows = deliveries_for(principal).filter(grant=grant)
    if newest is not None:
        rows = rows.filter(id__lt=newest)
    return rows.select_related("notification__record", "notification__template_version__template").order_by(
        "-id"
    )


def _decisions(grant: Grant, *, after: UUID | None, until: UUID | None) -> list[Decision]:
    """Those that fall into the page, whose bounds are ids of deliveries."""
    events = AuditEvent.objects.filter(person_id=grant.person_id, target_id=grant.id, code__in=DECISIONS)
    if after is not None:
        events = events.filter(at__gt=_made_at(after))
    if until is not None:
        events = events.filter(at__lte=_made_at(until))
    return [_decision(event, grant) for event in events.order_by("-id")]


def _decision(event: AuditEvent, grant: Grant) -> Decision:
    icon, words = DECISIONS[event.code]
    text = str(words)
    if event.code == Code.CONSENT_REVOKED and event.actor_kind != Kind.PERSON:
        who = {Kind.CLIENT: grant.partner.name, Kind.STAFF: "Parley"}.get(Kind(event.actor_kind))
        text = str(
            _("{who} ended the connection").format(who=who) if who else _("The connection ended by itself")
        )
    return Decision(event.at, icon, text, event.data.get("withdrawn", 0))


def message_of(delivery: Delivery, key: DataKeyMaterial | None) -> Message:
    """As its person is shown it; `key` is its bank's and theirs."""
    state = public_status(delivery)
    note = NOTES.get(delivery.reason) or NOTES.get(state, "")
    if delivery.place and delivery.sent_at and not note:
        note = _elsewhere(delivery.place)
    text = _text(delivery.notification, key)
    return Message(delivery.notification.created_at, delivery, state, text, str(note))


def _elsewhere(place: int) -> str:
    if place == 1:
        return gettext("It was sent to your second chat, because the first could not be reached.")
    text = gettext(
        "It was sent to chat {number} of your order, because those before it could not be reached."
    )
    return text.format(number=place + 1)


def _text(notification: Notification, key: DataKeyMaterial | None) -> str:
    try:
        return render_with(key, notification, notification.record) if key else ""
    except CannotOpen:  # sealed under an earlier key
        return ""


def open_accounts(grant: Grant, key: DataKeyMaterial | None) -> list[dict[str, str]]:
    """The grant's accounts; none once they were erased."""
    try:
        return granted_accounts(grant, key) if key else []
    except CannotOpen:
        return []


def delivery_id(text: str) -> UUID:
    """From an address or a query; raises Http404."""
    try:
        return parse_public_id("dlv", text)
    except InvalidPublicId as error:
        raise Http404 from error


def _made_at(identifier: UUID) -> datetime:
    """The moment in a UUIDv7, to the millisecond."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)
