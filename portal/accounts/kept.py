"""What was typed when a session ended is kept: the form comes back after signing in, to be sent once more."""

import json
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils import timezone

from portal.accounts.sealing import open_text, seal_text
from portal.vault.crypto import CannotOpen

FORMS = ("/staff/", "/partners/", "/register")
_SESSION = "kept_form"
_PLACE = b"kept form"
_LIFETIME = timedelta(minutes=30)
_LARGEST = 32_768  # bytes
_SECRET = ("password", "secret", "token", "csrf")
Fields = list[tuple[str, str]]


class KeptFormMiddleware:
    """A form that is sent without a session waits, sealed, in the new one; never its secrets, never files."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path.startswith(FORMS):
            return response
        is_known = request.user.is_authenticated
        if request.method == "POST" and not is_known and _asks_to_sign_in(response):
            _keep(request)
        # 405 is what a page that only takes forms says to whoever may use it
        if request.method == "GET" and is_known and response.status_code in (200, 405):
            fields = _take(request)
            return render(request, "account/kept_form.html", {"fields": fields}) if fields else response
        return response


def _asks_to_sign_in(response: HttpResponse) -> bool:
    to = response.headers.get("Location", "")
    return response.status_code == 302 and to.startswith(resolve_url(settings.LOGIN_URL))


def _keep(request: HttpRequest) -> None:
    fields: Fields = [
        (name, value)
        for name, values in request.POST.lists()
        if not any(word in name.lower() for word in _SECRET)
        for value in values
    ]
    text = json.dumps(fields)
    if fields and len(text) <= _LARGEST:
        until = (timezone.now() + _LIFETIME).timestamp()
        request.session[_SESSION] = [request.path, until, seal_text(text, _PLACE)]


def _take(request: HttpRequest) -> Fields:
    """What was kept for this page, which then is no longer kept."""
    if request.session.get(_SESSION, [""])[0] != request.path:
        return []
    _, until, sealed = request.session.pop(_SESSION)
    if until < timezone.now().timestamp():
        return []
    try:
        return json.loads(open_text(sealed, _PLACE))
    except (CannotOpen, KeyError):  # sealed under a key that is gone
        return []
