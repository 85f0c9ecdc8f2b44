"""Agreements, for platform staff: offer, answer, countersign, end; and the templates they are made from."""

from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from partners.access import get_partner_for
from partners.actions.agreement_endings import ask_termination, decide_termination, decline_agreement
from partners.actions.agreement_templates import save_agreement_template
from partners.actions.agreements import (
    Terms,
    countersign_agreement,
    draft_version,
    due_to_begin,
    offer_agreement,
    put_agreement_in_force,
    terms_of,
)
from partners.agreement_access import get_agreement_template, get_version_for, versions_for
from partners.agreement_impact import affected_by
from partners.agreement_reading import about, comparison
from partners.agreement_text import CLAUSES, WORDING, clauses_of
from partners.forms.agreements import (
    AgreementTemplateForm,
    NewOfferForm,
    ReasonForm,
    SignForm,
    TerminationForm,
    TermsForm,
    initial_terms,
    initial_wording,
)
from partners.models import AgreementTemplate, AgreementVersion, Partner
from partners.pages import staff_page
from partners.refusals import Refused
from partners.views.agreements import (
    answer,
    as_pdf,
    compared,
    first_comparison,
    must_prove,
    page_of,
    signing_of,
    typed,
    when_of,
)
from portal.ids import InvalidPublicId, parse_public_id, public_id
from portal.tenancy.permissions import StaffPermission
from portal.tenancy.principal import Principal

_S = AgreementVersion.Status
BASE = "partners/staff/base.html"
STATES = [
    ("open", "Being negotiated"),
    (_S.COUNTERED, "Wait for our answer"),
    (_S.ACCEPTED, "Wait for our signature"),
    (_S.FINALIZED, "In force"),
    ("ended", "Ended or declined"),
]
_NARROW = {
    "open": Q(status__in=[_S.OFFERED, _S.COUNTERED, _S.ACCEPTED, _S.AGREED]),
    "ended": Q(status__in=[_S.TERMINATED, _S.DECLINED, _S.SUPERSEDED]),
}
# What a first offer begins with.
STANDARD = Terms(clusters=[], channels=["messenger"], countries=[])


