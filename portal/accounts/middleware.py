"""A second factor is not a choice for staff and bank members."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import override

from portal.accounts.bank_session import is_vouched_for
from portal.accounts.language import language_of

GUARDED = ("/staff/", "/partners/")


class SecondFactorMiddleware:
    """Sends whoever has no second factor to set one up before any page of a bank or of the staff."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            request.path.startswith(GUARDED)
            and request.user.is_authenticated
            and not is_mfa_enabled(request.user)
            and not is_vouched_for(request)
        ):
            with override(language_of(request.user)):
                messages.info(
                    request, _("Set up a second step to sign in before you open your bank’s pages.")
                )
            return redirect("mfa_index")
        return self.get_response(request)
