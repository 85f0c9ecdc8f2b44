"""A bank's agreement, for its members: read, compare, counter, sign, decline, withdraw."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import get_text_list
from django.views.decorators.http import require_GET, require_http_methods

from partners.actions.agreement_endings import decline_agreement, withdraw_agreement
from partners.actions.agreements import Signing, accept_agreement, counter_agreement, end_of, terms_of
from partners.agreement_access import get_version_for, versions_for
from partners.agreement_impact import affected_by
from partners.agreement_pdf import agreement_pdf, file_name
from partners.agreement_reading import about, basis_of, comparison, state_of
from partners.agreement_text import clauses_of
from partners.forms.agreements import EndForm, ReasonForm, SignForm, TermsForm, initial_terms
from partners.models import AgreementVersion, Partner
from partners.pages import ask_again, member_page
from partners.refusals import Refused
from partners.roles import ROLE_PERMISSIONS
from portal.accounts.models import User
from portal.ids import InvalidPublicId, parse_public_id, public_id
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Principal

PAGE = 25
_S = AgreementVersion.Status
BASE = "partners/member/base.html"


@require_GET
@member_page(Permission.AGREEMENTS_READ)
def agreement(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """What is in force, what is being negotiated, and every version so far."""
    rows = versions_for(principal).order_by("-id")
    context = page_of(rows, request.GET.get("before")) | {
        "partner": partner,
        "current": rows.filter(status=_S.FINALIZED).first(),
        "open": rows.open().first(),
    }
    for name in ("current", "open"):
        context[f"{name}_state"] = state_of(context[name]) if context[name] else ""
    return render(request, "partners/agreements/agreement.html", context)


@require_GET
@member_page(Permission.AGREEMENTS_READ)
def version(request: HttpRequest, principal: Principal, partner: Partner, agv: str) -> HttpResponse:
    """A version with its text, its comments and signatures, and what can be done with it."""
    found = get_version_for(principal, agv)
    may_sign = Permission.AGREEMENTS_SIGN.value in principal.permissions
    context = (
        _context(partner, found)
        | about(found)
        | {
            "may_sign": may_sign,
            "may_negotiate": Permission.AGREEMENTS_NEGOTIATE.value in principal.permissions,
            "signatories": "" if may_sign else _signatories(partner),
            "has_open": versions_for(principal).open().exists(),
        }
    )
    return render(request, "partners/agreements/version.html", context)


@require_GET
@member_page(Permission.AGREEMENTS_READ)
def compare(request: HttpRequest, principal: Principal, partner: Partner, agv: str) -> HttpResponse:
    """Two versions side by side: `?with=` is the other one, else the one in force or the one before."""
    found = get_version_for(principal, agv)
    return render(
        request,
        "partners/agreements/compare.html",
        _context(partner, found) | compared(request, principal, found),
    )


@require_GET
@member_page(Permission.AGREEMENTS_READ)
def pdf(request: HttpRequest, principal: Principal, partner: Partner, agv: str) -> HttpResponse:
    """The text with hash and signatures, to keep."""
    return as_pdf(get_version_for(principal, agv))


@require_http_methods(["GET", "POST"])
@member_page(Permission.AGREEMENTS_NEGOTIATE)
def counter(request: HttpRequest, principal: Principal, partner: Partner, agv: str) -> HttpResponse:
    """Other terms, and comments by clause, instead of what is offered or in force."""
    found = get_version_for(principal, agv)
    initial = initial_terms(asdict(terms_of(found)))
    form = TermsForm(typed(request), initial=initial, clauses=clauses_of(found.text))
    if request.method == "POST" and form.is_valid():
        try:
            made = counter_agreement(
                version_id=found.id, terms=form.terms(), comments=form.comments(), actor=principal
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Sent. The platform answers with an offer, and we write to you then.")
            return _to(partner, made.id)
    return answer(request, "partners/agreements/counter.html", _context(partner, found) | {"form": form})


@require_http_methods(["GET", "POST"])
@member_page(Permission.AGREEMENTS_SIGN)
def sign(request: HttpRequest, principal: Principal, partner: Partner, agv: str) -> HttpResponse:
    """The text once more, what changes, and “Accept and sign”."""
    found = get_version_for(principal, agv)
    must_prove(request)
    form = SignForm(typed(request), initial={"text_sha256": found.text_sha256})
    if request.method == "POST" and form.is_valid():
        try:
            accept_agreement(version_id=found.id, signing=signing_of(request, form), actor=principal)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, "Signed for your bank. The platform signs next, and we write to you then."
            )
            return _to(partner, found.id)
    context = _context(partner, found) | about(found) | {"form": form} | first_comparison(found)
    return answer(request, "partners/agreements/sign.html", context)


@require_http_methods(["GET", "POST"])
@member_page(Permission.AGREEMENTS_NEGOTIATE)
def decline(request: HttpRequest, principal: Principal, partner: Partner, agv: str) -> HttpResponse:
    """Says why not, which ends this negotiation."""
    found = get_version_for(principal, agv)
    form = ReasonForm(typed(request))
    if request.method == "POST" and form.is_valid():
        try:
            decline_agreement(version_id=found.id, reason=form.cleaned_data["reason"], actor=principal)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Declined. The platform has your reason and can offer again.")
            return _to(partner, found.id)
    return answer(request, "partners/agreements/decline.html", _context(partner, found) | {"form": form})


@require_http_methods(["GET", "POST"])
@member_page(Permission.AGREEMENTS_SIGN)
def withdraw(request: HttpRequest, principal: Principal, partner: Partner, agv: str) -> HttpResponse:
    """What withdrawing means, then does it."""
    found = get_version_for(principal, agv)
    must_prove(request)
    form = EndForm(typed(request), initial={"when": "now"})
    if request.method == "POST" and form.is_valid():
        try:
            withdraw_agreement(version_id=found.id, actor=principal, **when_of(form))
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Done. The agreement’s page says how it stands.")
            return _to(partner, found.id)
    context = _context(partner, found) | {"form": form, "connected": affected_by(found).live}
    return answer(request, "partners/agreements/withdraw.html", context)


def must_prove(request: HttpRequest) -> None:
    """Sends whoever has not proved lately who they are to do so first; what they posted is taken up again."""
    ask_again(request)


def typed(request: HttpRequest) -> QueryDict | None:
    """What was posted, even if it is nothing."""
    return request.POST if request.method == "POST" else None


def page_of(rows: Any, before: str | None) -> dict[str, Any]:
    """The newest versions, or those before one, with their states."""
    if before:
        try:
            rows = rows.filter(id__lt=parse_public_id("agv", before))
        except InvalidPublicId as error:
            raise Http404 from error
    found = list(rows[: PAGE + 1])
    more = f"before={public_id('agv', found[PAGE - 1].id)}" if len(found) > PAGE else ""
    return {
        "rows": [(one, state_of(one)) for one in found[:PAGE]],
        "next": more,
        "is_later_page": bool(before),
    }


def compared(request: HttpRequest, principal: Principal, found: AgreementVersion) -> dict[str, Any]:
    """For the page that compares: the older one stands on the left."""
    chosen = request.GET.get("with")
    other = get_version_for(principal, chosen) if chosen else basis_of(found)
    if other is None:
        return {"other": None}
    if other.partner_id != found.partner_id:
        raise Http404
    before, after = sorted((other, found), key=lambda one: one.id)
    return {"other": other, **comparison(before, after)}


def first_comparison(found: AgreementVersion) -> dict[str, Any]:
    """What changes by signing it, where there is something to compare it with."""
    basis = basis_of(found)
    return comparison(basis, found) if basis else {}


def as_pdf(found: AgreementVersion) -> HttpResponse:
    """To download."""
    content = agreement_pdf(found, list(found.signatures.order_by("at")))
    named = {"Content-Disposition": f'attachment; filename="{file_name(found)}"'}
    return HttpResponse(content, content_type="application/pdf", headers=named)


def signing_of(request: HttpRequest, form: SignForm) -> Signing:
    """The hash of the text that was on the page, and where the signature came from."""
    ip = get_adapter().get_client_ip(request)
    return Signing(form.cleaned_data["text_sha256"], ip, request.headers.get("User-Agent", ""))


def when_of(form: EndForm) -> dict[str, Any]:
    """The end and its reason, as actions take them."""
    is_later = form.cleaned_data["when"] == "later"
    ends_at = end_of(form.cleaned_data["last_day"]) if is_later else None
    return {"ends_at": ends_at, "reason": form.cleaned_data["reason"]}


def answer(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """A page with a form; 422 where what was typed cannot be taken."""
    form: Form = context["form"]
    return render(request, template, context, status=422 if form.is_bound and form.errors else 200)


def _context(partner: Partner, found: AgreementVersion) -> dict[str, Any]:
    agv = public_id("agv", found.id)
    routes = {
        name: reverse(f"member-agreement-{name}", args=[partner.slug, agv])
        for name in ("version", "compare", "pdf", "counter", "sign", "decline", "withdraw")
    }
    return {
        "base": BASE,
        "partner": partner,
        "version": found,
        "urls": routes,
        "back": reverse("member-agreement", args=[partner.slug]),
        "back_text": "Agreement",
        "environment": "",
    }


def _to(partner: Partner, version_id: UUID) -> HttpResponse:
    return redirect("member-agreement-version", partner.slug, public_id("agv", version_id))


def _signatories(partner: Partner) -> str:
    """Names of those who can sign."""
    roles = [role for role, held in ROLE_PERMISSIONS.items() if Permission.AGREEMENTS_SIGN in held]
    with scope(Principal.system()):
        people = User.objects.filter(
            membership__partner=partner, membership__role__in=roles, is_active=True
        ).order_by("name")
        return get_text_list([one.name or one.email for one in people[:5]], "or")
