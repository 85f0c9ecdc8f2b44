"""Addresses of the API's documentation."""

from django.urls import path

from portal.api.docs import api_page, error_page
from portal.api.openapi import openapi_json

urlpatterns = [
    path("api/v1/openapi.json", openapi_json, name="openapi"),
    path("docs/api", api_page, name="docs-api"),
    path("docs/errors/<slug:code>", error_page, name="docs-error"),
]
