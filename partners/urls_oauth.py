"""Addresses of the authorization server."""

from django.urls import path

from partners.views.oauth import IntrospectView, RevokeView, TokenView, metadata

urlpatterns = [
    path("oauth/token", TokenView.as_view(), name="oauth-token"),
    path("oauth/revoke", RevokeView.as_view(), name="oauth-revoke"),
    path("oauth/introspect", IntrospectView.as_view(), name="oauth-introspect"),
    path(".well-known/oauth-authorization-server", metadata, name="oauth-metadata"),
]
