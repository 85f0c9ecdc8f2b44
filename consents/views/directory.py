"""The person begins: they find their bank, sign in there, and are asked here what it may send."""

import re
import secrets
import time
from typing import Any
from uuid import UUID

import structlog
from allauth.core import ratelimit
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from consents.access import person_principal
from consents.actions.arrive import Arrival, arrive_from_bank, live_grant, note_doubtful_arrival
from consents.directory import can_begin, offered_sign_ins, read_claims
from consents.views.person import person_page
from partners.customer_sign_in import provider_of, return_url
from partners.models import CustomerSignIn
from partners.oidc.code_flow import Begun, Provider, begin, finish
from partners.oidc.discovery import Doubtful, NoAnswer
from portal.ids import InvalidPublicId, parse_public_id, public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

_log = structlog.get_logger(__name__)
PAGE = 25
BEGUN = "at_the_bank"  # in the session: what has to be known when they are back, by the state they carry
KEPT_FOR = 900  # seconds for signing in at the bank
TABS = 5  # that may be on their way at once
SYSTEM = Principal.system()
# What a provider answers when the person did not finish (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6)
UNFINISHED = {
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "login_required",
}
AWAY = {"server_error", "temporarily_unavailable"}
NAMED = re.compile(r"[a-z_]{1,40}")  # an error's name; what else stands there came through a browser


