"""Changing a connected bank: less at once, more or longer after reading what it means."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from consents.access import get_grant_for
from consents.actions.again import Answer, agree_again, can_renew, check_can_agree
from consents.actions.narrow import narrow_grant
from consents.actions.unused import keep_kind
from consents.choosing import Choosable, Wish, choosable_for, digest, ends_after, statement
from consents.route import chat_words, described
from consents.views.person import grant_id, person_page
from partners.refusals import Refused
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal


@require_http_methods(["GET", "POST"])
@person_page
def change(request: HttpRequest, principal: Principal, grt: str) -> HttpResponse:
    """Shows all kinds and accounts there are. On POST what is less is less at once; what is more is shown first."""
    is_answer = request.method == "POST"
    grant = get_grant_for(principal, grant_id(grt), lock=is_answer, account_too=is_answer)
    if not grant.is_open:
        return redirect("person-grant", grt=grt)
    offer = choosable_for(grant)
    if request.method == "GET":
        return _choose(request, offer, offer.as_it_is())
    chats = request.POST.getlist("chats") if "has_chats" in request.POST else None
    wish = Wish(request.POST.getlist("kinds"), request.POST.getlist("accounts"), chats)
    if offer.is_empty(wish):
        return _choose(request, offer, wish, status=422)
    try:
        if request.POST.get("answer") == "allow":
            answer = Answer(wish, request.POST.get("seen", ""))
            agree_again(grant_id=grant.id, answer=answer, actor=principal)
            messages.success(request, _("Thank you. The change holds from now on."))
        elif offer.is_known(wish) and offer.is_wider(wish):
            check_can_agree(grant)
            return _read(request, offer, _covered(offer, wish))
        elif offer.is_same(wish):
            messages.success(request, _("Everything stays as it was."))
        else:
            narrow_grant(grant_id=grant.id, wish=wish, actor=principal)
            messages.success(request, _("Done. What you took out is not sent any more."))
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("person-grant", grt=grt)


@require_http_methods(["GET", "POST"])
@person_page
def renew(request: HttpRequest, principal: Principal, grt: str) -> HttpResponse:
    """In the last 30 days: all that is allowed once more in full, for a period that is picked anew."""
    is_answer = request.method == "POST"
    grant = get_grant_for(principal, grant_id(grt), lock=is_answer, account_too=is_answer)
    if not can_renew(grant):
        return redirect("person-grant", grt=grt)
    offer = choosable_for(grant)
    try:
        check_can_agree(grant)
        if request.method == "GET":
            return _read_to_renew(request, offer)
        if not (days := _period(request.POST.get("days", ""), offer)):
            return _read_to_renew(request, offer, status=422)
        answer = Answer(offer.as_it_is(), request.POST.get("seen", ""), days)
        has_waited = grant.is_unconfirmed
        agree_again(grant_id=grant.id, answer=answer, actor=principal)
        renewed = _("Thank you. Renewed without a break.")
        messages.success(request, _("Thank you. Renewed and confirmed.") if has_waited else renewed)
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("person-grant", grt=grt)


@require_POST
@person_page
def unused(request: HttpRequest, principal: Principal, grt: str) -> HttpResponse:
    """Keeps a kind of message that has not come for long, or takes it out now."""
    kind = request.POST.get("kind", "")
    grant = get_grant_for(principal, grant_id(grt), lock=True)
    try:
        if request.POST.get("answer") == "keep":
            keep_kind(grant_id=grant.id, kind=kind, actor=principal)
            messages.success(request, _("Kept."))
        else:
            offer = choosable_for(grant)
            wish = Wish([name for name in grant.clusters if name != kind], list(offer.held))
            narrow_grant(grant_id=grant.id, wish=wish, actor=principal)
            messages.success(request, _("Done. What you took out is not sent any more."))
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("person-grant", grt=grt)


def _choose(request: HttpRequest, offer: Choosable, wish: Wish, *, status: int = 200) -> HttpResponse:
    context = {"grant": offer.grant, "offer": offer, "wish": wish, "is_empty": status != 200}
    context["environment"] = offer.grant.environment
    context["chats"] = _chats(offer, wish)
    return render(request, "consents/person/change.html", context, status=status)


def _chats(offer: Choosable, wish: Wish) -> list[dict[str, object]]:
    chats = [*offer.held_chats, *offer.other_chats]
    chosen = offer.chosen_chats(wish)
    with scope(Principal.system()):
        words = chat_words(described(chats))
    return [
        {"id": one.id, "words": word, "is_chosen": one in chosen}
        for one, word in zip(chats, words, strict=True)
    ]


def _covered(offer: Choosable, wish: Wish) -> Wish:
    """A new consent holds nothing that the agreement does not cover."""
    return Wish([name for name in wish.kinds if name not in offer.lost], wish.accounts, wish.chats)


def _read(request: HttpRequest, offer: Choosable, wish: Wish) -> HttpResponse:
    lines = statement(offer, wish, offer.grant.expires_at)
    context = {"grant": offer.grant, "wish": wish, "lines": lines, "seen": digest(offer, lines)}
    context["environment"] = offer.grant.environment
    return render(request, "consents/person/widen.html", context)


def _read_to_renew(request: HttpRequest, offer: Choosable, *, status: int = 200) -> HttpResponse:
    lines = statement(offer, offer.as_it_is())
    context = {
        "grant": offer.grant,
        "lines": lines,
        "seen": digest(offer, lines),
        "periods": [(days, ends_after(days)) for days in offer.periods],
        "is_missing": status != 200,
        "environment": offer.grant.environment,
    }
    return render(request, "consents/person/renew.html", context, status=status)


def _period(text: str, offer: Choosable) -> int | None:
    return next((days for days in offer.periods if str(days) == text), None)
