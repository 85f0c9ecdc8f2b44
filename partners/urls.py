"""Pages of a bank's members, and what they are told about webhooks."""

from django.urls import path

from partners.views import webhooks

_WEBHOOKS = "partners/<slug:slug>/webhooks"
_ENDPOINT = f"{_WEBHOOKS}/<str:whk>"
urlpatterns = [
    path("docs/webhooks", webhooks.guide, name="docs-webhooks"),
    path(_WEBHOOKS, webhooks.endpoints, name="member-webhooks"),
    path(f"{_WEBHOOKS}/add", webhooks.add, name="member-webhook-add"),
    path(f"{_WEBHOOKS}/inbox", webhooks.open_inbox, name="member-webhook-inbox"),
    path(_ENDPOINT, webhooks.endpoint, name="member-webhook"),
    path(f"{_ENDPOINT}/arrivals", webhooks.arrivals, name="member-webhook-arrivals"),
    path(f"{_ENDPOINT}/challenge", webhooks.challenge, name="member-webhook-challenge"),
    path(f"{_ENDPOINT}/edit", webhooks.edit, name="member-webhook-edit"),
    path(f"{_ENDPOINT}/secret", webhooks.rotate, name="member-webhook-secret"),
    path(f"{_ENDPOINT}/test", webhooks.send_test, name="member-webhook-test"),
    path(f"{_ENDPOINT}/switch", webhooks.switch, name="member-webhook-switch"),
    path(f"{_ENDPOINT}/recover", webhooks.recover, name="member-webhook-recover"),
    path(f"{_ENDPOINT}/delete", webhooks.delete, name="member-webhook-delete"),
    path(f"{_ENDPOINT}/deliveries/<str:dlv>", webhooks.delivery, name="member-webhook-delivery"),
    path(f"{_ENDPOINT}/deliveries/<str:dlv>/resend", webhooks.resend, name="member-webhook-resend"),
]
