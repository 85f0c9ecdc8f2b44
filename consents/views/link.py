"""Linking a messaging account to whoever is signed in: begun in the chat, or on a person's own pages. The two
identities are shown before anything is linked. Linked is not consent.
"""

import secrets
import time
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from consents.access import find_question, get_account_for, person_principal
from consents.actions.link import LINK_TOKEN_MINUTES, issue_code, issue_reference, require_free
from consents.actions.unlink import unlink_own_account
from consents.directory import sign_in_to_begin_with
from consents.linking import (
    LinkExpired,
    can_be_linked,
    get_offered_sender,
    get_sender,
    is_offered,
    offered_senders,
    platform_of,
)
from consents.models import Grant, LinkedAccount, LinkToken
from consents.return_address import with_answer
from consents.views.person import person_page
from partners.access import id_in_path
from partners.actions.senders import sender_secrets
from partners.models import Sender
from partners.outgoing import outgoing
from partners.refusals import Refused
from portal.ids import InvalidPublicId, parse_public_id, public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.keys import data_key_for

MESSENGER = "messenger"
BEGUN = "linking"  # what the platform gave us, in the session: it has no business in the addresses of sign-in
LONGEST = 2000
OUTCOMES = ("linked", "declined", "expired", "failed")
WAITING = "waiting"


@never_cache
@require_http_methods(["GET", "POST"])
def from_chat(request: HttpRequest, sender_id: UUID) -> HttpResponse:
    """Where an `account_link` button leads. Messenger adds `account_linking_token` and `redirect_uri`."""
    if "account_linking_token" in request.GET or "redirect_uri" in request.GET:
        return _begin(request, get_sender(MESSENGER, sender_id))
    return _go_on(request, sender_id=sender_id)


def _begin(request: HttpRequest, sender: Sender) -> HttpResponse:
    token, back = request.GET.get("account_linking_token", ""), request.GET.get("redirect_uri", "")
    if not (token and len(token) < LONGEST and len(back) < LONGEST and platform_of(sender).takes_back(back)):
        return _outcome_page(request, sender, "failed", status=400)
    if not request.user.is_authenticated and BEGUN not in request.session:
        text = _("Sign in, or sign up, to link your chat with {bank}.")
        messages.info(request, text.format(bank=sender.name))
    begun = {"sender": str(sender.id), "token": token, "back": back, "form": secrets.token_urlsafe(16)}
    request.session[BEGUN] = begun
    return redirect("link-messenger", sender.id)


@login_required
def _go_on(request: HttpRequest, sender_id: UUID) -> HttpResponse:
    sender = get_sender(MESSENGER, sender_id)
    begun = request.session.get(BEGUN) or {}
    if begun.get("sender") != str(sender.id):
        return redirect("link-outcome", sender.id, "expired")
    if not can_be_linked(sender):
        return _end(request, redirect("link-outcome", sender.id, "failed"))
    # What is decided is what was shown, not what another page has begun since
    decision = request.POST.get("decision") if request.POST.get("form") == begun["form"] else ""
    if decision == "not_now":
        return _end(request, redirect(begun["back"]))
    try:
        address = platform_of(sender).address_of(secrets=_secrets(sender), token=begun["token"])
    except LinkExpired:
        return _end(request, redirect("link-outcome", sender.id, "expired"))
    try:
        return _decide(request, sender, begun, address, is_decided=decision == "link")
    except Refused as refusal:
        context = {"reason": str(refusal), "to_messenger": begun["back"]}
        return _end(request, _outcome_page(request, sender, "failed", status=409, **context))


def _decide(
    request: HttpRequest, sender: Sender, begun: dict[str, str], address: str, *, is_decided: bool
) -> HttpResponse:
    with transaction.atomic():
        person_id = person_principal(request.user).person_id  # type: ignore[arg-type]
        require_free(sender=sender, person_id=person_id, address=address)
        code = issue_code(sender=sender, person_id=person_id, address=address) if is_decided else ""
    if code:
        return _end(request, redirect(with_answer(begun["back"], authorization_code=code)))
    response = render(request, "consents/link/decide.html", {**_about(sender), "form_id": begun["form"]})
    # The answer to the form is a redirect to the platform, which browsers hold against form-action
    response._csp_update = {"form-action": list(platform_of(sender).origins())}  # type: ignore[attr-defined]
    return response