@require_GET
@staff_page(StaffPermission.PARTNERS_READ)
def agreements(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Every bank's versions, newest first; `?status=` narrows."""
    status = request.GET.get("status", "")
    rows = versions_for(principal).order_by("-id")
    if status in dict(STATES):
        rows = rows.filter(_NARROW.get(status) or Q(status=status))
    context = page_of(rows, request.GET.get("before"))
    if context["next"] and status:
        context["next"] += f"&status={status}"
    may_offer = StaffPermission.AGREEMENTS_OFFER.value in principal.permissions
    context |= {"states": STATES, "status": status, "may_offer": may_offer}
    return render(request, "partners/agreements/staff_list.html", context)


@require_GET
@staff_page(StaffPermission.PARTNERS_READ)
def version(request: HttpRequest, principal: Principal, agv: str) -> HttpResponse:
    """A version, and what staff of this role can do with it."""
    found = get_version_for(principal, agv)
    held = principal.permissions
    context = (
        _context(found)
        | about(found)
        | {
            "may_offer": StaffPermission.AGREEMENTS_OFFER.value in held,
            "may_countersign": StaffPermission.AGREEMENTS_COUNTERSIGN.value in held,
            "is_own": principal.id in (found.offered_by, found.accepted_by),
            "me": principal.id,
            "decision_form": ReasonForm(),
        }
    )
    return render(request, "partners/agreements/staff_version.html", context)


@require_GET
@staff_page(StaffPermission.PARTNERS_READ)
def compare(request: HttpRequest, principal: Principal, agv: str) -> HttpResponse:
    """See the members' page."""
    found = get_version_for(principal, agv)
    context = _context(found) | compared(request, principal, found)
    return render(request, "partners/agreements/compare.html", context)


@require_GET
@staff_page(StaffPermission.PARTNERS_READ)
def pdf(request: HttpRequest, principal: Principal, agv: str) -> HttpResponse:
    """See the members' page."""
    return as_pdf(get_version_for(principal, agv))


@require_GET
@staff_page(StaffPermission.AGREEMENTS_OFFER)
def new_offer(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Chooses the bank and the template; `?bank=` alone fills in the bank."""
    chosen = request.GET if "template" in request.GET else None
    names = [(public_id("agt", one.id), f"{one.name}, version {one.number}") for one in _newest_templates()]
    form = NewOfferForm(chosen, initial={"bank": request.GET.get("bank")}, templates=names)
    if form.is_bound and form.is_valid():
        partner = Partner.objects.filter(slug=form.cleaned_data["bank"]).first()
        if partner is None:
            form.add_error("bank", "There is no bank of this name.")
        else:
            page = reverse("staff-agreement-offer", args=[public_id("ptn", partner.id)])
            template = form.cleaned_data["template"]
            return redirect(f"{page}?template={template}" if template else page)
    return answer(request, "partners/agreements/new_offer.html", {"form": form})


@require_http_methods(["GET", "POST"])
@staff_page(StaffPermission.AGREEMENTS_OFFER)
def offer(request: HttpRequest, principal: Principal, ptn: str) -> HttpResponse:
    """Terms for a bank: a first offer, an amendment, or the answer to the bank's own; with a preview."""
    partner = _partner(principal, ptn)
    rows = versions_for(principal).filter(partner=partner)
    current, is_open = rows.filter(status=_S.FINALIZED).first(), rows.open().first()
    basis = is_open or current
    template = _template(request, basis)
    form = TermsForm(
        typed(request),
        initial=_first_terms(basis, template, request),
        clauses=_clauses(basis, template),
    )
    context = {"partner": partner, "form": form, "template": template, "current": current, "open": is_open}
    if request.method == "POST" and form.is_valid():
        if "preview" in request.POST:
            context |= _preview(partner, form, template, basis, current)
        else:
            try:
                made = offer_agreement(
                    partner_id=partner.id,
                    terms=form.terms(),
                    actor=principal,
                    template_id=template.id if template else None,
                    comments=form.comments(),
                )
            except Refused as refusal:
                form.add_error(None, str(refusal))
            else:
                messages.success(request, f"Offered to {partner.name}, which hears by e-mail.")
                return _to(made)
    return answer(request, "partners/agreements/offer.html", context)


@require_http_methods(["GET", "POST"])
@staff_page(StaffPermission.AGREEMENTS_COUNTERSIGN)
def countersign(request: HttpRequest, principal: Principal, agv: str) -> HttpResponse:
    """The platform's signature; in force at once when its day has come."""
    found = get_version_for(principal, agv)
    must_prove(request)
    form = SignForm(typed(request), initial={"text_sha256": found.text_sha256})
    if request.method == "POST" and form.is_valid():
        try:
            countersign_agreement(version_id=found.id, signing=signing_of(request, form), actor=principal)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            begun = [put_agreement_in_force(version_id=one) for one in due_to_begin(found.partner_id)]
            messages.success(request, "Signed. It is in force." if begun else "Signed. It waits for its day.")
            return _to(found)
    context = _context(found) | about(found) | {"form": form} | first_comparison(found)
    return answer(request, "partners/agreements/sign.html", context)


@require_http_methods(["GET", "POST"])
@staff_page(StaffPermission.AGREEMENTS_OFFER)
def decline(request: HttpRequest, principal: Principal, agv: str) -> HttpResponse:
    """Takes an offer back, or declines what the bank proposed or signed."""
    found = get_version_for(principal, agv)
    form = ReasonForm(typed(request))
    if request.method == "POST" and form.is_valid():
        try:
            decline_agreement(version_id=found.id, reason=form.cleaned_data["reason"], actor=principal)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "This negotiation is over. The bank has your reason.")
            return _to(found)
    return answer(request, "partners/agreements/decline.html", _context(found) | {"form": form})


@require_http_methods(["GET", "POST"])
@staff_page(StaffPermission.AGREEMENTS_COUNTERSIGN)
def terminate(request: HttpRequest, principal: Principal, agv: str) -> HttpResponse:
    """Asks for the end; a colleague confirms it."""
    found = get_version_for(principal, agv)
    must_prove(request)
    form = TerminationForm(typed(request))
    if request.method == "POST" and form.is_valid():
        try:
            ask_termination(version_id=found.id, actor=principal, **when_of(form))
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Asked. It ends only when a colleague confirms it.")
            return _to(found)
    context = _context(found) | {
        "form": form,
        "clause": CLAUSES["notice_days"],
        "connected": affected_by(found).live,
    }
    return answer(request, "partners/agreements/terminate.html", context)


@require_POST
@staff_page(StaffPermission.AGREEMENTS_COUNTERSIGN)
def decide(request: HttpRequest, principal: Principal, agv: str) -> HttpResponse:
    """Confirms or refuses a termination that a colleague asked for, as `decision` says."""
    found = get_version_for(principal, agv)
    must_prove(request)
    decision = request.POST.get("decision")
    if decision not in ("confirm", "refuse"):
        messages.error(request, "Choose whether to confirm or to refuse.")
        return _to(found)
    try:
        decide_termination(version_id=found.id, is_confirmed=decision == "confirm", actor=principal)
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "Confirmed." if decision == "confirm" else "Refused. Nothing changes.")
    return _to(found)


