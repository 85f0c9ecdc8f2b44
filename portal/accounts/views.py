"""What allauth has no page for: other devices, and the language."""

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.actions import keep_language
from portal.accounts.language import OFFERED


@require_POST
@login_required
def end_session(request: HttpRequest, session: int) -> HttpResponse:
    """Signs the user out on one of their devices, at once."""
    found = get_object_or_404(UserSession, pk=session, user=request.user)
    found.end()
    messages.success(request, _("Signed out there."))
    return redirect("usersessions_list")


@require_safe
@login_required
def language(request: HttpRequest) -> HttpResponse:
    """The language of pages, mails and chats."""
    return render(request, "account/language.html")


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Keeps the language in the account of whoever is signed in, else on this device, and leads back."""
    chosen, back = request.POST.get("language", ""), request.POST.get("next", "")
    if chosen not in OFFERED:
        raise BadRequest
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    response = redirect(back if is_ours else "home")
    if request.user.is_authenticated:
        keep_language(user=request.user, language=chosen)
    else:
        remember(response, chosen)
    return response


def remember(response: HttpResponse, language: str) -> None:
    """On this device, until somebody signs in."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite="Lax",
    )
