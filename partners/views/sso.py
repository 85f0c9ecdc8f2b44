"""Single sign-on: a bank's page about it, and the ways in that lead through a bank."""

from collections.abc import Callable
from typing import Any

from allauth.core import ratelimit
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import complete_social_login
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.signing import BadSignature
from django.db import transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from partners.actions import sso as actions
from partners.forms.sso import EmailForm, ModeForm, SamlForm, SignOnForm
from partners.forms.team import AcceptForm
from partners.models import Membership, Partner, SignOn
from partners.oidc.discovery import check_provider
from partners.pages import as_member, ask_again, member_page, posted
from partners.refusals import Refused
from partners.roles import ROLE_WORDS
from partners.saml import NOT_INSTALLED, is_installed
from partners.saml.certificates import check_certificates, read_certificate
from partners.sso.arrival import forget_identity, kept_identity
from partners.sso.reading import (
    acs_url,
    callback_url,
    domains_of,
    domains_reached,
    entity_id_url,
    links_of,
    sign_on_for,
    sign_on_of,
    start_url,
)
from partners.sso.views import COOKIE, REMEMBERED, remember
from partners.team import invitation_by_token, members_of
from portal.accounts.bank_session import link_first
from portal.mail.outbox import queue_mail
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Principal

_WORDS = {"off": "Off", "on": "On", "required": "Required"}


