"""How a bank's customers show that they are: set up by its members, one an environment, and checked."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from partners.actions import customer_sign_in as actions
from partners.clusters import Environment
from partners.customer_sign_in import customer_sign_in_of, return_url
from partners.forms.customer_sign_in import CustomerSignInForm
from partners.models import CustomerSignIn, Partner
from partners.oidc.discovery import look_at
from partners.pages import as_member, ask_again, member_page, posted
from partners.refusals import Refused
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Principal

MAY = Permission.SENDERS_MANAGE
PAGE = "member-customer-sign-in"


@require_safe
@member_page(MAY)
def customer_sign_in(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """Both environments: what is set up, what the check found, and whether people can begin there."""
    found = {environment: customer_sign_in_of(partner.id, environment) for environment in ("live", "sandbox")}
    context = {"partner": partner, "environments": found.items(), "callback": return_url(partner.slug)}
    return render(request, "partners/customer_sign_in/customer_sign_in.html", context)


@require_http_methods(["GET", "POST"])
@member_page(MAY)
def set_up(request: HttpRequest, principal: Principal, partner: Partner, environment: str) -> HttpResponse:
    """The provider, and what to enter there."""
    ask_again(request)
    found = _existing(partner, environment)
    form = CustomerSignInForm(posted(request), sign_in=found)
    if request.method == "POST" and form.is_valid():
        try:
            actions.save_customer_sign_in(
                partner_id=partner.id, environment=environment, actor=principal, **form.cleaned_data
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Saved. Check the provider next.")
            return redirect(PAGE, partner.slug)
    context = {
        "partner": partner,
        "sign_in": found,
        "callback": return_url(partner.slug),
        "environment": environment,
        "form": form,
    }
    status = 422 if form.errors else 200
    return render(request, "partners/customer_sign_in/set_up.html", context, status=status)


@require_POST
@login_required
def check(request: HttpRequest, slug: str, environment: str) -> HttpResponse:
    """Asks the provider, between two transactions."""
    with as_member(request, slug, MAY) as (principal, partner):
        found = _existing(partner, environment)
    if found is None:
        messages.error(request, "Set it up first.")
        return redirect(PAGE, slug)
    findings, host = look_at(found.issuer)
    try:
        with as_member(request, slug, MAY) as (principal, partner):
            now = actions.note_customer_sign_in_check(
                partner_id=partner.id,
                environment=environment,
                issuer=found.issuer,
                findings=findings,
                host=host,
                actor=principal,
            )
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect(PAGE, slug)
    if not now.is_proven:
        messages.error(request, "The provider cannot be used yet: see what the check found.")
    elif now.is_on:
        messages.success(request, "The provider can be used, and people can begin there.")
    else:
        messages.success(request, "The provider can be used. Turn it on when you are ready.")
    return redirect(PAGE, slug)


@require_POST
@member_page(MAY)
def switch(request: HttpRequest, principal: Principal, partner: Partner, environment: str) -> HttpResponse:
    """On or off."""
    _existing(partner, environment)
    is_on = request.POST.get("to") == "on"
    try:
        actions.switch_customer_sign_in(
            partner_id=partner.id, environment=environment, is_on=is_on, actor=principal
        )
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        word = "on: people can begin there" if is_on else "off: nobody can begin there"
        messages.success(request, f"Customer sign-in is now {word}.")
    return redirect(PAGE, partner.slug)


def _existing(partner: Partner, environment: str) -> CustomerSignIn | None:
    if environment not in Environment.values:
        raise Http404
    return customer_sign_in_of(partner.id, environment)
