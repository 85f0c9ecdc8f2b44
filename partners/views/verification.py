"""A bank's verification, for its members: fill in, prove, submit, read and answer the reviewers."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from partners.actions import documents as document_actions
from partners.actions import verification as actions
from partners.actions.domain_proof import note_domain_check
from partners.actions.review import write_message
from partners.domain_checks import RECORD, check_dns, check_file, file_address
from partners.forms.verification import (
    ContactsForm,
    DocumentForm,
    MessageForm,
    ProfileForm,
    QuestionsForm,
    SubmitForm,
)
from partners.models import Partner, Submission, VerificationDocument
from partners.pages import as_member, member_page, posted
from partners.refusals import Refused
from partners.verification_access import get_document_for, verification_of
from partners.verification_items import TITLES, challenge_of, content_of, missing_items, open_contacts
from partners.verification_reading import is_open_to_change, rows_of, sections_of, thread_of
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Principal

WAYS = {"dns": check_dns, "file": check_file}
verification_page = member_page(Permission.PARTNER_EDIT)


@require_GET
@verification_page
def verification(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """Each part with what is missing or asked for, and the conversation with the reviewers."""
    return _overview(request, partner, MessageForm())


@require_POST
@verification_page
def message(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """A line to the reviewers."""
    form = MessageForm(request.POST)
    if not form.is_valid():
        return _overview(request, partner, form)
    write_message(partner_id=partner.id, text=form.cleaned_data["text"], actor=principal)
    messages.success(request, "Sent. The reviewers answer here, and we write to you then.")
    return redirect("member-verification", partner.slug)


def _part(key: str, form_class: type[Any], template: str = "form") -> Callable[..., HttpResponse]:
    """A page with one part of the statement, as a form."""

    @require_http_methods(["GET", "POST"])
    @verification_page
    def page(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
        found = verification_of(partner)
        initial = form_class.before(found, open_contacts(found)) | {"seen": found.version}
        form = form_class(posted(request), initial=initial)
        if request.method == "POST" and form.is_valid():
            try:
                seen = form.cleaned_data["seen"]
                actions.edit_verification(partner_id=partner.id, actor=principal, seen=seen, **form.given())
            except Refused as refusal:
                refuse(form, refusal, found.version)
            else:
                messages.success(request, f"{TITLES[key]}: saved.")
                return redirect("member-verification", partner.slug)
        context = _context(partner) | {"form": form, "heading": TITLES[key]}
        return _answer(request, f"partners/verification/{template}.html", context)

    return page


profile = _part("profile", ProfileForm)
contacts = _part("contacts", ContactsForm)
questions = _part("questions", QuestionsForm)


@require_http_methods(["GET", "POST"])
@verification_page
def documents(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """Those that were given; on POST one more."""
    form = DocumentForm()
    if request.method == "POST":
        typed, files = request.POST, request.FILES  # read here, at the latest
        is_too_large = getattr(request, "is_upload_too_large", False)
        form = DocumentForm(typed, files, is_too_large=is_too_large)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            document_actions.add_document(
                partner_id=partner.id,
                kind=form.cleaned_data["kind"],
                name=file.name,
                content=file.read(),
                actor=principal,
            )
        except Refused as refusal:
            form.add_error("file", str(refusal))
        else:
            messages.success(request, "The document is added.")
            return redirect("member-verification-documents", partner.slug)
    found = VerificationDocument.objects.filter(partner=partner).current()
    return _answer(
        request,
        "partners/verification/documents.html",
        _context(partner) | {"form": form, "documents": found},
    )


@require_GET
@verification_page
def document(request: HttpRequest, principal: Principal, partner: Partner, doc: str) -> HttpResponse:
    """The file, to save."""
    return as_file(get_document_for(principal, partner, doc), principal)


@require_POST
@verification_page
def remove_document(request: HttpRequest, principal: Principal, partner: Partner, doc: str) -> HttpResponse:
    """Takes a document back."""
    found = get_document_for(principal, partner, doc)
    try:
        document_actions.remove_document(document_id=found.id, partner_id=partner.id, actor=principal)
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "The document is removed.")
    return redirect("member-verification-documents", partner.slug)


@require_http_methods(["GET", "POST"])
@login_required
def domain(request: HttpRequest, slug: str) -> HttpResponse:
    """What to publish where; on POST it is looked for, between two transactions."""
    with as_member(request, slug, Permission.PARTNER_EDIT) as (_, partner):
        if request.method == "GET":
            context = _context(partner) | {
                "challenge": challenge_of(partner),
                "record": f"{RECORD}.{partner.domain}",
                "file": file_address(partner.domain),
            }
            return render(request, "partners/verification/domain.html", context)
    way = request.POST.get("way", "")
    problem = find_problem(way, partner)
    with as_member(request, slug, Permission.PARTNER_EDIT) as (principal, _):
        tell_check(
            request,
            lambda: note_domain_check(partner_id=partner.id, way=way, problem=problem, actor=principal),
        )
    return redirect("member-verification-domain", partner.slug)


@require_http_methods(["GET", "POST"])
@verification_page
def submit(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """All of it once more, and the word that it is right."""
    found = verification_of(partner)
    form = SubmitForm(posted(request), initial={"seen": found.version})
    if request.method == "POST" and form.is_valid():
        try:
            actions.submit_verification(
                partner_id=partner.id, actor=principal, seen=form.cleaned_data["seen"]
            )
        except Refused as refusal:
            refuse(form, refusal, found.version)
        else:
            messages.success(request, "Submitted. Two reviewers look at it, and we write to you then.")
            return redirect("member-verification", partner.slug)
    given, contacts = (
        list(VerificationDocument.objects.filter(partner=partner).current()),
        open_contacts(found),
    )
    context = _context(partner) | {
        "form": form,
        "missing": [TITLES[item] for item in missing_items(found, contacts, given)],
        "sections": sections_of(content_of(partner, found, given), contacts, None, {}),
        "documents": given,
    }
    return _answer(request, "partners/verification/submit.html", context)


@require_POST
@verification_page
def reopen(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """Opens an approved statement to be changed."""
    try:
        actions.reopen_verification(partner_id=partner.id, actor=principal)
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request, "Change what has changed, and submit it. Your bank goes on working meanwhile."
        )
    return redirect("member-verification", partner.slug)


def refuse(form: forms.Form, refusal: Refused, version: int) -> None:
    """The sentence above the form, which keeps what was typed, and knows the case as it now is."""
    form.add_error(None, str(refusal))
    if "seen" in form.fields:
        typed: Any = form.data
        form.data = typed.copy()
        form.data["seen"] = str(version)  # type: ignore[index]


def as_file(found: VerificationDocument, principal: Principal) -> HttpResponse:
    """To save and not to show: it may be a picture, and it may be anything; raises Http404 once it was destroyed."""
    try:
        content = document_actions.open_document(document=found, actor=principal)
    except Refused as refusal:
        raise Http404 from refusal
    disposition = content_disposition_header(as_attachment=True, filename=found.name) or "attachment"
    headers = {"Content-Disposition": disposition, "Cache-Control": "no-store"}
    return HttpResponse(content, content_type=found.media_type, headers=headers)


def find_problem(way: str, partner: Partner) -> str:
    """What is wrong with the proof, "" if nothing is; raises Http404 for a way there is not. Asks the network."""
    if way not in WAYS:
        raise Http404
    return WAYS[way](partner.domain, challenge_of(partner)) if partner.domain else "Your bank has no domain."


def tell_check(request: HttpRequest, note: Callable[[], Any]) -> None:
    """Keeps what a check found, and says it."""
    try:
        found = note()
    except Refused as refusal:
        messages.error(request, str(refusal))
        return
    if found.finding:
        messages.error(request, found.finding)
    else:
        messages.success(request, "The domain is proven.")


def _overview(request: HttpRequest, partner: Partner, form: MessageForm) -> HttpResponse:
    context = _context(partner)
    rows = rows_of(partner, context["verification"], context["last"])
    context |= {
        "rows": rows,
        "is_complete": all(row.state != "TO_DO" for row in rows),
        "thread": thread_of(partner, is_staff=False),
        "form": form,
    }
    return _answer(request, "partners/verification/overview.html", context)


def _context(partner: Partner) -> dict[str, Any]:
    found, last = verification_of(partner), Submission.objects.latest_of(partner.id)
    return {
        "partner": partner,
        "verification": found,
        "last": last,
        "is_open": is_open_to_change(partner, found, last),
    }


def _answer(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, context, status=422 if context["form"].errors else 200)
