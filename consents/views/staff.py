"""Stops that banks have not confirmed, and how long each bank takes, for platform staff."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from consents.stops import figures, late_banks
from partners.pages import staff_page
from portal.tenancy.permissions import StaffPermission
from portal.tenancy.principal import Principal


@require_GET
@staff_page(StaffPermission.PARTNERS_READ)
def stops(request: HttpRequest, principal: Principal) -> HttpResponse:
    """A line for each bank that is late, and the times of all."""
    return render(request, "consents/staff/stops.html", {"late": late_banks(), "figures": figures()})
