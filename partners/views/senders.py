"""A bank's senders, for its members: what the platform needs to know of us, and whether it takes them."""

import secrets as random
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from partners.access import get_sender_for, id_in_path, senders_for
from partners.actions import senders as actions
from partners.forms.senders import PauseForm, SenderForm
from partners.models import Partner, Sender
from partners.pages import as_member, ask_again, member_page, posted
from partners.refusals import Refused
from partners.sender_checks import check_at_platform
from portal.ids import public_id
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Principal

PAGE = 25
CHANNEL = "messenger"
senders_page = member_page(Permission.SENDERS_MANAGE)


@require_GET
@senders_page
def senders(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """All of the bank's, newest first; `?before=` turns the page."""
    rows = senders_for(principal)
    if before := request.GET.get("before"):
        rows = rows.filter(id__lt=id_in_path("snd", before))
    found = list(rows.order_by("-id")[: PAGE + 1])
    context = {
        "partner": partner,
        "rows": found[:PAGE],
        "next": f"before={public_id('snd', found[PAGE - 1].pk)}" if len(found) > PAGE else "",
    }
    return render(request, "partners/senders/senders.html", context)


@require_http_methods(["GET", "POST"])
@senders_page
def add(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """A new one; its page then shows what the platform needs."""
    ask_again(request)
    form = SenderForm(posted(request))
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        try:
            sender = actions.configure_sender(
                partner_id=partner.id,
                environment=typed["environment"],
                channel=CHANNEL,
                external_id=typed["external_id"],
                name=typed["name"],
                secrets={**form.secrets(), "verify_token": random.token_urlsafe(24)},
                rate_per_second=typed["rate_per_second"],
                actor=principal,
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, "The sender is added. Tell the platform where to call us, then check it."
            )
            return _to(partner, sender)
    return _answer(request, "partners/senders/form.html", {"partner": partner, "form": form})


@require_GET
@senders_page
def sender(request: HttpRequest, principal: Principal, partner: Partner, snd: str) -> HttpResponse:
    """Where the platform calls us, what it said when it was last asked, and what can be done."""
    found = get_sender_for(principal, id_in_path("snd", snd))
    context = _about(partner, found) | {
        "hook": f"{settings.BASE_URL}/hooks/{found.channel}/{found.pk}",
        "verify_token": (actions.open_secrets(found) or {}).get("verify_token", ""),
    }
    return render(request, "partners/senders/sender.html", context)


@require_http_methods(["GET", "POST"])
@senders_page
def edit(request: HttpRequest, principal: Principal, partner: Partner, snd: str) -> HttpResponse:
    """Its name and pace; and new secrets, where they are typed."""
    found = get_sender_for(principal, id_in_path("snd", snd))
    ask_again(request)
    form = SenderForm(posted(request), sender=found)
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data
        try:
            actions.change_sender(
                sender_id=found.pk,
                name=typed["name"],
                rate_per_second=typed["rate_per_second"],
                secrets=form.secrets(),
                actor=principal,
                seen=request.POST.get("seen", ""),
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            is_new = bool(form.secrets())
            done = "The secrets are replaced. Check the sender now." if is_new else "The sender is changed."
            messages.success(request, done)
            return _to(partner, found)
    return _answer(request, "partners/senders/form.html", _about(partner, found) | {"form": form})


@require_POST
@login_required
def check(request: HttpRequest, slug: str, snd: str) -> HttpResponse:
    """Asks the platform, between two transactions."""
    partner, found = _checked(request, slug, snd)
    if found.is_proven:
        messages.success(request, "The platform takes this sender.")
    else:
        messages.error(request, "The platform does not take this sender yet: see what the check found.")
    return _to(partner, found)


@require_http_methods(["GET", "POST"])
@senders_page
def pause(request: HttpRequest, principal: Principal, partner: Partner, snd: str) -> HttpResponse:
    """Stops sending through it, with a reason."""
    found = get_sender_for(principal, id_in_path("snd", snd))
    form = PauseForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            actions.pause_sender(sender_id=found.pk, actor=principal, **form.cleaned_data)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "The sender is paused.")
            return _to(partner, found)
    return _answer(request, "partners/senders/pause.html", _about(partner, found) | {"form": form})


@require_POST
@login_required
def resume(request: HttpRequest, slug: str, snd: str) -> HttpResponse:
    """Asks the platform first; where it takes the sender, what waits goes out."""
    partner, found = _checked(request, slug, snd)
    try:
        with as_member(request, slug, Permission.SENDERS_MANAGE) as (principal, _):
            actions.resume_sender(sender_id=found.pk, actor=principal)
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "The sender works again, and what waited goes out.")
    return _to(partner, found)


def _checked(request: HttpRequest, slug: str, snd: str) -> tuple[Partner, Sender]:
    with as_member(request, slug, Permission.SENDERS_MANAGE) as (principal, partner):
        found = get_sender_for(principal, id_in_path("snd", snd))
        known = actions.open_secrets(found)
    if known is None:
        raise Http404
    findings = check_at_platform(found.channel, found.external_id, known)
    with as_member(request, slug, Permission.SENDERS_MANAGE) as (principal, _):
        return partner, actions.note_check(sender_id=found.pk, findings=findings, actor=principal)


def _about(partner: Partner, sender: Sender) -> dict[str, Any]:
    snd = public_id("snd", sender.pk)
    return {"partner": partner, "sender": sender, "snd": snd, "environment": sender.environment}


def _to(partner: Partner, sender: Sender) -> HttpResponse:
    return redirect("member-sender", partner.slug, public_id("snd", sender.pk))


def _answer(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, context, status=422 if context["form"].errors else 200)
