"""Stopping everything, and how a stop went."""

from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from consents.access import get_grant_for, person_principal
from consents.actions.stop_everything import stop_everything
from consents.models import Grant
from consents.stops import WAITING, latest_stops
from consents.views.person import grant_id, person_page
from partners.outgoing import outgoing
from portal.tenancy.principal import Principal

SHOWN_FOR = timedelta(days=1)
MOST = 200


@never_cache
@require_GET
@person_page
def state(request: HttpRequest, principal: Principal, grt: str) -> HttpResponse:
    """A part of a page that asks until there is something new (204 until then)."""
    grant = get_grant_for(principal, grant_id(grt))
    measured = latest_stops([grant.id]).get(grant.id)
    if measured is None or (measured.state == WAITING and measured.is_watched):
        return HttpResponse(status=204)
    context = {"measured": measured, "bank": grant.partner.name}
    return render(request, "consents/person/stop.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def everything(request: HttpRequest) -> HttpResponse:
    """What stopping everything means, and afterwards what was stopped; on POST it is done."""
    if request.method == "POST":
        with transaction.atomic():
            actor = person_principal(request.user)  # type: ignore[arg-type]
        stop_everything(actor=actor)
        return redirect("person-stop-everything")
    return _everything(request)


@person_page
def _everything(request: HttpRequest, principal: Principal) -> HttpResponse:
    grants = Grant.objects.filter(person_id=principal.person_id).select_related("partner")
    live = list(grants.open().order_by("id")[:MOST])
    ended = grants.filter(ended_at__gt=timezone.now() - SHOWN_FOR).order_by("-ended_at")[:MOST]
    meets = outgoing().outlook(grant.id for grant in live).values()
    stops = latest_stops(grant.id for grant in ended)
    context = {
        "live": live,
        "waiting": sum(one.withdrawn for one in meets),
        "handed_over": sum(one.handed_over for one in meets),
        "stopped": [(grant, stops[grant.id]) for grant in ended if grant.id in stops],
        "is_watched": any(one.is_watched for one in stops.values()),
    }
    return render(request, "consents/person/stop_everything.html", context)
