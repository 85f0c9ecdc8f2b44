"""A person's connections with their messages, and a bank's deliveries."""

from django.urls import path

from notifications.views import member, person

urlpatterns = [
    path("me/", person.home, name="person-home"),
    path("me/grants/<str:grt>", person.grant, name="person-grant"),
    path("partners/<slug:slug>/deliveries", member.deliveries, name="member-deliveries"),
    path("partners/<slug:slug>/deliveries/<str:ntf>", member.delivery, name="member-delivery"),
]