@require_safe
@member_page()
def sign_on(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """Whether it is on, one's own link, and for those who manage the team all about the provider."""
    found = sign_on_of(partner.id)
    link = links_of(partner.id).filter(user=principal.id).first()
    if link is not None or found is None or not found.is_required:
        link_first(request, "")
    context = {
        "partner": partner,
        "sign_on": found,
        "mode": _WORDS[actions.mode_of(found)] if found else "",
        "link": link,
        "start": start_url(partner.id),
        "callback": callback_url(partner.id),
        "is_manager": Permission.TEAM_MANAGE.value in principal.permissions,
        "domains": domains_reached(found) if found else [],
        "certificates": [read_certificate(one) for one in found.certificates] if found else [],
    }
    return render(request, "partners/sso/sign_on.html", context | _ours(partner))


@require_http_methods(["GET", "POST"])
@member_page(Permission.TEAM_MANAGE)
def set_up(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """The bank's OpenID Connect provider, and what to enter there."""
    ask_again(request)
    found = sign_on_of(partner.id)
    form = SignOnForm(posted(request), sign_on=found, domains=domains_of(partner))
    if _is_saved(request, form, actions.save_sign_on, partner_id=partner.id, actor=principal):
        return redirect("member-sign-on", partner.slug)
    context = {"partner": partner, "sign_on": found, "callback": callback_url(partner.id), "form": form}
    return _answer(request, "partners/sso/set_up.html", context)


@require_http_methods(["GET", "POST"])
@member_page(Permission.TEAM_MANAGE)
def set_up_saml(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """The same for a SAML provider, where this installation speaks it."""
    ask_again(request)
    found = sign_on_of(partner.id)
    if not is_installed():
        missing = {"partner": partner, "sign_on": found, "not_installed": NOT_INSTALLED}
        return render(request, "partners/sso/set_up_saml.html", missing, status=404)
    form = SamlForm(posted(request), sign_on=found, domains=domains_of(partner))
    if _is_saved(request, form, actions.save_saml_sign_on, partner_id=partner.id, actor=principal):
        return redirect("member-sign-on", partner.slug)
    context = {"partner": partner, "sign_on": found, "form": form} | _ours(partner)
    return _answer(request, "partners/sso/set_up_saml.html", context)


@require_POST
@login_required
def check(request: HttpRequest, slug: str) -> HttpResponse:
    """Asks the provider, between two transactions; one that speaks SAML is asked by browsers only."""
    with as_member(request, slug, Permission.TEAM_MANAGE) as (principal, partner):
        found = sign_on_of(partner.id)
    if found is None:
        messages.error(request, "Set it up first.")
        return redirect("member-sign-on", slug)
    findings = check_certificates(found.certificates) if found.is_saml else check_provider(found.issuer)
    try:
        with as_member(request, slug, Permission.TEAM_MANAGE) as (principal, partner):
            now = actions.note_sign_on_check(
                partner_id=partner.id, issuer=found.issuer, findings=findings, actor=principal
            )
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        good = "The provider can be used. Link your own sign-in next: that shows that all of it works."
        bad = "The provider cannot be used yet: see what the check found."
        (messages.success if now.is_proven else messages.error)(request, good if now.is_proven else bad)
    return redirect("member-sign-on", slug)


@require_http_methods(["GET", "POST"])
@member_page(Permission.TEAM_MANAGE)
def mode(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """Off, on or required, and what each means."""
    ask_again(request)
    found = sign_on_of(partner.id)
    if found is None:
        return redirect("member-sign-on", partner.slug)
    owners = list(members_of(partner.id).filter(role=Membership.Role.OWNER))
    initial = {"mode": actions.mode_of(found), "break_glass": found.break_glass_id or ""}
    form = ModeForm(posted(request), owners=owners, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_sign_on_mode(partner_id=partner.id, actor=principal, **form.cleaned_data)
        except Refused as refusal:
            form.add_error("mode", str(refusal))
        else:
            messages.success(request, f"Single sign-on is now: {_WORDS[form.cleaned_data['mode']].lower()}.")
            return redirect("member-sign-on", partner.slug)
    context = {"partner": partner, "form": form, "domains": domains_reached(found)}
    return _answer(request, "partners/sso/mode.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@member_page()
def link(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """Shows both identities before they are tied; a forged request could otherwise tie somebody else's."""
    identity, user = kept_identity(request, partner.id), request.user
    if identity is None:
        messages.error(request, "Begin again: what your bank said is needed anew.")
        return redirect("member-sign-on", partner.slug)
    context: dict[str, Any] = {"partner": partner, "identity": identity}
    if request.method == "POST":
        ask_again(request)
        try:
            actions.link_to_bank(identity=identity, user=user)  # type: ignore[arg-type]
        except Refused as refusal:
            context["refusal"] = str(refusal)
            return render(request, "partners/sso/link.html", context, status=422)
        forget_identity(request)
        link_first(request, "")
        messages.success(request, f"Linked. You can now sign in through {partner.name}.")
        return remember(redirect("member-sign-on", partner.slug), partner.id)
    return render(request, "partners/sso/link.html", context)


@require_POST
@member_page()
def unlink(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """One's own."""
    ask_again(request)
    try:
        actions.unlink_from_bank(partner_id=partner.id, user=request.user)  # type: ignore[arg-type]
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "The link is ended.")
    return redirect("member-sign-on", partner.slug)


@never_cache
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """An invitation, accepted as the person whom the bank's provider has just named."""
    invitation = invitation_by_token(token)
    identity = kept_identity(request, invitation.partner_id)
    if identity is None:
        return redirect("invitation", token)
    form = AcceptForm(posted(request), initial={"name": identity.name})
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"] or identity.name
        try:
            actions.join_by_bank(invitation_id=invitation.pk, identity=identity, name=name)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            forget_identity(request)
            messages.success(request, f"You are in the team of {invitation.partner.name}.")
            provider: Any = get_adapter(request).get_provider(request, provider=identity.partner_id)
            answer = complete_social_login(request, provider.login_of(identity))
            return remember(answer, invitation.partner_id)
    word, may = ROLE_WORDS[invitation.role]
    context = {
        "bank": invitation.partner,
        "role": word,
        "role_words": may,
        "identity": identity,
        "form": form,
    }
    return _answer(request, "partners/sso/join.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Finds the bank by the address's domain, and tells its way in by e-mail: the page says the same to everybody, so
    nobody learns which banks are here. A device that has been there before has the link at once.
    """
    form = EmailForm(posted(request), initial={"email": request.GET.get("email", "")})
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        limited = ratelimit.consume_or_429(request, action="reset_password", key=email.lower())
        if limited is not None:
            return limited
        with transaction.atomic(), scope(Principal.system()):
            if (found := sign_on_for(email)) is not None:
                context = {"partner": found.partner.name, "page": start_url(found.partner_id)}
                queue_mail(to=email, template="partners/sign_on_link", context=context)
        return render(request, "partners/sso/sent.html", {"email": email})
    known = _remembered(request)
    start = start_url(known.partner_id) if known else ""
    return _answer(
        request, "partners/sso/sign_in.html", {"form": form, "start": start, "known": known and known.partner}
    )


def _remembered(request: HttpRequest) -> SignOn | None:
    try:
        partner_id = str(request.get_signed_cookie(COOKIE, salt=COOKIE, max_age=REMEMBERED))
    except (KeyError, BadSignature):
        return None
    with transaction.atomic(), scope(Principal.system()):
        found = sign_on_of(partner_id)
    return found if found is not None and found.is_on else None


def _ours(partner: Partner) -> dict[str, str]:
    """What a SAML provider has to know of us."""
    return {"entity_id": entity_id_url(partner.id), "acs": acs_url(partner.id)}


def _is_saved(request: HttpRequest, form: Form, save: Callable[..., Any], **whose: Any) -> bool:
    """Whether the form was posted and is kept now; where it was refused, it says why."""
    if request.method != "POST" or not form.is_valid():
        return False
    try:
        save(**whose, **form.cleaned_data)
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return False
    messages.success(request, "Saved. Check the provider next.")
    return True


def _answer(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """422 for a form that came back."""
    return render(request, template, context, status=422 if context["form"].errors else 200)
