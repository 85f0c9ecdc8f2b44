"""A person's connected banks, and one of them with every message it let through and why."""

from typing import NamedTuple

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import capfirst
from django.views.decorators.http import require_safe

from consents.access import get_grant_for
from consents.actions.again import can_renew
from consents.directory import sign_in_to_begin_with
from consents.models import LIVE_STATES, Grant, LinkedAccount, UnusedKind
from consents.receipts import receipts_of
from consents.route import chat_words, described, route_of
from consents.stops import latest_stops
from consents.terms import lost_kinds
from consents.views.person import grant_id, person_page, shown_state
from notifications.models import Delivery
from notifications.views.story import open_accounts, tell
from partners.models import CustomerSignIn, Partner
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.keys import find_data_key

MOST_BANKS = 200
STOPPED = {*Grant.Status.values} - {Grant.Status.PENDING, Grant.Status.ACTIVE}


@require_safe
@person_page
def home(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Live connections first, then those that have ended; each with its last message."""
    last = Delivery.objects.filter(grant=OuterRef("pk"), sent_at__isnull=False).order_by("-id")
    grants = Grant.objects.filter(person_id=principal.person_id).select_related("partner", "account")
    grants = grants.annotate(
        last_sent_at=Subquery(last.values("sent_at")[:1]),
        last_cluster=Subquery(last.values("notification__cluster")[:1]),
    )
    found = [(grant, shown_state(grant)) for grant in grants.order_by("-id")[:MOST_BANKS]]
    over = {*Grant.Status.values} - {*LIVE_STATES, Grant.Status.PENDING}
    ended = [one for one in found if one[1] in over]
    stops = latest_stops(grant.id for grant, _ in ended)
    context = {
        "live": [one for one in found if one[1] not in over],
        "ended": [(grant, state, stops.get(grant.id)) for grant, state in ended],
    }
    return render(request, "consents/person/home.html", context)


@require_safe
@person_page
def grant(request: HttpRequest, principal: Principal, grt: str) -> HttpResponse:
    """What is shared, until when, and its story with the reason for each message; `?before=` turns the page."""
    found = get_grant_for(principal, grant_id(grt))
    key = find_data_key(found.partner_id, found.person_id)
    state = shown_state(found)
    story = tell(principal, found, key, request.GET.get("before", ""))
    context = {
        "grant": found,
        "state": state,
        "can_be_stopped": found.is_open,
        "begin": None if found.is_open else _way_back(found),
        "can_renew": can_renew(found),
        "lost": lost_kinds(found),
        "bank_cannot_send": _cannot_send(found.partner, found.environment),
        "unused": _unused(found),
        "accounts": open_accounts(found, key),
        "chats": _chats(found),
        "environment": found.environment,
        "receipts": list(receipts_of(found)),
        "measured": latest_stops([found.id]).get(found.id) if found.status in STOPPED else None,
        "entries": story.entries,
        "next": story.next,
    }
    return render(request, "notifications/person/grant.html", context)


class _Place(NamedTuple):
    """A chat of the connection as its page shows it, with what its buttons post: the order that each leads to."""

    words: str
    is_suspended: bool
    up: str
    down: str
    without: str


def _chats(grant: Grant) -> list[_Place]:
    with scope(Principal.system()):
        found = route_of(grant)
        words = chat_words(described(found))
    names = [public_id("lac", one.id) for one in found]
    return [
        _Place(
            capfirst(words[place]),
            one.status == LinkedAccount.Status.SUSPENDED,
            _moved(names, place - 1),
            _moved(names, place),
            ",".join([*names[:place], *names[place + 1 :]]),
        )
        for place, one in enumerate(found)
    ]


def _moved(names: list[str], place: int) -> str:
    """With the one at `place` and the next changed over; "" where there are no such two."""
    if not 0 <= place < len(names) - 1:
        return ""
    return ",".join([*names[:place], names[place + 1], names[place], *names[place + 2 :]])


def _unused(grant: Grant) -> list[UnusedKind]:
    """What ends by itself unless the person keeps it; nothing that has been used or allowed anew since."""
    proposed = grant.unused.filter(decided_at=None, cluster__in=grant.clusters)
    rows = list(proposed.filter(proposed_at__gt=grant.authorised_at).order_by("lapses_at", "cluster"))
    if not rows or not grant.is_open:
        return []
    sent = Delivery.objects.filter(grant=grant, sent_at__gt=min(one.proposed_at for one in rows))
    used = set(sent.values_list("notification__cluster", flat=True))
    return [one for one in rows if one.cluster not in used]


def _way_back(grant: Grant) -> CustomerSignIn | None:
    """Where somebody whose connection has ended can begin again, if the bank lets people begin."""
    with scope(Principal.system()):
        return sign_in_to_begin_with(grant.partner, grant.environment)


def _cannot_send(partner: Partner, environment: str) -> bool:
    return environment == "live" and partner.status != Partner.Status.ACTIVE