def _end(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    request.session.pop(BEGUN, None)
    return response


def _secrets(sender: Sender) -> dict[str, Any]:
    with scope(Principal.system()), transaction.atomic():
        return sender_secrets(sender.id, sender.secrets, data_key_for(sender.partner_id))


@require_GET
@person_page
def home(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The chats that are linked, and the banks whose Messenger can be."""
    with scope(Principal.system()):
        rows = _linked(principal).select_related("sender__partner")
        chats = list(rows.order_by("sender__partner__name", "sender__name", "id"))
    linked = {account.sender_id for account in chats}
    offered = list(offered_senders().order_by("partner__name", "name"))
    free = [sender for sender in offered if sender.id not in linked]
    context = {"chats": chats, "free": free, "is_none_offered": not offered}
    return render(request, "consents/link/home.html", context)


@require_http_methods(["GET", "POST"])
@person_page
def unlink(request: HttpRequest, principal: Principal, lac: str) -> HttpResponse:
    """Shows what it ends; on POST the chat is linked no more."""
    account = get_account_for(principal, id_in_path("lac", lac))
    sender = get_sender(account.channel, account.sender_id)
    if request.method == "POST":
        unlink_own_account(account_id=account.id, actor=principal)
        messages.success(request, _("Your chat with {sender} is unlinked.").format(sender=sender.name))
        return redirect("link-home")
    if account.status == LinkedAccount.Status.UNLINKED:
        return redirect("link-home")
    grant = Grant.objects.open().filter(account=account).first()
    goes_on = (
        Grant.objects.open().filter(person_id=account.person_id, fallback_ids__contains=[account.id]).first()
    )
    meets = outgoing().outlook([grant.id]).get(grant.id) if grant else None
    context = {**_about(sender), "account": account, "grant": grant, "meets": meets, "goes_on": goes_on}
    return render(request, "consents/link/unlink.html", context)


@never_cache
@require_GET
@person_page
def start(request: HttpRequest, principal: Principal, sender_id: UUID) -> HttpResponse:
    """A one-time link that opens the chat; the page then tells by itself what became of it."""
    sender = _offered_to(principal, sender_id)
    if _linked(principal).filter(sender=sender).exists() and "again" not in request.GET:
        return redirect("link-outcome", sender.id, "linked")
    row, reference = issue_reference(sender=sender, person_id=principal.person_id)
    context = {
        **_about(sender),
        "chat": platform_of(sender).chat_url(sender.external_id, reference),
        "state": _state_url(sender, row),
        "minutes": LINK_TOKEN_MINUTES,
    }
    return render(request, "consents/link/start.html", context)


def _offered_to(principal: Principal, sender_id: UUID) -> Sender:
    """One that everybody may link, or of a bank's sandbox that has asked this person; raises Http404."""
    try:
        return get_offered_sender(sender_id)
    except Http404:
        sender = get_sender(MESSENGER, sender_id)
        if (
            not can_be_linked(sender)
            or find_question(principal, sender.partner_id, sender.environment) is None
        ):
            raise
        return sender


def _state_url(sender: Sender, row: LinkToken) -> str:
    return f"{reverse('link-state', args=[sender.id])}?link={public_id('lnk', row.id)}"


@never_cache
@require_GET
def state(request: HttpRequest, sender_id: UUID) -> HttpResponse:
    """What became of a link. A page that asks again and again (htmx) is told to go on, or nothing yet (204)."""
    answer: HttpResponse = _state(request, sender_id=sender_id)
    if _is_polling(request) and answer.status_code == 302:
        return HttpResponse(headers={"HX-Redirect": answer["Location"]})
    return answer


@person_page
def _state(request: HttpRequest, principal: Principal, sender_id: UUID) -> HttpResponse:
    found = _became(principal, sender_id, request.GET.get("link", ""))
    if found != WAITING:
        return _after(principal, sender_id, found)
    if _is_polling(request):
        return HttpResponse(status=204)
    sender = get_sender(MESSENGER, sender_id)
    return render(request, "consents/link/waiting.html", {**_about(sender), "state": request.get_full_path()})


def _after(principal: Principal, sender_id: UUID, found: str) -> HttpResponse:
    """Whoever linked in order to answer a bank goes on with that."""
    sender = get_sender(MESSENGER, sender_id)
    asked = find_question(principal, sender.partner_id, sender.environment) if found == "linked" else None
    if asked is not None:
        return redirect("authorize", public_id("req", asked.id))
    return redirect("link-outcome", sender_id, found)


def _is_polling(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _became(principal: Principal, sender_id: UUID, link: str) -> str:
    """A link that was spoilt is gone before its time."""
    try:
        link_id = parse_public_id("lnk", link)
    except InvalidPublicId as error:
        raise Http404 from error
    row = LinkToken.objects.filter(pk=link_id, sender_id=sender_id, person_id=principal.person_id).first()
    if row is not None and row.used_at:
        return "linked"
    age = time.time() - (link_id.int >> 80) / 1000  # a UUIDv7 begins with its time in ms
    if age >= LINK_TOKEN_MINUTES * 60:
        return "expired"
    return WAITING if row is not None else "failed"


@never_cache
@require_GET
@person_page
def outcome(request: HttpRequest, principal: Principal, sender_id: UUID, outcome: str) -> HttpResponse:
    """The named ends of linking. “Linked” is only said where it is so."""
    if outcome not in OUTCOMES:
        raise Http404
    sender = get_sender(MESSENGER, sender_id)
    account = _linked(principal).filter(sender=sender).order_by("-id").first()
    if outcome == "linked" and account is None:
        return redirect("link-home")
    asked, begin = find_question(principal, sender.partner_id, sender.environment), None
    if asked is None:
        with scope(Principal.system()):
            begin = sign_in_to_begin_with(sender.partner, sender.environment)
    return _outcome_page(request, sender, outcome, account=account, asked=asked, begin=begin)


def _outcome_page(
    request: HttpRequest, sender: Sender, outcome: str, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = {
        **_about(sender),
        "outcome": outcome,
        "chat": platform_of(sender).chat_url(sender.external_id),
        "is_offered": is_offered(sender),
        **more,
    }
    return render(request, "consents/link/outcome.html", context, status=status)


def _about(sender: Sender) -> dict[str, Any]:
    return {"sender": sender, "bank": sender.partner, "environment": sender.environment}


def _linked(principal: Principal) -> QuerySet[LinkedAccount]:
    live = LinkedAccount.objects.exclude(status=LinkedAccount.Status.UNLINKED)
    return live.filter(person_id=principal.person_id, channel=MESSENGER)
