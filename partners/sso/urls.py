"""Routes of allauth's, under /accounts/: to a bank's provider and back."""

from django.urls import path

from partners.sso import views

urlpatterns = [
    path("bank/<uuid:provider_id>/", views.begin, name="openid_connect_login"),
    path("bank/resume", views.resume, name="bank-resume"),
    path("bank/<uuid:provider_id>/again", views.again, name="bank-again"),
    path("bank/<uuid:provider_id>/callback", views.callback, name="openid_connect_callback"),
    path("bank/<uuid:provider_id>/acs", views.assertion, name="bank-acs"),
    path("bank/<uuid:provider_id>/metadata", views.metadata, name="bank-metadata"),
]
