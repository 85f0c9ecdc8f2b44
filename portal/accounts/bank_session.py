"""Sessions that a bank's word opened: how far the word reaches, and what else stands at the door."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from allauth.account import app_settings
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.mfa.stages import AuthenticateStage
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

_MARK, _LINK_FIRST = "bank", "link_first"
# Beside the bank's own pages: the way out, the ways to show who one is, and what everybody may see.
_OPEN = (
    "/accounts/logout", "/accounts/reauthenticate", "/accounts/2fa/", "/accounts/bank/", "/invitations/", "/sign-in/",
    "/docs/", "/static/",
)  # fmt: skip
_MACHINES = ("/api/", "/oauth/", "/hooks/", "/health/", "/metrics", "/.well-known/")  # they have no session
_OPEN_PAGES = ("/", "/start", "/partners", "/language")
_OWN_PROOFS = ("password", "mfa")


class Mark(NamedTuple):
    """Whose session it is and which bank vouched for them; `has_second_step`: for two steps; `at`: when they signed
    in there, in seconds since 1970, 0 where the bank did not say; `since`: when they came back from there.
    """

    user: str
    partner_id: str
    slug: str
    bank: str
    has_second_step: bool
    at: float
    since: float = 0.0


# Each may answer instead of the sign-in, before the second step; a social login comes with its own.
Gate = Callable[[HttpRequest, Any, Any], HttpResponse | None]
GATES: list[Gate] = []
# Told after everything was in order.
ARRIVALS: list[Callable[[HttpRequest, Any, Any], None]] = []
# Asked on every page: whether what a bank has said still counts.
WORDS: list[Callable[[Mark], bool]] = []


def mark_session(request: HttpRequest, mark: Mark) -> None:
    """It counts for that user alone."""
    request.session[_MARK] = list(mark)


def mark_of(request: HttpRequest, user: Any) -> Mark | None:
    """What this session's bank said of this user."""
    kept = request.session.get(_MARK)
    return Mark(*kept) if kept and kept[0] == str(user.pk) else None


def is_marked(request: HttpRequest) -> bool:
    """Whether a bank has vouched for anybody in this session."""
    return _MARK in request.session


def link_first(request: HttpRequest, slug: str) -> None:
    """Until the member is linked, the bank's other pages lead to the one where that is done. "" ends it."""
    request.session[_LINK_FIRST] = slug


def is_vouched_for(request: HttpRequest) -> bool:
    """Whether the bank of this page has vouched for two steps."""
    mark = mark_of(request, request.user)
    return mark is not None and mark.has_second_step and request.path.startswith(f"/partners/{mark.slug}/")


def word_is_stale(request: HttpRequest) -> bool:
    """Whether somebody who has no password or second step of their own must ask their bank again, as others must
    give theirs again. allauth lets such users pass.
    """
    mark = mark_of(request, request.user)
    if mark is None or get_reauthentication_flows(request.user):
        return False
    return time.time() - mark.at > app_settings.REAUTHENTICATION_TIMEOUT


def _has_own_proof(request: HttpRequest) -> bool:
    records = get_authentication_records(request, request.user)
    return any(record.get("method") in _OWN_PROOFS for record in records)


class BankSessionMiddleware:
    """A bank's word alone opens the bank's own pages, and neither another bank's nor what is the person's own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(_MACHINES):
            return self.get_response(request)
        if (slug := request.session.get(_LINK_FIRST)) and request.path.startswith(f"/partners/{slug}/"):
            page = f"/partners/{slug}/sign-on"
            if not request.path.startswith(page):
                messages.info(request, "Your bank wants its own sign-in to be used. Link yours first.")
                return redirect(page)
        is_known = is_marked(request) and request.user.is_authenticated
        mark = mark_of(request, request.user) if is_known else None
        return (_held_back(request, mark) if mark else None) or self.get_response(request)


def _held_back(request: HttpRequest, mark: Mark) -> HttpResponse | None:
    """What a session is told whose bank's word counts no more, or not here."""
    has_own_proof = _has_own_proof(request)
    if not all(counts(mark) for counts in WORDS):
        if has_own_proof:
            del request.session[_MARK]
            return None
        logout(request)
        messages.info(request, f"What {mark.bank} said of you counts no more. Sign in again.")
        return redirect(settings.LOGIN_URL)
    if has_own_proof or _is_open(request.path, mark.slug):
        return None
    return render(request, "account/bank_session.html", {"bank": mark.bank}, status=403)


def _is_open(path: str, slug: str) -> bool:
    return path in _OPEN_PAGES or path.startswith((*_OPEN, f"/partners/{slug}/"))


class SecondStep(AuthenticateStage):
    """allauth's, but for whom the bank has vouched for two steps."""

    def _should_handle(self, request: HttpRequest) -> bool:
        mark = mark_of(request, self.login.user)
        return not (mark and mark.has_second_step) and super()._should_handle(request)