@require_GET
@person_page
def banks(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Those that can be connected, by name; `?q=` searches, `?after=` turns the page."""
    words = request.GET.get("q", "").replace("\0", "").strip()[:100]
    with scope(SYSTEM):
        rows = offered_sign_ins()
        if words:
            rows = rows.filter(Q(partner__name__icontains=words) | Q(partner__domain__icontains=words))
        if after := request.GET.get("after"):
            last = _sign_in(after).partner
            later = Q(partner__name=last.name, partner_id__gt=last.id)
            rows = rows.filter(Q(partner__name__gt=last.name) | later)
        found = list(rows.order_by("partner__name", "partner_id")[: PAGE + 1])
    context = {"rows": found[:PAGE], "words": words, "has_more": len(found) > PAGE}
    return render(request, "consents/directory/banks.html", context)


@require_GET
@person_page
def start(request: HttpRequest, principal: Principal, csi: str) -> HttpResponse:
    """What happens next: they go to the bank's own site, and come back."""
    with scope(SYSTEM):
        sign_in = _sign_in(csi)
        context = {"can_begin": can_begin(sign_in), "grant": live_grant(sign_in, principal)}
    return render(request, "consents/directory/start.html", context | _about(sign_in))


@never_cache
@require_GET
@login_required
def go(request: HttpRequest, csi: str) -> HttpResponse:
    """Off to the bank."""
    with scope(SYSTEM), transaction.atomic():
        sign_in = _sign_in(csi)
        provider = provider_of(sign_in) if can_begin(sign_in) else None
    if provider is None:
        return redirect("bank-start", csi)
    limited = ratelimit.consume_or_429(request, action="bank_sign_in", limit_get=True)
    if limited is not None:
        return limited
    state = f"{secrets.token_urlsafe(24)}.{csi}"
    try:
        back = return_url(sign_in.partner.slug)
        url, begun = begin(provider, redirect_uri=back, state=state, locale=get_language() or "en")
    except OAuth2Error as error:
        return _bank_fails(request, sign_in, error)
    kept = {**request.session.get(BEGUN, {}), state: [time.time() + KEPT_FOR, *begun]}
    request.session[BEGUN] = dict(list(kept.items())[-TABS:])
    return redirect(url)


@never_cache
@require_GET
def come_back(request: HttpRequest, slug: str) -> HttpResponse:
    """From that bank. What it says is taken once, and only by the browser that began there."""
    state = request.GET.get("state", "")
    csi = state.partition(".")[2]
    if not request.user.is_authenticated:
        messages.info(request, _("You were signed out meanwhile. Sign in, and it goes on at your bank."))
        return redirect_to_login(reverse("bank-go", args=[csi]) if _id_in(csi) else reverse("bank-directory"))
    begun = _taken(request, state)
    if begun is None or begun.redirect_uri != return_url(slug):
        return _not_begun(request, csi)
    with scope(SYSTEM), transaction.atomic():
        sign_in = _sign_in(csi)
        provider = provider_of(sign_in)
    if "error" in request.GET:
        return _bank_refused(request, sign_in, request.GET["error"])
    if provider is None:
        return redirect("bank-start", csi)
    return _finish(request, sign_in, provider, begun)


def _finish(request: HttpRequest, sign_in: CustomerSignIn, provider: Provider, begun: Begun) -> HttpResponse:
    wanted = (sign_in.customer_ref_claim, sign_in.accounts_claim)
    try:
        claims = finish(provider, begun, request.GET.dict(), wanted=wanted)
        customer_ref, accounts = read_claims(claims, sign_in)
    except OAuth2Error as error:
        return _bank_fails(request, sign_in, error)
    with transaction.atomic():
        arrival = arrive_from_bank(
            sign_in_id=sign_in.id,
            issuer=begun.issuer,
            customer_ref=customer_ref,
            accounts=accounts,
            locale=(get_language() or "en")[:10],
            actor=person_principal(request.user),  # type: ignore[arg-type]
        )
    return _lead_on(request, sign_in, arrival)


def _lead_on(request: HttpRequest, sign_in: CustomerSignIn, arrival: Arrival) -> HttpResponse:
    if arrival.asked is not None:
        return redirect("authorize", public_id("req", arrival.asked.id))
    if arrival.grant is not None:
        messages.info(request, _("You are connected with %(bank)s already.") % {"bank": sign_in.partner.name})
        return redirect("person-grant", public_id("grt", arrival.grant.id))
    context = {"heading": _("This cannot be connected"), "words": arrival.refusal, "is_over": True}
    return _problem(request, sign_in, context, 409)


def _bank_refused(request: HttpRequest, sign_in: CustomerSignIn, error: str) -> HttpResponse:
    """Most often the person has pressed Cancel there; all else is between the bank and us."""
    if error in AWAY:
        return _bank_fails(request, sign_in, NoAnswer(f"It answered {error}."))
    if error not in UNFINISHED:
        name = error if NAMED.fullmatch(error) else "an error without a name"
        return _bank_fails(request, sign_in, Doubtful(f"It would not sign anybody in: {name}."))
    words = _("You did not finish signing in at %(bank)s. It learned nothing, and can send you nothing.")
    context = {"heading": _("Nothing was connected"), "words": words % {"bank": sign_in.partner.name}}
    return _problem(request, sign_in, context, 200)


def _bank_fails(request: HttpRequest, sign_in: CustomerSignIn, error: OAuth2Error) -> HttpResponse:
    """It is away, or says what cannot be taken. The sentence about that is for its team."""
    _log.warning("customer_sign_in_failed", error=type(error).__name__)
    name = {"bank": sign_in.partner.name}
    if not isinstance(error, Doubtful):
        words = _("The sign-in of %(bank)s does not answer at the moment. Nothing was connected.") % name
        context = {"heading": _("Your bank does not answer"), "words": words}
        return _problem(request, sign_in, context, 502)
    with transaction.atomic():
        person = person_principal(request.user)  # type: ignore[arg-type]
        note_doubtful_arrival(sign_in_id=sign_in.id, reason=str(error), actor=person)
    words = _(
        "What the sign-in of %(bank)s said does not fit together, so nothing was connected. The bank can"
        " see what it was. If it happens again, tell the bank."
    )
    context = {"heading": _("Your bank’s answer cannot be used"), "words": words % name}
    return _problem(request, sign_in, context, 502)


def _not_begun(request: HttpRequest, csi: str) -> HttpResponse:
    """A state that was used, is too old, or is another browser's."""
    with scope(SYSTEM), transaction.atomic():
        try:
            sign_in = _sign_in(csi)
        except Http404:
            sign_in = None
    words = _("It was begun in another browser, too long ago, or is finished already. This page did nothing.")
    return _problem(request, sign_in, {"heading": _("This sign-in is over"), "words": words}, 403)


def _problem(
    request: HttpRequest, sign_in: CustomerSignIn | None, context: dict[str, Any], status: int
) -> HttpResponse:
    about = _about(sign_in) if sign_in is not None else {}
    return render(request, "consents/directory/problem.html", context | about, status=status)


def _about(sign_in: CustomerSignIn) -> dict[str, Any]:
    return {"sign_in": sign_in, "bank": sign_in.partner, "environment": sign_in.environment}


def _taken(request: HttpRequest, state: str) -> Begun | None:
    """What was kept for this state; a second time there is nothing."""
    kept = request.session.get(BEGUN, {})
    until, *begun = kept.pop(state, [0.0])
    request.session[BEGUN] = kept
    request.session.save()  # an answer with a status of 5xx would leave it as it was
    return Begun(*begun) if until >= time.time() else None


def _sign_in(csi: str) -> CustomerSignIn:
    """Any bank's, as its address names it; raises Http404. As the system."""
    found_id = _id_in(csi)
    rows = CustomerSignIn.objects.select_related("partner")
    if found_id is None or (found := rows.filter(pk=found_id).first()) is None:
        raise Http404
    return found


def _id_in(csi: str) -> UUID | None:
    try:
        return parse_public_id("csi", csi)
    except InvalidPublicId:
        return None
