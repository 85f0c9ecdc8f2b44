"""The public pages, and the way in after them."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_safe

from portal.design.places import places_of


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What Parley is, for its three audiences."""
    return render(request, "public/home.html")


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """The privacy notice, which every consent record names."""
    return render(request, "public/privacy.html")


@require_safe
@login_required
def start(request: HttpRequest) -> HttpResponse:
    """Takes whoever has just signed in to where they belong."""
    places = places_of(request.user)  # type: ignore[arg-type]
    return redirect(places[0].url if places else "home")


urlpatterns = [
    path("", home, name="home"),
    path("privacy", privacy, name="privacy"),
    path("start", start, name="start"),
]
