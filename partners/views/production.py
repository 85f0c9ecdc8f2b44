"""Going live: every condition, judged now, with the page that fixes it; then the request."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from partners.actions.production import request_production
from partners.models import Partner, Production
from partners.pages import member_page
from partners.production import conditions_of
from partners.refusals import Refused
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Principal


@require_http_methods(["GET", "POST"])
@member_page(Permission.CLIENTS_MANAGE)
def production(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """What is in order and what is not; on POST the bank asks to go live."""
    if request.method == "POST":
        try:
            request_production(partner_id=partner.id, actor=principal)
        except Refused as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, "Production is requested. Parley’s staff look at it, and write to you.")
        return redirect("member-production", partner.slug)
    conditions = conditions_of(partner)
    context = {
        "partner": partner,
        "production": Production.objects.filter(partner=partner).first(),
        "conditions": conditions,
        "missing": sum(not one.is_met for one in conditions),
    }
    return render(request, "partners/production/production.html", context)
