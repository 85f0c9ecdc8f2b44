"""A bank's deliveries, for its members."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET

from notifications.access import deliveries_for, get_delivery_for
from notifications.models import Attempt, Delivery
from notifications.timeline import public_status, timeline
from partners.access import member_principal, require
from partners.models import Partner
from portal.ids import InvalidPublicId, parse_public_id, public_id
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Principal

View = Callable[..., HttpResponse]
PAGE = 50


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
    """Newest first, `?status=` narrows, `?before=` is the last id of the page before."""
    rows = deliveries_for(principal)
    status = request.GET.get("status", "")
    if status in Delivery.Status.values:
        rows = rows.filter(status=status)
    if before := request.GET.get("before"):
        rows = rows.filter(notification_id__lt=_notification_id(before))
    found = list(rows.order_by("-notification_id")[: PAGE + 1])
    context = {
        "partner": partner,
        "rows": [(delivery, public_status(delivery)) for delivery in found[:PAGE]],
        "status": status,
        "statuses": Delivery.Status.values,
        "next": _next(found[PAGE - 1], status) if len(found) > PAGE else "",
    }
    return render(request, "notifications/member/deliveries.html", context)


@require_GET
@deliveries_page
def delivery(request: HttpRequest, principal: Principal, partner: Partner, ntf: str) -> HttpResponse:
    """Its timeline and every attempt."""
    found = get_delivery_for(principal, _notification_id(ntf))
    attempts = list(Attempt.objects.filter(delivery=found).order_by("id"))
    context = {
        "partner": partner,
        "delivery": found,
        "environment": found.environment,
        "status": public_status(found),
        "moments": timeline(found, attempts),
        "attempts": attempts,
    }
    return render(request, "notifications/member/delivery.html", context)


def _notification_id(text: str) -> UUID:
    try:
        return parse_public_id("ntf", text)
    except InvalidPublicId as error:
        raise Http404 from error


def _next(last: Delivery, status: str) -> str:
    query = QueryDict(mutable=True)
    query["before"] = public_id("ntf", last.notification_id)
    if status:
        query["status"] = status
    return query.urlencode()
