"""The one page on which a person decides what a bank may send, and the pages that tell what came of it."""

from typing import Any
from uuid import UUID

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from consents.access import find_request
from consents.actions.requests import (
    Answer,
    Reason,
    RequestRefused,
    allow_request,
    decline_request,
    open_request,
)
from consents.directory import sign_in_to_begin_with
from consents.models import Grant, GrantRequest
from consents.offers import NothingToOffer, Offer, offer_of
from consents.requests import content_of, status_of
from consents.return_address import origin_of, with_answer
from consents.views.person import person_page, shown_state
from partners.clusters import Environment
from partners.refusals import Refused
from portal.accounts.language import suggest_language
from portal.ids import InvalidPublicId, parse_public_id, public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

SYSTEM = Principal.system()
OVER = (Grant.Status.REVOKED, Grant.Status.EXPIRED, Grant.Status.INVALIDATED)
CHOSEN = ("kinds", "accounts", "period", "chat", "fallbacks")
STATUS = {
    Reason.EXPIRED: 410,
    Reason.ANOTHER_PERSON: 404,
    Reason.ANOTHER_CUSTOMER: 409,
    Reason.TAMPERED: 409,
    Reason.STOPPED: 409,
}
HEADINGS = {
    "allowed": gettext_lazy("%(bank)s may write to you"),
    "over": gettext_lazy("What you allowed here has ended"),
    "declined": gettext_lazy("You declined"),
    "expired": gettext_lazy("This question is too old"),
    "another_person": gettext_lazy("This question is for somebody else"),
    "another_customer": gettext_lazy("This does not fit your connection"),
    "stopped": gettext_lazy("%(bank)s cannot ask you now"),
    "tampered": gettext_lazy("That did not work"),
    "not_found": gettext_lazy("Nothing to decide here"),
}


@never_cache
@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest, req: str) -> HttpResponse:
    """Whoever is not signed in does so first, and comes back."""
    if request.user.is_authenticated:
        limited = ratelimit.consume_or_429(request, action="authorize", limit_get=True)
        return limited or _authorize(request, req=req)
    request_id = _id(req)
    asked = find_request(request_id) if request_id else None
    # The bank knows in which language it spoke with them; what they chose themselves counts more
    if asked and asked.locale:
        suggest_language(request, asked.locale)
    return redirect_to_login(request.path)


def _id(req: str) -> UUID | None:
    try:
        return parse_public_id("req", req)
    except InvalidPublicId:
        return None


@person_page
def _authorize(request: HttpRequest, principal: Principal, req: str) -> HttpResponse:
    request_id, missing = _id(req), []
    try:
        if request_id is None:
            raise Http404
        if request.method == "POST" and not (missing := _missing(request.POST)):
            return _answer(request, principal, request_id)
        asked = open_request(request_id=request_id, actor=principal)
        if asked.status != GrantRequest.Status.PENDING:
            return _decided(request, asked)
        return _question(request, principal, asked, missing)
    except Http404:
        return _outcome(request, "not_found", None, status=404)
    except RequestRefused as refusal:
        return _refused(request, principal, refusal)


def _answer(request: HttpRequest, principal: Principal, request_id: UUID) -> HttpResponse:
    """Goes back to the bank; or to our own page, where nobody waits for the person."""
    if request.POST["answer"] == "decline":
        return _go_back(decline_request(request_id=request_id, actor=principal))
    form = request.POST
    answer = Answer(
        form.getlist("kinds"),
        form.getlist("accounts"),
        form["period"],
        UUID(form["chat"]),
        form.getlist("fallbacks"),
    )
    try:
        asked = allow_request(
            request_id=request_id, seen=form.get("seen", ""), answer=answer, actor=principal
        )
    except RequestRefused:
        raise
    except Refused as refusal:
        asked = open_request(request_id=request_id, actor=principal)
        return _question(request, principal, asked, [("chat", str(refusal))])
    return _go_back(asked)


def _missing(form: QueryDict) -> list[tuple[str, str]]:
    """What still has to be chosen, each with the place to choose it."""
    if form.get("answer") == "decline":
        return []
    try:
        UUID(form.get("chat", ""))
        has_chat = True
    except ValueError:
        has_chat = False
    needed = {
        "kinds": (form.get("kinds"), _("Choose at least one kind of message, or decline.")),
        "accounts": (form.get("accounts"), _("Choose at least one account, or decline.")),
        "period": (form.get("period"), _("Choose how long: once, or a period.")),
        "chat": (has_chat, _("Choose the chat that the messages go to, or link one.")),
        "answer": (form.get("answer") == "allow", _("Choose Allow or Decline.")),
    }
    return [(name, words) for name, (given, words) in needed.items() if not given]


