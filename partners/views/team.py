"""A bank's team: who is in it, who is invited, and the page that an invitation leads to."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from partners.actions import invitations, team
from partners.forms.team import AcceptForm, InviteForm, RoleForm
from partners.models import Invitation, JoinRequest, Membership, Partner
from partners.pages import ask_again, member_page
from partners.refusals import Refused
from partners.roles import ROLE_WORDS
from partners.sso.arrival import has_joined
from partners.sso.reading import sign_on_for, start_url
from partners.team import (
    get_invitation_for,
    get_join_request_for,
    get_member_for,
    has_address,
    invitation_by_token,
    members_of,
    open_invitations,
)
from portal.ids import InvalidPublicId, parse_public_id
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Principal

View = Callable[..., HttpResponse]


def _manage(view: View) -> View:
    """For those who may manage the team; what they send needs a fresh proof of who they are."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        if request.method == "POST":
            ask_again(request)
        return view(request, *args, **named)

    return member_page(Permission.TEAM_MANAGE)(page)


@require_safe
@member_page()
def members(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """Everybody in it; those who manage it also see how each signs in, who is invited and who asks to join."""
    is_manager = Permission.TEAM_MANAGE.value in principal.permissions
    context: dict[str, Any] = {
        "partner": partner,
        "is_manager": is_manager,
        "members": [(one, ROLE_WORDS[one.role][0]) for one in members_of(partner.id)],
        "reader": principal.id,
        "roles": ROLE_WORDS.values(),
    }
    if is_manager:
        context["invitations"] = [
            (one, ROLE_WORDS[one.role][0]) for one in open_invitations(partner.id).order_by("-id")
        ]
        asked = JoinRequest.objects.filter(partner=partner, closed_at=None)
        context["requests"] = list(asked.select_related("user").order_by("id"))
    return render(request, "partners/team/members.html", context)


@require_http_methods(["GET", "POST"])
@_manage
def invite(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """`?email=` fills it in."""
    form = InviteForm(_sent(request), initial={"email": request.GET.get("email", "")})
    if request.method == "POST" and form.is_valid():
        try:
            invitations.invite_member(partner_id=partner.id, actor=principal, **form.cleaned_data)
        except Refused as refusal:
            form.add_error("email", str(refusal))
        else:
            messages.success(request, f"An invitation is on its way to {form.cleaned_data['email']}.")
            return redirect("member-team", partner.slug)
    context = {"partner": partner, "form": form, "roles": ROLE_WORDS.values()}
    return _answer(request, "partners/team/invite.html", context)


@require_http_methods(["GET", "POST"])
@_manage
def member(request: HttpRequest, principal: Principal, partner: Partner, mem: str) -> HttpResponse:
    """Somebody's role, and what each role may do."""
    found = get_member_for(principal, _id("mem", mem))
    form = RoleForm(_sent(request), initial={"role": found.role, "was": found.role})
    if request.method == "POST" and form.is_valid():
        was, to = form.cleaned_data["was"], form.cleaned_data["role"]
        try:
            team.change_role(partner_id=partner.id, member_id=found.pk, was=was, to=to, actor=principal)
        except Refused as refusal:
            found = get_member_for(principal, found.pk)
            form = RoleForm({"role": to, "was": found.role})
            form.add_error("role", str(refusal))
        else:
            messages.success(request, f"{_name(found)} is now: {ROLE_WORDS[to][0]}.")
            return redirect("member-team", partner.slug)
    return _answer(request, "partners/team/member.html", _about(partner, found) | {"form": form})


@require_http_methods(["GET", "POST"])
@_manage
def remove(request: HttpRequest, principal: Principal, partner: Partner, mem: str) -> HttpResponse:
    """Says what removing does, then does it."""
    found = get_member_for(principal, _id("mem", mem))
    context = _about(partner, found) | {"is_self": found.user_id == principal.id}
    if request.method == "POST":
        try:
            team.remove_member(partner_id=partner.id, member_id=found.pk, actor=principal)
        except Refused as refusal:
            return render(
                request, "partners/team/remove.html", context | {"refusal": str(refusal)}, status=422
            )
        messages.success(request, f"{_name(found)} is not in the team any more.")
        if context["is_self"]:
            return redirect("member-banks")
        return redirect("member-team", partner.slug)
    return render(request, "partners/team/remove.html", context)


@require_POST
@_manage
def renew(request: HttpRequest, principal: Principal, partner: Partner, inv: str) -> HttpResponse:
    """Sends the invitation again."""
    found = get_invitation_for(principal, _id("inv", inv))

    def act() -> str:
        invitations.renew_invitation(partner_id=partner.id, invitation_id=found.pk, actor=principal)
        return f"Sent again to {found.email}. The link of the first e-mail no longer works."

    return _do(request, partner, act)


@require_POST
@_manage
def withdraw(request: HttpRequest, principal: Principal, partner: Partner, inv: str) -> HttpResponse:
    """Ends the invitation."""
    found = get_invitation_for(principal, _id("inv", inv))

    def act() -> str:
        invitations.withdraw_invitation(partner_id=partner.id, invitation_id=found.pk, actor=principal)
        return f"The invitation of {found.email} is withdrawn."

    return _do(request, partner, act)


@require_POST
@_manage
def dismiss(request: HttpRequest, principal: Principal, partner: Partner, joi: str) -> HttpResponse:
    """Takes a request to join off the list."""
    found = get_join_request_for(principal, _id("joi", joi))

    def act() -> str:
        invitations.close_join_request(partner_id=partner.id, request_id=found.pk, actor=principal)
        return "The request is off the list."

    return _do(request, partner, act)


@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """For whoever has the letter: what it is, and joining, when signed in with the address it was sent to."""
    user: Any = request.user
    with transaction.atomic():
        found = invitation_by_token(token)
        sent = _sent(request)
        form = AcceptForm(sent, initial={"name": getattr(user, "name", "")})
        context = _letter(request, found) | {"form": form}
        if request.method == "POST" and context["is_reader"] and form.is_valid():
            try:
                invitations.accept_invitation(
                    invitation_id=found.pk,
                    user=user,
                    name=form.cleaned_data["name"],
                    session_key=request.session.session_key,
                )
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, f"You are in the team of {found.partner.name}.")
                return has_joined(request, user, found.partner_id) or redirect(
                    "member-home", found.partner.slug
                )
        status = 410 if context["ended"] else 422 if sent is not None else 200
        return render(request, "partners/team/invitation.html", context, status=status)


def _letter(request: HttpRequest, found: Invitation) -> dict[str, Any]:
    user = request.user
    is_member, by_bank = False, ""
    with scope(Principal.system()):
        if user.is_authenticated:
            is_member = Membership.objects.filter(partner=found.partner, user=user).exists()
        elif (sign_on := sign_on_for(found.email)) is not None and sign_on.partner_id == found.partner_id:
            by_bank = f"{start_url(found.partner_id)}?invitation={request.path.rpartition('/')[2]}"
    word, sentence = ROLE_WORDS[found.role]
    return {
        "invitation": found,
        "bank": found.partner,
        "role": word,
        "role_words": sentence,
        "ended": invitations.ENDED.get(found.state, ""),
        "is_member": is_member,
        "by_bank": by_bank,
        "is_reader": user.is_authenticated and has_address(user, found.email),
    }


def _about(partner: Partner, found: Membership) -> dict[str, Any]:
    role, may = ROLE_WORDS[found.role]
    return {
        "partner": partner,
        "member": found,
        "name": _name(found),
        "role": role,
        "may": may,
        "roles": ROLE_WORDS.values(),
    }


def _sent(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _name(found: Membership) -> str:
    return found.user.name or found.user.email


def _id(prefix: str, text: str) -> UUID:
    try:
        return parse_public_id(prefix, text)
    except InvalidPublicId as error:
        raise Http404 from error


def _answer(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """422 for a form that came back."""
    return render(request, template, context, status=422 if context["form"].errors else 200)


def _do(request: HttpRequest, partner: Partner, act: Callable[[], str]) -> HttpResponse:
    """Does it, says how it went, and goes back to the team."""
    try:
        messages.success(request, act())
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("member-team", partner.slug)
