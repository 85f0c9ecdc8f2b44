"""In which language a page speaks: people's and public pages in the reader's, those of banks and staff in English."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from portal.accounts.models import User

ENGLISH = (
    "/partners", "/staff/", "/register", "/invitations/", "/sign-in/", "/docs/",
    "/api/", "/oauth/", "/hooks/", "/health/", "/metrics", "/.well-known/",
)  # fmt: skip
OFFERED = dict(settings.LANGUAGES)
_SUGGESTED = "language"


class LanguageMiddleware:
    """Like Django's own, but what a user has chosen stands in their account, and not on every page it counts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not can_be_chosen(request):
            return self.get_response(request)
        # Given back afterwards: the thread goes on to serve the API, which speaks English
        with translation.override(_language_of(request)):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or "en")
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response


def can_be_chosen(request: HttpRequest) -> bool:
    """Whether this page speaks other languages than English."""
    return not request.path_info.startswith(ENGLISH)


def _language_of(request: HttpRequest) -> str:
    """The user's own; else what was chosen on this device, suggested, or asked for by the browser."""
    if request.user.is_authenticated:
        return language_of(request.user)
    asked = chosen_before(request) or request.session.get(_SUGGESTED)
    return asked or translation.get_language_from_request(request)


def language_of(user: User | None) -> str:
    """The language of a person's pages, mails and chats; English for whoever has no account."""
    return user.locale if user is not None and user.locale in OFFERED else "en"


def chosen_before(request: HttpRequest) -> str | None:
    """What was chosen on this device while nobody was signed in; None where nothing was."""
    found = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    return found if found in OFFERED else None


def suggest_language(request: HttpRequest, language: str) -> None:
    """For this visit, until somebody signs in: who has chosen a language keeps it. What is not offered is ignored."""
    try:
        request.session[_SUGGESTED] = translation.get_supported_language_variant(language)
    except LookupError:
        pass
