"""A person's pages."""

from django.urls import path

from consents.views import person

urlpatterns = [
    path("me/", person.home, name="person-home"),
    path("me/grants/<str:grt>/pause", person.pause, name="person-pause"),
    path("me/grants/<str:grt>/resume", person.resume, name="person-resume"),
    path("me/grants/<str:grt>/disconnect", person.disconnect, name="person-disconnect"),
]
