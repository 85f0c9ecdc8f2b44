"""The parts, on one page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.design.states import STATES


def parts(request: HttpRequest) -> HttpResponse:
    """Every part of the design system."""
    return render(request, "docs/design.html", {"states": list(STATES), "environment": "sandbox"})