def _question(
    request: HttpRequest, principal: Principal, asked: GrantRequest, missing: list[tuple[str, str]]
) -> HttpResponse:
    with scope(SYSTEM):
        try:
            offer = offer_of(asked, principal.person_id)
        except NothingToOffer as refusal:
            return _refused(request, principal, RequestRefused(Reason.STOPPED, asked, str(refusal)))
        back = _back(asked)
    context = {
        **_about(asked),
        "offer": offer,
        "shown": offer.disclosure,
        "errors": missing,
        "wrong": dict(missing),
        "ticked": _ticked(request, offer),
    }
    response = render(request, "consents/authorize/question.html", context, status=422 if missing else 200)
    if back:  # the answer to the form is a redirect there, which browsers hold against form-action
        response._csp_update = {"form-action": [origin_of(back)]}  # type: ignore[attr-defined]
    return response


def _ticked(request: HttpRequest, offer: Offer) -> dict[str, list[str]]:
    """What they have ticked on the page; at first only what they allow already."""
    if request.method == "POST":
        return {name: request.POST.getlist(name) for name in CHOSEN}
    return {
        "kinds": [kind.name for kind in offer.disclosure.kinds if kind.is_held],
        "accounts": [one.value for one in offer.disclosure.accounts if one.is_held],
        "period": [],
        "chat": [str(offer.held.account_id)] if offer.held else [],
        "fallbacks": [str(one) for one in offer.held.fallback_ids] if offer.held else [],
    }


def _go_back(asked: GrantRequest) -> HttpResponse:
    with scope(SYSTEM):
        back = _back(asked)
    return redirect(back) if back else redirect("authorize", public_id("req", asked.id))


def _back(asked: GrantRequest) -> str:
    """Where the bank waits for them, with what has become of it; "" where it waits nowhere. As the system."""
    content, status = content_of(asked), status_of(asked)
    if content is None or not content.redirect_uri:
        return ""
    name = public_id("req", asked.id)
    return with_answer(content.redirect_uri, state=content.state, grant_request=name, status=status)


def _decided(request: HttpRequest, asked: GrantRequest) -> HttpResponse:
    """The page that a double press, the back button or a bookmark ends on."""
    with scope(SYSTEM):
        back = _back(asked)
        grant = (
            Grant.objects.select_related("account__sender").get(pk=asked.grant_id) if asked.grant_id else None
        )
    if grant is None:
        return _outcome(request, "declined", asked, back=back)
    state = shown_state(grant)
    outcome = "over" if state in OVER else "allowed"
    return _outcome(request, outcome, asked, back=back, grant=grant, state=state)


def _outcome(
    request: HttpRequest, outcome: str, asked: GrantRequest | None, *, status: int = 200, **more: Any
) -> HttpResponse:
    heading = HEADINGS[outcome] % {"bank": asked.partner.name if asked else ""}
    context = {"outcome": outcome, "heading": heading, **(_about(asked) if asked else {}), **more}
    return render(request, "consents/authorize/outcome.html", context, status=status)


def _refused(request: HttpRequest, principal: Principal, refusal: RequestRefused) -> HttpResponse:
    asked, reason = refusal.asked, refusal.reason
    page = redirect("authorize", public_id("req", asked.id))
    if reason is Reason.USED:
        messages.info(request, _("You have answered this already. Nothing was changed."))
        return page
    if reason is Reason.CHANGED:
        messages.warning(
            request,
            _("What is asked has changed since you opened this page. Nothing was allowed: read it again."),
        )
        return page
    back, begin = _site(asked), None
    if reason is Reason.EXPIRED:
        with scope(SYSTEM):
            # What nobody had opened is nobody's: where its bank waits is not for whoever finds its address
            waits = _back(asked) if asked.person_id == principal.person_id else ""
            begin = None if waits else sign_in_to_begin_with(asked.partner, asked.environment)
            back = waits or back
    return _outcome(
        request, reason.value, asked, status=STATUS[reason], back=back, begin=begin, reason=str(refusal)
    )


def _site(asked: GrantRequest) -> str:
    bank = asked.partner
    return f"https://{bank.domain}/" if bank.domain and asked.environment == Environment.LIVE else ""


def _about(asked: GrantRequest) -> dict[str, Any]:
    return {"asked": asked, "bank": asked.partner, "environment": asked.environment}
