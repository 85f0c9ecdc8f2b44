"""All routes. A page's own list stands in its application."""

from django.urls import include, path

from notifications.views import hooks
from portal import health
from portal.accounts.views import end_session, language, set_language
from portal.design.views import parts

urlpatterns = [
    path("", include("portal.pages")),
    path("", include("partners.urls_oauth")),
    path("", include("partners.urls")),
    path("", include("consents.urls")),
    path("", include("notifications.urls")),
    path("docs/design", parts, name="docs-design"),
    path("", include("portal.api.urls_docs")),
    path("api/v1/", include("portal.urls_api")),
    path("hooks/messenger/<uuid:sender_id>", hooks.messenger),
    path("language", set_language, name="set-language"),
    path("accounts/language/", language, name="account-language"),
    path("accounts/", include("allauth.urls")),
    path("devices/<int:session>/end", end_session, name="end-session"),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", health.metrics),
]

handler400 = "portal.api.errors.handler400"
handler403 = "portal.api.errors.handler403"
handler404 = "portal.api.errors.handler404"
handler500 = "portal.api.errors.handler500"
