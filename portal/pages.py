"""The public pages."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path


def home(request: HttpRequest) -> HttpResponse:
    """What Parley is, for its three audiences."""
    return render(request, "public/home.html")


urlpatterns = [path("", home, name="home")]
