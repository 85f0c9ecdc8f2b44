"""Wording that waits for review, for platform staff. Whoever wrote a version cannot decide on it."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from notifications import template_reading as reading
from notifications.access import get_template_version_for
from notifications.actions.templates import approve_template, reject_template
from notifications.forms import DecisionForm
from notifications.languages import language_name
from notifications.models import TemplateVersion
from notifications.why import why_title
from partners.pages import staff_page
from partners.refusals import Refused
from portal.ids import InvalidPublicId, parse_public_id, public_id
from portal.tenancy.permissions import StaffPermission
from portal.tenancy.principal import Principal

PAGE = 50
_S = TemplateVersion.Status


@require_GET
@staff_page(StaffPermission.TEMPLATES_REVIEW)
def queue(request: HttpRequest, principal: Principal) -> HttpResponse:
    """What waits, oldest first; `?before=` is the last one of the page before."""
    rows = TemplateVersion.objects.filter(status=_S.SUBMITTED).select_related("template", "partner")
    if before := request.GET.get("before"):
        last = get_template_version_for(principal, _id(before))
        later = Q(submitted_at__gt=last.submitted_at) | Q(submitted_at=last.submitted_at, id__gt=last.id)
        rows = rows.filter(later) if last.submitted_at else rows
    found = list(rows.order_by("submitted_at", "id")[: PAGE + 1])
    context = {
        "rows": [(one, language_name(one.locale)) for one in found[:PAGE]],
        "next": f"before={public_id('tpv', found[PAGE - 1].id)}" if len(found) > PAGE else "",
    }
    return render(request, "notifications/templates/queue.html", context)


@require_http_methods(["GET", "POST"])
@staff_page(StaffPermission.TEMPLATES_REVIEW)
def review(request: HttpRequest, principal: Principal, tpv: str) -> HttpResponse:
    """Its words, what they change, and the decision on just these words."""
    version = get_template_version_for(principal, _id(tpv))
    form = DecisionForm(request.POST or None, initial={"seen": version.digest})
    if request.method == "POST" and form.is_valid():
        try:
            _decide(version, form, principal)
        except Refused as refusal:
            form.add_error(None, str(refusal))
            form.data = {**request.POST.dict(), "seen": version.digest}  # they see today's words now
        else:
            messages.success(request, "Decided. The bank is told.")
            return redirect("staff-templates")
    live = reading.live_sibling(version)
    template = version.template
    context = {
        "version": version,
        "template": template,
        "partner": version.partner,
        "language": language_name(version.locale),
        "form": form,
        "text": reading.preview(template.cluster, version.body, version.locale),
        "why": why_title(version.locale),
        "live": live,
        "changes": reading.compare(live.body, version.body) if live else [],
        "moments": reading.thread_of(version),
        "earlier": _earlier(version),
        "clause": reading.clause_against(version.partner, template.cluster),
        "is_mine": version.author_id == principal.id,
    }
    status = 422 if form.errors else 200
    return render(request, "notifications/templates/review.html", context, status=status)


def _decide(version: TemplateVersion, form: DecisionForm, actor: Principal) -> None:
    data = form.cleaned_data
    if data["decision"] == "approve":
        approve_template(version_id=version.id, seen=data["seen"], actor=actor)
    else:
        reject_template(version_id=version.id, reason=data["reason"], seen=data["seen"], actor=actor)


def _earlier(version: TemplateVersion) -> list[TemplateVersion]:
    """What was decided before about the same template and language, newest first."""
    rows = TemplateVersion.objects.filter(template_id=version.template_id, locale=version.locale)
    return list(rows.exclude(pk=version.pk).exclude(decided_at=None).order_by("-number")[:10])


def _id(text: str) -> UUID:
    try:
        return parse_public_id("tpv", text)
    except InvalidPublicId as error:
        raise Http404 from error
