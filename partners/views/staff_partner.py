"""A bank all around, for platform staff: how it stands, what it has, and the ways to stop it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from partners.access import get_partner_by_slug
from partners.actions.leaving import reinstate_partner, revoke_partner, suspend_partner
from partners.actions.partners import GONE
from partners.actions.production import enable_production
from partners.agreement_access import versions_for
from partners.consequences import consequences_of
from partners.forms.leaving import EnableForm, ReasonForm
from partners.models import AgreementVersion, ApiClient, Membership, Partner, Production, Sender, Stop
from partners.pages import posted, staff_page
from partners.production import conditions_of
from partners.refusals import Refused
from partners.views.clients import state_of
from partners.waiting import ASK, ASKING
from portal.tenancy.permissions import StaffPermission
from portal.tenancy.principal import Principal

PAGE = 50
_S = Partner.Status


@require_GET
@staff_page(StaffPermission.PARTNERS_READ)
def partners(request: HttpRequest, principal: Principal) -> HttpResponse:
    """All banks by name; `?status=` and `?name=` narrow, `?after=` turns the page."""
    rows = Partner.objects.order_by("slug")
    status, name = request.GET.get("status", ""), request.GET.get("name", "").strip()[:120]
    if status in _S.values:
        rows = rows.filter(status=status)
    elif status == ASKING:
        rows = rows.filter(ASK)
    if name:
        rows = rows.filter(Q(name__icontains=name) | Q(slug__icontains=name))
    if after := request.GET.get("after"):
        rows = rows.filter(slug__gt=after)
    found = list(rows[: PAGE + 1])
    context = {
        "rows": found[:PAGE],
        "status": status,
        "name": name,
        "statuses": [(ASKING, "Asks to go live"), *_S.choices],
        "after": found[PAGE - 1].slug if len(found) > PAGE else "",
    }
    return render(request, "partners/staff_partner/partners.html", context)


@require_GET
@staff_page(StaffPermission.PARTNERS_READ)
def partner(request: HttpRequest, principal: Principal, slug: str) -> HttpResponse:
    """Its state, clients, senders, team, what stands behind it, and its history of stops."""
    found = get_partner_by_slug(principal, slug)
    agreements = versions_for(principal).filter(partner=found)
    in_force = agreements.filter(status=AgreementVersion.Status.FINALIZED).first()
    clients = ApiClient.objects.filter(partner=found).order_by("-id")[:PAGE]
    context = {
        "bank": found,
        "agreement": agreements.open().first() or in_force,
        "may_offer": StaffPermission.AGREEMENTS_OFFER.value in principal.permissions
        and found.status not in GONE,
        "production": Production.objects.filter(partner=found).first(),
        "conditions": conditions_of(found),
        "consequences": consequences_of(found),
        "clients": [(client, state_of(client)) for client in clients],
        "senders": Sender.objects.filter(partner=found).order_by("-id")[:PAGE],
        "members": Membership.objects.filter(partner=found).select_related("user").order_by("id")[:PAGE],
        "stops": Stop.objects.filter(partner=found).order_by("-id")[:PAGE],
        "ways": _ways(principal, found),
        "may_enable": StaffPermission.PARTNERS_REVIEW.value in principal.permissions,
    }
    return render(request, "partners/staff_partner/partner.html", context)


def _act(
    permission: StaffPermission,
    form_class: type[forms.Form],
    template_words: dict[str, Any],
    act: Callable[..., object],
) -> Callable[..., HttpResponse]:
    """A page that asks why, and on POST does it."""

    @require_http_methods(["GET", "POST"])
    @staff_page(permission)
    def page(request: HttpRequest, principal: Principal, slug: str) -> HttpResponse:
        found = get_partner_by_slug(principal, slug)
        form = form_class(posted(request))
        if request.method == "POST" and form.is_valid():
            try:
                act(partner_id=found.id, actor=principal, reason=form.cleaned_data["reason"])
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, f"{found.name}: {template_words['done']}")
                return redirect("staff-partner", slug)
        context = {"bank": found, "form": form, "consequences": consequences_of(found), **template_words}
        status = 422 if form.errors else 200
        return render(request, "partners/staff_partner/confirm.html", context, status=status)

    return page


suspend = _act(
    StaffPermission.PARTNERS_SUSPEND,
    ReasonForm,
    {
        "heading": "Suspend this bank?",
        "points": [
            "Nothing of it is sent, and its clients are refused, at once.",
            "You can reinstate it; nothing is lost but what expires meanwhile.",
        ],
        "button": "Suspend",
        "is_danger": True,
        "done": "suspended. Nothing is sent any more.",
    },
    suspend_partner,
)
reinstate = _act(
    StaffPermission.PARTNERS_SUSPEND,
    ReasonForm,
    {
        "heading": "Reinstate this bank?",
        "points": ["Its clients are let in again.", "What waited and has not expired is sent."],
        "button": "Reinstate",
        "is_danger": False,
        "done": "reinstated.",
    },
    reinstate_partner,
)
revoke = _act(
    StaffPermission.PARTNERS_SUSPEND,
    ReasonForm,
    {
        "heading": "End the work with this bank?",
        "points": [
            "It cannot be undone.",
            "What waits is withdrawn, and its data is destroyed when the agreement says.",
        ],
        "button": "End for good",
        "is_danger": True,
        "done": "ended for good.",
    },
    revoke_partner,
)
enable = _act(
    StaffPermission.PARTNERS_REVIEW,
    EnableForm,
    {
        "heading": "Enable production?",
        "points": ["The bank’s live clients are let in and reach real people, within its agreement."],
        "button": "Enable production",
        "is_danger": False,
        "done": "production is enabled.",
    },
    enable_production,
)


def _ways(principal: Principal, bank: Partner) -> list[tuple[str, str]]:
    """(route, words) of what this colleague can do with the bank as it stands."""
    ways = []
    if StaffPermission.PARTNERS_SUSPEND.value in principal.permissions:
        if bank.status == _S.ACTIVE:
            ways.append(("staff-partner-suspend", "Suspend"))
        if bank.status == _S.SUSPENDED:
            ways.append(("staff-partner-reinstate", "Reinstate"))
        if bank.status in (_S.ACTIVE, _S.SUSPENDED):
            ways.append(("staff-partner-revoke", "End for good"))
    return ways