@require_GET
@staff_page(StaffPermission.PARTNERS_READ)
def templates(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The newest version of each, and how many banks have an agreement made from any of its versions."""
    may_edit = StaffPermission.AGREEMENTS_OFFER.value in principal.permissions
    context = {"rows": _newest_templates(), "may_edit": may_edit}
    return render(request, "partners/agreements/templates.html", context)


@require_GET
@staff_page(StaffPermission.PARTNERS_READ)
def template(request: HttpRequest, principal: Principal, agt: str) -> HttpResponse:
    """Its words, and each version with the banks whose agreement in force was made from it."""
    found = get_agreement_template(agt)
    versions = AgreementTemplate.objects.filter(name=found.name).order_by("-number")[:50]
    in_force = AgreementVersion.objects.in_force().select_related("partner")
    banks: dict[int, list[AgreementVersion]] = {}
    made = in_force.filter(template__name=found.name).annotate(from_number=F("template__number"))
    for one in made.order_by("partner__name")[:500]:
        banks.setdefault(one.from_number, []).append(one)
    context = {
        "template": found,
        "agt": agt,
        "clauses": found.clauses,
        "versions": [(one, banks.get(one.number, [])) for one in versions],
        "may_edit": StaffPermission.AGREEMENTS_OFFER.value in principal.permissions,
    }
    return render(request, "partners/agreements/template.html", context)


@require_http_methods(["GET", "POST"])
@staff_page(StaffPermission.AGREEMENTS_OFFER)
def new_template(request: HttpRequest, principal: Principal) -> HttpResponse:
    """A template of a new name, from the standard wording."""
    initial = initial_wording(WORDING) | initial_terms(asdict(STANDARD))
    return _save_template(request, principal, AgreementTemplateForm(typed(request), initial=initial), None)


@require_http_methods(["GET", "POST"])
@staff_page(StaffPermission.AGREEMENTS_OFFER)
def edit_template(request: HttpRequest, principal: Principal, agt: str) -> HttpResponse:
    """The next version of a template; agreements made from this one stay as they are."""
    found = get_agreement_template(agt)
    initial = {"name": found.name} | initial_wording(found.clauses) | initial_terms(found.terms)
    form = AgreementTemplateForm(typed(request), initial=initial)
    form.fields["name"].disabled = True
    return _save_template(request, principal, form, found)


def _save_template(
    request: HttpRequest, principal: Principal, form: AgreementTemplateForm, found: AgreementTemplate | None
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            made = save_agreement_template(
                name=form.cleaned_data["name"],
                clauses=form.wording(),
                terms=form.begins_with(),
                based_on=found.number if found else 0,
                actor=principal,
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(
                request, f"Saved as version {made.number}. Agreements made before stay as they are."
            )
            return redirect("staff-agreement-template", public_id("agt", made.id))
    return answer(request, "partners/agreements/template_form.html", {"form": form, "template": found})


def _newest_templates() -> list[AgreementTemplate]:
    newest = AgreementTemplate.objects.filter(name=OuterRef("name")).order_by("-number").values("number")[:1]
    rows = AgreementTemplate.objects.annotate(newest=Subquery(newest)).filter(number=F("newest"))
    banks = (
        AgreementVersion.objects.in_force()
        .filter(template__name=OuterRef("name"))
        .order_by()
        .values("template__name")
        .annotate(count=Count("partner", distinct=True))
        .values("count")
    )
    return list(rows.annotate(banks=Subquery(banks)).order_by("name")[:200])


def _template(request: HttpRequest, basis: AgreementVersion | None) -> AgreementTemplate | None:
    """The one that was chosen, else the one the last version was made from."""
    if chosen := request.GET.get("template"):
        return get_agreement_template(chosen)
    return basis.template if basis else None


def _first_terms(
    basis: AgreementVersion | None, template: AgreementTemplate | None, request: HttpRequest
) -> dict[str, Any]:
    if basis and not request.GET.get("template"):
        return initial_terms(asdict(terms_of(basis)))
    return initial_terms({**asdict(STANDARD), **(template.terms if template else {})})


def _clauses(basis: AgreementVersion | None, template: AgreementTemplate | None) -> dict[str, str]:
    """What the form comments on: the words of the last version, else those of the template."""
    wording = template.clauses if template else WORDING
    return {**wording, **(clauses_of(basis.text) if basis and basis.template == template else {})}


def _preview(
    partner: Partner,
    form: TermsForm,
    template: AgreementTemplate | None,
    basis: AgreementVersion | None,
    current: AgreementVersion | None,
) -> dict[str, Any]:
    """What an offer would say, what would change, and whom it would touch."""
    draft = draft_version(
        partner=partner,
        number=basis.agreement.number if basis else "(new)",
        terms=form.terms(),
        wording=template.clauses if template else None,
        position=basis.number + 1 if basis else 1,
    )
    found: dict[str, Any] = {"draft": draft, "impact": affected_by(draft) if current else None}
    return found | (comparison(basis, draft) if basis else {"clauses": None, "lines": clauses_of(draft.text)})


def _partner(principal: Principal, ptn: str) -> Partner:
    try:
        return get_partner_for(principal, parse_public_id("ptn", ptn))
    except InvalidPublicId as error:
        raise Http404 from error


def _context(found: AgreementVersion) -> dict[str, Any]:
    agv = public_id("agv", found.id)
    names = ("version", "compare", "pdf", "countersign", "decline", "terminate", "decide")
    return {
        "base": BASE,
        "partner": found.partner,
        "version": found,
        "is_staff_page": True,
        "urls": {name: reverse(f"staff-agreement-{name}", args=[agv]) for name in names}
        | {"offer": reverse("staff-agreement-offer", args=[public_id("ptn", found.partner_id)])},
        "back": reverse("staff-agreements"),
        "back_text": "Agreements",
    }


def _to(found: AgreementVersion) -> HttpResponse:
    return redirect("staff-agreement-version", public_id("agv", found.id))
