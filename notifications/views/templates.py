"""A bank's templates, for its members: what is sent now, what is written, and what the review said."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.forms.utils import ErrorDict
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from notifications import template_reading as reading
from notifications.access import get_template_for, get_template_version_for, templates_for
from notifications.actions import templates as actions
from notifications.forms import BodyForm, NewTemplateForm, NewVersionForm
from notifications.languages import OFFERED, language_name
from notifications.models import Template, TemplateVersion
from notifications.starters import STARTERS
from notifications.why import why_title
from notifications.wording import LONGEST, find_wording_errors
from partners.clusters import SENDABLE
from partners.models import Partner
from partners.pages import member_page
from partners.refusals import Refused
from portal.ids import InvalidPublicId, parse_public_id, public_id
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Principal

PAGE = 50
_S = TemplateVersion.Status
templates_page = member_page(Permission.TEMPLATES_EDIT)


@require_GET
@templates_page
def templates(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """All of the bank's, newest first, in each language with what is sent now; `?before=` is the last one of the
    page before.
    """
    rows = templates_for(principal).prefetch_related("versions").order_by("-id")
    if before := request.GET.get("before"):
        rows = rows.filter(id__lt=_id("tpl", before))
    found = list(rows[: PAGE + 1])
    shown = [(one, reading.languages_of(one)) for one in found[:PAGE]]
    context = {
        "partner": partner,
        "groups": [
            (str(cluster.label), below)
            for cluster in SENDABLE
            if (below := [row for row in shown if row[0].cluster == cluster])
        ],
        "starters": STARTERS,
        "next": f"before={public_id('tpl', found[PAGE - 1].id)}" if len(found) > PAGE else "",
    }
    return render(request, "notifications/templates/list.html", context)


@require_http_methods(["GET", "POST"])
@templates_page
def add(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """A template and its first wording; `?starter=` names an example to begin with."""
    starter = next((one for one in STARTERS if one.name == request.GET.get("starter")), None)
    initial = starter._asdict() if starter else {"cluster": request.GET.get("cluster", "")}
    form = NewTemplateForm(request.POST or None, initial={"locale": "en", **initial})

    def act(data: dict[str, Any]) -> TemplateVersion:
        wanted = {name: data[name] for name in ("name", "cluster", "locale", "body")}
        return actions.draft_template(**wanted, actor=principal, must_be_new=True)

    context = {"partner": partner, "form": form, "chosen": ("cluster", "locale")}
    return _write(request, principal, partner, context, act)


@require_GET
@templates_page
def template(request: HttpRequest, principal: Principal, partner: Partner, tpl: str) -> HttpResponse:
    """Its languages side by side, the missing ones by name, and every version."""
    found = get_template_for(principal, _id("tpl", tpl))
    languages = reading.languages_of(found)
    versions = sorted(found.versions.all(), key=lambda one: (one.locale, -one.number))
    context = {
        "partner": partner,
        "template": found,
        "languages": [(one, _shown(one.live or one.latest)) for one in languages],
        "missing": [
            (tag, language_name(tag)) for tag in OFFERED if tag not in {one.tag for one in languages}
        ],
        "versions": versions,
        "clause": reading.clause_against(partner, found.cluster),
    }
    return render(request, "notifications/templates/template.html", context)


@require_http_methods(["GET", "POST"])
@templates_page
def new_version(request: HttpRequest, principal: Principal, partner: Partner, tpl: str) -> HttpResponse:
    """Begins with the newest wording in the language (`?locale=`), or else in English."""
    found = get_template_for(principal, _id("tpl", tpl))
    by_tag = {one.tag: one.latest for one in reading.languages_of(found)}
    asked = request.GET.get("locale", "")
    locale = asked if asked in (*OFFERED, *by_tag) else "en"
    basis = by_tag.get(locale) or by_tag.get("en") or next(iter(by_tag.values()), None)
    form = NewVersionForm(
        request.POST or None, locale=locale, initial={"body": basis.body if basis else "", "locale": locale}
    )

    def act(data: dict[str, Any]) -> TemplateVersion:
        return actions.add_version(
            template_id=found.id, locale=data["locale"], body=data["body"], actor=principal
        )

    context = {"partner": partner, "template": found, "form": form, "basis": basis, "chosen": ("locale",)}
    return _write(request, principal, partner, context, act)


@require_http_methods(["GET", "POST"])
@templates_page
def edit(request: HttpRequest, principal: Principal, partner: Partner, tpv: str) -> HttpResponse:
    """Other words for a draft; what was submitted is frozen."""
    version = get_template_version_for(principal, _id("tpv", tpv))
    form = BodyForm(request.POST or None, initial={"body": version.body, "seen": version.digest})
    if request.method == "GET" and version.status != _S.DRAFT:
        messages.error(request, "Only a draft can be edited. Start a new version instead.")
        return _to(partner, version)

    def act(data: dict[str, Any]) -> TemplateVersion:
        return actions.edit_draft(
            version_id=version.id, body=data["body"], seen=data["seen"], actor=principal
        )

    context = {"partner": partner, "template": version.template, "version": version, "form": form}
    return _write(request, principal, partner, context, act)


@require_POST
@templates_page
def preview(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """For htmx: the phone with what is being written."""
    cluster, locale = request.POST.get("cluster", ""), request.POST.get("locale", "")
    context = {"partner": partner, **_preview(cluster, request.POST.get("body", ""), locale)}
    return render(request, "notifications/templates/preview.html", context)


@require_GET
@templates_page
def version(request: HttpRequest, principal: Principal, partner: Partner, tpv: str) -> HttpResponse:
    """Its words as a phone shows them, what they would change, and what happened to it."""
    found = get_template_version_for(principal, _id("tpv", tpv))
    live = reading.live_sibling(found)
    context = {
        "partner": partner,
        "version": found,
        "template": found.template,
        "language": language_name(found.locale),
        "text": _shown(found),
        "why": why_title(found.locale),
        "live": live,
        "changes": reading.compare(live.body, found.body) if live else [],
        "moments": reading.thread_of(found),
        "clause": reading.clause_against(partner, found.template.cluster),
    }
    return render(request, "notifications/templates/version.html", context)


@require_POST
@templates_page
def submit(request: HttpRequest, principal: Principal, partner: Partner, tpv: str) -> HttpResponse:
    """Asks staff to review what the page showed."""
    found, seen = get_template_version_for(principal, _id("tpv", tpv)), request.POST.get("seen", "")
    try:
        actions.submit_template(version_id=found.id, actor=principal, seen=seen)
        messages.success(request, "Submitted. We read it and write to you. Until then nothing changes.")
    except Refused as refusal:
        messages.error(request, str(refusal))
    return _to(partner, found)


@require_POST
@templates_page
def withdraw(request: HttpRequest, principal: Principal, partner: Partner, tpv: str) -> HttpResponse:
    """Takes it back from review."""
    found = get_template_version_for(principal, _id("tpv", tpv))
    try:
        actions.withdraw_template(version_id=found.id, actor=principal)
        messages.success(request, "Taken back. It is a draft again, and you can edit it.")
    except Refused as refusal:
        messages.error(request, str(refusal))
    return _to(partner, found)


@require_http_methods(["GET", "POST"])
@templates_page
def retire(request: HttpRequest, principal: Principal, partner: Partner, tpv: str) -> HttpResponse:
    """Stops sending it, after a page that says what that means."""
    found = get_template_version_for(principal, _id("tpv", tpv))
    if request.method == "POST":
        try:
            actions.retire_template(version_id=found.id, actor=principal)
            messages.success(request, "Retired. Nothing new is sent with it.")
        except Refused as refusal:
            messages.error(request, str(refusal))
        return _to(partner, found)
    live = [one for one in reading.languages_of(found.template) if one.live and one.tag != found.locale]
    context = {
        "partner": partner,
        "version": found,
        "template": found.template,
        "language": language_name(found.locale),
        "sent": reading.sent_recently(found),
        "waiting": reading.waiting_now(found),
        "instead": live[0] if live else None,
    }
    return render(request, "notifications/templates/retire.html", context)


def _write(
    request: HttpRequest, principal: Principal, partner: Partner, context: dict[str, Any], act: Any
) -> HttpResponse:
    """The page with a form: saves what was typed, or shows it again with the phone and what is wrong."""
    form: forms.Form = context["form"]
    asks_preview = request.POST.get("do") == "preview"
    if request.method == "POST" and not asks_preview and form.is_valid():
        try:
            saved = act(form.cleaned_data)
        except actions.WordingRefused as refusal:
            for error in refusal.errors:
                form.add_error("body", str(error))
            if refusal.is_promotion:
                actions.record_promotion(actor=principal, pointer="/body")
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "Saved as a draft. Submit it when it says what you mean.")
            return _to(partner, saved)
    if asks_preview:
        form = context["form"] = _without_errors(form)
    template: Template | None = context.get("template")
    version: TemplateVersion | None = context.get("version")
    cluster = template.cluster if template else form["cluster"].value() or ""
    locale = version.locale if version else form["locale"].value() or "en"
    context |= {"cluster": cluster, "locale": locale, "longest": LONGEST}
    context |= _preview(cluster, form["body"].value() or "", locale)
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "notifications/templates/form.html", context, status=status)


def _without_errors(form: forms.Form) -> forms.Form:
    """A preview is no submission: what is still missing is no mistake yet."""
    form._errors = ErrorDict()  # type: ignore[attr-defined]
    return form


def _preview(cluster: str, body: str, locale: str) -> dict[str, Any]:
    """What the phone shows, the fields to choose from, and what is wrong so far."""
    is_known = cluster in SENDABLE
    body, locale = body.replace("\r\n", "\n"), locale if locale in OFFERED else "en"
    return {
        "fields": reading.fields_of(cluster, locale) if is_known else [],
        "text": reading.preview(cluster, body, locale) if is_known and body.strip() else "",
        "problems": find_wording_errors(cluster, body) if is_known and body.strip() else [],
        "length": len(body),
        "why": why_title(locale),
    }


def _shown(version: TemplateVersion) -> str:
    return reading.preview(version.template.cluster, version.body, version.locale)


def _to(partner: Partner, version: TemplateVersion) -> HttpResponse:
    return redirect("member-template-version", partner.slug, public_id("tpv", version.id))


def _id(prefix: str, text: str) -> UUID:
    try:
        return parse_public_id(prefix, text)
    except InvalidPublicId as error:
        raise Http404 from error
