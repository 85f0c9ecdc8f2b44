"""How a bank comes in: what to have ready, its workspace, the first secret; and the page of a bank's invitation."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from partners.actions.invitations import ENDED, ask_to_join
from partners.actions.registration import (
    Workspace,
    decline_bank_invitation,
    open_workspace,
    work_domain,
)
from partners.forms.register import DeclineForm, WorkspaceForm
from partners.models import BankInvitation, JoinRequest, Membership, Partner
from partners.refusals import Refused
from partners.team import bank_invitation_by_token, bank_of_domain, has_address
from portal.accounts.models import User
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal


@require_safe
def register(request: HttpRequest) -> HttpResponse:
    """What a bank should have ready, and what comes after what."""
    return render(request, "partners/register/start.html")


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def workspace(request: HttpRequest) -> HttpResponse:
    """Opens the bank; answers with its sandbox client's secret, once."""
    user: User = request.user  # type: ignore[assignment]
    form = _form(request)
    barrier = _barrier(user)
    if request.method == "POST" and not barrier and form.is_valid():
        made = _open(form, user)
        if made:
            return _secret(request, made)
    status = 422 if request.method == "POST" else 200
    return render(request, "partners/register/workspace.html", barrier | {"form": form}, status=status)


@require_POST
@login_required
def ask(request: HttpRequest) -> HttpResponse:
    """Asks the bank whose people have addresses like the user's to invite them."""
    user: User = request.user  # type: ignore[assignment]
    bank = _barrier(user).get("bank")
    try:
        if bank:
            ask_to_join(partner_id=bank.pk, user=user)
            messages.success(request, "Asked. You get an e-mail when somebody invites you.")
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("register-workspace")


@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """For whoever has the letter: registering, when signed in with the address it was sent to."""
    with transaction.atomic():
        found = bank_invitation_by_token(token)
    user: Any = request.user
    is_reader = user.is_authenticated and has_address(user, found.email)
    form = _form(request, name=found.bank_name)
    context = _letter(found, token) | {"form": form, "is_reader": is_reader}
    context |= _barrier(user) if is_reader else {}
    if request.method == "POST" and is_reader and not context.get("barrier") and form.is_valid():
        made = _open(form, user, found)
        if made:
            return _secret(request, made)
    return render(request, "partners/register/invitation.html", context, status=_status(request, context))


@never_cache
@require_http_methods(["GET", "POST"])
def decline(request: HttpRequest, token: str) -> HttpResponse:
    """Walking away takes a reason and nothing else: no account, no sign-in."""
    with transaction.atomic():
        found = bank_invitation_by_token(token)
    form = DeclineForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            decline_bank_invitation(invitation_id=found.pk, reason=form.cleaned_data["reason"])
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return render(request, "partners/register/declined.html", {"invitation": found})
    context = _letter(found, token) | {"form": form}
    return render(request, "partners/register/decline.html", context, status=_status(request, context))


def _form(request: HttpRequest, name: str = "") -> WorkspaceForm:
    initial = {"name": name, "owner_name": getattr(request.user, "name", "")}
    return WorkspaceForm(request.POST if request.method == "POST" else None, initial=initial)


def _status(request: HttpRequest, context: dict[str, Any]) -> int:
    """410 for a letter that ended, 422 for a form that came back."""
    return 410 if context["ended"] else 422 if request.method == "POST" else 200


def _letter(found: BankInvitation, token: str) -> dict[str, Any]:
    return {"invitation": found, "token": token, "ended": ENDED.get(found.state, "")}


def _open(form: WorkspaceForm, user: User, found: BankInvitation | None = None) -> Workspace | None:
    try:
        return open_workspace(owner=user, invitation_id=found.pk if found else None, **form.cleaned_data)
    except Refused as refusal:
        form.add_error("slug" if "taken" in str(refusal) else None, str(refusal))
    return None


def _secret(request: HttpRequest, made: Workspace) -> HttpResponse:
    context = {
        "partner": made.partner,
        "client": made.client,
        "secret": made.secret,
        "base_url": settings.BASE_URL,
        "environment": made.client.environment,
    }
    return render(request, "partners/register/opened.html", context)


def _barrier(user: User) -> dict[str, Any]:
    """What keeps the user from opening a bank with this address, before anything is typed; {} for nothing."""
    if user.staff_role:
        return {"barrier": "staff"}
    try:
        domain = work_domain(user)
    except Refused as refusal:
        return {"barrier": "address", "refusal": str(refusal)}
    with scope(Principal.system()), transaction.atomic():
        bank: Partner | None = bank_of_domain(domain)
        if bank is None:
            return {}
        is_member = Membership.objects.filter(partner=bank, user=user).exists()
        has_asked = JoinRequest.objects.filter(partner=bank, user=user, closed_at=None).exists()
    return {
        "barrier": "domain",
        "domain": domain,
        "bank": bank,
        "is_member": is_member,
        "has_asked": has_asked,
    }
