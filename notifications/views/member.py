"""A bank's deliveries, for its members. Neither what a message said nor whom it reached is shown here."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET

from notifications.access import deliveries_for, get_delivery_for, read_deliveries
from notifications.causes import cause_of
from notifications.models import Attempt, Delivery
from notifications.timeline import public_status, timeline
from partners.access import member_principal, require
from partners.clusters import SENDABLE, Environment
from partners.models import Partner
from portal.design.states import shown
from portal.ids import InvalidPublicId, parse_public_id, public_id
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Principal

View = Callable[..., HttpResponse]
PAGE = 50
OUTCOMES = {
    "sent": "Taken by the platform",
    "transient": "Failed for the moment",
    "throttled": "Held back",
    "permanent": "Refused",
    "unreachable": "Person not reachable",
    "gone": "Person gone",
    "sender_paused": "Page refused",
    "unknown": "No answer",
}


def deliveries_page(view: View) -> View:
    """Signed in, a member who may read deliveries, in one transaction that sees only the bank's rows."""

    @login_required
    @wraps(view)
    def page(request: HttpRequest, slug: str, **named: Any) -> HttpResponse:
        with transaction.atomic():
            principal, partner = member_principal(request.user, slug)  # type: ignore[arg-type]
            require(principal, Permission.DELIVERIES_READ)
            with scope(principal):
                return view(request, principal, partner, **named)

    return page


@require_GET
@deliveries_page
def deliveries(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """One environment at a time (live, unless asked otherwise), newest first. `?status=` and `?cluster=` narrow;
    `?before=` is the last delivery of the page before.
    """
    chosen = _chosen(request.GET)
    rows = deliveries_for(principal).filter(environment=chosen["environment"])
    if chosen["status"]:
        rows = rows.filter(status=chosen["status"])
    if chosen["cluster"]:
        rows = rows.filter(notification__cluster=chosen["cluster"])
    if before := request.GET.get("before"):
        rows = rows.filter(id__lt=_id("dlv", before))
    found = list(rows.order_by("-id")[: PAGE + 1])
    context = {
        **chosen,
        "partner": partner,
        "rows": [(one, public_status(one)) for one in read_deliveries(principal, found[:PAGE])],
        "filters": _filters(chosen),
        "is_narrowed": bool(chosen["status"] or chosen["cluster"]),
        "is_later_page": bool(before),
        "next": _next(found[PAGE - 1], chosen) if len(found) > PAGE else "",
    }
    return render(request, "notifications/member/deliveries.html", context)


def _chosen(query: QueryDict) -> dict[str, str]:
    """What is asked for; what makes no sense counts as not asked."""
    known = {
        "status": Delivery.Status.values,
        "cluster": [cluster.value for cluster in SENDABLE],
        "environment": Environment.values,
    }
    asked = {name: query.get(name, "") for name in known}
    sane = {name: asked[name] if asked[name] in values else "" for name, values in known.items()}
    return {**sane, "environment": sane["environment"] or Environment.LIVE.value}


def _filters(chosen: dict[str, str]) -> list[tuple[str, str, list[tuple[str, str]], str]]:
    """(name, label, [(value, word)], the chosen value) of each list in the filter bar."""
    statuses = [("", "Any"), *((value, str(shown(value).word)) for value in Delivery.Status.values)]
    clusters = [("", "Any"), *((cluster.value, str(cluster.label)) for cluster in SENDABLE)]
    environments = [("live", "Live"), ("sandbox", "Sandbox")]
    return [
        ("environment", "Environment", environments, chosen["environment"]),
        ("status", "Status", statuses, chosen["status"]),
        ("cluster", "Kind", clusters, chosen["cluster"]),
    ]


def _next(last: Delivery, chosen: dict[str, str]) -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in chosen.items() if value})
    query["before"] = public_id("dlv", last.id)
    return query.urlencode()


@require_GET
@deliveries_page
def delivery(request: HttpRequest, principal: Principal, partner: Partner, ntf: str) -> HttpResponse:
    """Its timeline, every attempt, and the cause of each in words."""
    (found,) = read_deliveries(principal, [get_delivery_for(principal, _id("ntf", ntf))])
    attempts = list(Attempt.objects.filter(delivery=found).order_by("id"))
    template = found.notification.template_version
    context = {
        "partner": partner,
        "delivery": found,
        "environment": found.environment,
        "state": public_status(found),
        "cause": cause_of(found.reason, found.status),
        "template": f"{template.template.name}, version {template.number} ({template.locale})",
        "moments": [_in_words(moment, found) for moment in timeline(found, attempts)],
        "attempts": [_attempt(one) for one in attempts],
    }
    return render(request, "notifications/member/delivery.html", context)


def _in_words(moment: dict[str, Any], delivery: Delivery) -> dict[str, Any]:
    if moment["event"] == "accepted":
        return {**moment, "detail": ""}
    if moment["event"] == "attempted":
        outcome = moment["detail"].partition(" ")[0]
        return {**moment, "event": "tried", "detail": OUTCOMES.get(outcome, outcome).lower()}
    return {**moment, "detail": cause_of(moment["detail"], delivery.status)}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "row": attempt,
        "outcome": OUTCOMES.get(attempt.outcome, attempt.outcome),
        "cause": "" if attempt.outcome == "sent" else cause_of(f"{attempt.outcome}:{attempt.code}"),
    }


def _id(prefix: str, text: str) -> UUID:
    try:
        return parse_public_id(prefix, text)
    except InvalidPublicId as error:
        raise Http404 from error
