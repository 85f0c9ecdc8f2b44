"""Banks that staff have invited."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from partners.actions import registration
from partners.forms.register import InviteBankForm
from partners.models import BankInvitation
from partners.pages import staff_page
from partners.refusals import Refused
from partners.team import get_bank_invitation
from portal.ids import InvalidPublicId, parse_public_id, public_id
from portal.tenancy.permissions import StaffPermission
from portal.tenancy.principal import Principal

PAGE = 50


@require_safe
@staff_page(StaffPermission.PARTNERS_READ)
def invitations(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Newest first; `?before=` is the last of the page before."""
    rows = BankInvitation.objects.select_related("partner", "invited_by").order_by("-id")
    if before := request.GET.get("before"):
        rows = rows.filter(id__lt=_id(before))
    found = list(rows[: PAGE + 1])
    query = QueryDict(mutable=True)
    if len(found) > PAGE:
        query["before"] = public_id("biv", found[PAGE - 1].id)
    context = {
        "rows": found[:PAGE],
        "next": query.urlencode(),
        "may_invite": StaffPermission.PARTNERS_REVIEW.value in principal.permissions,
    }
    return render(request, "partners/staff_invitations/list.html", context)


@require_http_methods(["GET", "POST"])
@staff_page(StaffPermission.PARTNERS_REVIEW)
def invite(request: HttpRequest, principal: Principal) -> HttpResponse:
    """A letter to a bank."""
    form = InviteBankForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            registration.invite_bank(actor=principal, **form.cleaned_data)
        except Refused as refusal:
            form.add_error("email", str(refusal))
        else:
            messages.success(request, f"An invitation is on its way to {form.cleaned_data['email']}.")
            return redirect("staff-invitations")
    status = 422 if form.errors else 200
    return render(request, "partners/staff_invitations/invite.html", {"form": form}, status=status)


@require_POST
@staff_page(StaffPermission.PARTNERS_REVIEW)
def renew(request: HttpRequest, principal: Principal, biv: str) -> HttpResponse:
    """Sends it again."""
    found = get_bank_invitation(_id(biv))

    def act() -> str:
        registration.renew_bank_invitation(invitation_id=found.pk, actor=principal)
        return f"Sent again to {found.email}. The link of the first e-mail no longer works."

    return _do(request, act)


@require_POST
@staff_page(StaffPermission.PARTNERS_REVIEW)
def withdraw(request: HttpRequest, principal: Principal, biv: str) -> HttpResponse:
    """Ends it."""
    found = get_bank_invitation(_id(biv))

    def act() -> str:
        registration.withdraw_bank_invitation(invitation_id=found.pk, actor=principal)
        return f"The invitation of {found.bank_name} is withdrawn."

    return _do(request, act)


def _id(text: str) -> UUID:
    try:
        return parse_public_id("biv", text)
    except InvalidPublicId as error:
        raise Http404 from error


def _do(request: HttpRequest, act: Callable[[], str]) -> HttpResponse:
    """Does it, says how it went, and goes back to the list."""
    try:
        messages.success(request, act())
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("staff-invitations")
