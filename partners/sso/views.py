"""To a bank's provider and back."""

from typing import Any
from uuid import UUID

from allauth.account.internal.flows.reauthentication import resume_request
from allauth.account.utils import get_next_redirect_url
from allauth.core import ratelimit
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import complete_social_login, render_authentication_error
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base.constants import AuthError
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from partners.saml import MOST_ANSWER, NOT_INSTALLED, Declined, is_installed
from partners.sso.provider import BankAdapter, BankProvider, Callback
from partners.sso.reading import is_in_team, sign_on_of
from partners.sso.saml import SamlProvider
from partners.sso.waiting import keep_answer
from portal.accounts.bank_session import is_marked
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

COOKIE, REMEMBERED = "bank", 180 * 86_400  # seconds


@never_cache
@require_safe
def begin(request: HttpRequest, provider_id: UUID) -> HttpResponse:
    """Off to the bank. While its sign-on is off, only for its own members, who may link theirs."""
    if (limited := ratelimit.consume_or_429(request, action="login", limit_get=True)) is not None:
        return limited
    with transaction.atomic(), scope(Principal.system()):
        sign_on = sign_on_of(provider_id)
        if sign_on is None or not (sign_on.is_on or is_in_team(provider_id, request.user)):
            raise Http404
    provider = _provider(request, provider_id)
    try:
        return provider.begin(request, invitation=request.GET.get("invitation", "")[:100])
    except OAuth2Error as error:
        return render_authentication_error(request, provider, exception=error)


@never_cache
@require_safe
@login_required
def again(request: HttpRequest, provider_id: UUID) -> HttpResponse:
    """Off to the bank once more, for a page that wants a fresh proof of who it is. A form has often led here, and by
    `form-action` no form may lead away from our site: so this page's link does.
    """
    provider, onward = _provider(request, provider_id), get_next_redirect_url(request) or reverse("start")
    if "go" not in request.GET:
        link = f"{request.path}?{urlencode({'next': onward, 'go': 1})}"
        context = {"bank": provider.app.name, "onward": link}
        return render(request, "account/bank_again.html", context)
    if (limited := ratelimit.consume_or_429(request, action="login", limit_get=True)) is not None:
        return limited
    try:
        return provider.begin(request, again=onward)
    except OAuth2Error as error:
        return render_authentication_error(request, provider, exception=error)


@never_cache
@require_safe
@login_required
def resume(request: HttpRequest) -> HttpResponse:
    """What was put off until the proof."""
    return resume_request(request) or redirect("start")


@never_cache
@require_safe
def callback(request: HttpRequest, provider_id: UUID) -> HttpResponse:
    """Back from the bank, with a code."""
    provider = _provider(request, provider_id)
    if isinstance(provider, SamlProvider):
        raise Http404
    view = Callback.adapter_view(BankAdapter(request, str(provider_id)))
    try:
        answer = view(request)
    except OAuth2Error as error:  # before the exchange, where allauth does not look for one
        return render_authentication_error(request, provider, exception=error)
    return _remembered(request, answer, provider_id)


@never_cache
@csrf_exempt
@require_http_methods(["GET", "POST"])
def assertion(request: HttpRequest, provider_id: UUID) -> HttpResponse:
    """Back from the bank, with what its SAML provider has the browser post. A post from another site has no session,
    so it only leaves the answer here and leads on to the same address; that request has one.
    """
    provider = _saml(request, provider_id)
    try:
        if request.method != "POST":
            return _remembered(request, _arrive(request, provider), provider_id)
        state, answer = request.POST.get("RelayState", ""), request.POST.get("SAMLResponse", "")
        is_kept = len(answer) <= MOST_ANSWER and keep_answer(state, provider_id, answer)
    except OAuth2Error as error:
        return render_authentication_error(request, provider, exception=error)
    if not is_kept:
        return render_authentication_error(request, provider)
    return HttpResponse(status=303, headers={"Location": f"{request.path}?{urlencode({'state': state})}"})


@never_cache
@require_safe
def metadata(request: HttpRequest, provider_id: UUID) -> HttpResponse:
    """What the bank's SAML provider may load about us. It names no bank."""
    provider = _saml(request, provider_id)
    if not is_installed():
        return HttpResponse(NOT_INSTALLED, status=503, content_type="text/plain; charset=utf-8")
    from partners.saml.request import our_metadata

    found = our_metadata(provider.sides, provider.app.settings["own_certificate"])
    answer = HttpResponse(found, content_type="application/samlmetadata+xml")
    answer["Content-Disposition"] = 'attachment; filename="parley-metadata.xml"'
    return answer


def _arrive(request: HttpRequest, provider: SamlProvider) -> HttpResponse:
    state_id = request.GET.get("state", "")
    try:
        state = provider.unstash_redirect_state(request, state_id)
    except PermissionDenied:
        return render_authentication_error(request, provider)
    try:
        login = provider.login_from(state_id, state)
    except Declined:
        return render_authentication_error(request, provider, error=AuthError.CANCELLED)
    return complete_social_login(request, login)


def _remembered(request: HttpRequest, answer: HttpResponse, partner_id: UUID) -> HttpResponse:
    return remember(answer, partner_id) if answer.status_code == 302 and is_marked(request) else answer


def remember(answer: HttpResponse, partner_id: UUID | str) -> HttpResponse:
    """The next sign-in on this device finds its bank by itself."""
    answer.set_signed_cookie(
        COOKIE, str(partner_id), salt=COOKIE, max_age=REMEMBERED, httponly=True, samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )  # fmt: skip
    return answer


def _saml(request: HttpRequest, provider_id: UUID) -> SamlProvider:
    provider = _provider(request, provider_id)
    if not isinstance(provider, SamlProvider):
        raise Http404
    return provider


def _provider(request: HttpRequest, provider_id: UUID) -> BankProvider:
    adapter: Any = get_adapter(request)
    try:
        return adapter.get_provider(request, provider=str(provider_id))
    except SocialApp.DoesNotExist as error:
        raise Http404 from error
