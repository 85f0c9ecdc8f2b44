"""Complaints: a person's own, and the staff's queue."""

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from consents.access import complaints_for, get_complaint_for
from consents.actions.complain import (
    answer_complaint,
    close_complaint,
    continue_complaint,
    lodge_complaint,
    open_for_staff,
)
from consents.complaints import banks_of, turns_of
from consents.forms import AnswerForm, ComplaintForm, MessageForm
from consents.models import Complaint
from consents.views.person import person_page
from partners.access import id_in_path
from partners.pages import posted, staff_page
from partners.refusals import Refused
from portal.ids import public_id
from portal.tenancy.permissions import StaffPermission
from portal.tenancy.principal import Principal

MOST = 100
PAGE = 50
SHOWN = {"open": "To answer", "answered": "Answered", "closed": "Closed"}
staff_desk = staff_page(StaffPermission.COMPLAINTS_ANSWER)


@require_safe
@person_page
def complaints(request: HttpRequest, principal: Principal) -> HttpResponse:
    """A person's own, the latest first."""
    found = list(complaints_for(principal).order_by("-id")[:MOST])
    return render(request, "consents/complaints/list.html", {"complaints": found})


@require_http_methods(["GET", "POST"])
@person_page
def new(request: HttpRequest, principal: Principal) -> HttpResponse:
    """About a bank or about us; on POST it is with the staff."""
    banks = list(banks_of(principal.person_id).order_by("name"))
    form = ComplaintForm(posted(request), banks=banks)
    if request.method == "POST" and form.is_valid():
        about = form.cleaned_data["about"]
        try:
            complaint = lodge_complaint(
                about_id=None if about == "us" else id_in_path("ptn", about),
                text=form.cleaned_data["text"],
                actor=principal,
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Your complaint is with us. We answer here, and tell you by e-mail."))
            return redirect("person-complaint", public_id("cmp", complaint.id))
    return render(request, "consents/complaints/new.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@person_page
def complaint(request: HttpRequest, principal: Principal, cmp: str) -> HttpResponse:
    """What was said; on POST the person says more."""
    found = get_complaint_for(principal, id_in_path("cmp", cmp))
    form = MessageForm(posted(request))
    if request.method == "POST" and form.is_valid():
        text, done = form.cleaned_data["text"], _("Sent. We answer here, and tell you by e-mail.")
        act = partial(continue_complaint, complaint_id=found.id, text=text, actor=principal)
        return _act(request, act, "person-complaint", cmp, done)
    context = {"complaint": found, "turns": turns_of(found), "form": form}
    return render(request, "consents/complaints/one.html", context, status=422 if form.errors else 200)


@require_POST
@person_page
def close(request: HttpRequest, principal: Principal, cmp: str) -> HttpResponse:
    """The person needs no more."""
    found = get_complaint_for(principal, id_in_path("cmp", cmp))
    act = partial(close_complaint, complaint_id=found.id, actor=principal)
    return _act(request, act, "person-complaint", cmp, _("Closed. Writing again opens it."))


@require_GET
@staff_desk
def queue(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Those that wait, longest first; `?show=` chooses others, `?after=` turns the page."""
    show = request.GET.get("show", "")
    show = show if show in SHOWN else "open"
    rows = complaints_for(principal).filter(status=show.upper())
    if after := request.GET.get("after"):
        last = get_complaint_for(principal, id_in_path("cmp", after))
        rows = rows.filter(Q(changed_at__gt=last.changed_at) | Q(changed_at=last.changed_at, id__gt=last.id))
    found = list(rows.order_by("changed_at", "id")[: PAGE + 1])
    context = {
        "complaints": found[:PAGE],
        "show": show,
        "shown": SHOWN.items(),
        "after": public_id("cmp", found[PAGE - 1].id) if len(found) > PAGE else "",
    }
    return render(request, "consents/complaints/queue.html", context)


@require_http_methods(["GET", "POST"])
@staff_desk
def case(request: HttpRequest, principal: Principal, cmp: str) -> HttpResponse:
    """What was said; on POST it is answered."""
    found = open_for_staff(complaint_id=id_in_path("cmp", cmp), actor=principal)
    form = AnswerForm(posted(request))
    if request.method == "POST" and form.is_valid():
        text = form.cleaned_data["text"]
        act = partial(answer_complaint, complaint_id=found.id, text=text, actor=principal)
        return _act(request, act, "staff-complaint", cmp, "Answered.")
    context = {"complaint": found, "turns": turns_of(found), "form": form}
    return render(request, "consents/complaints/case.html", context, status=422 if form.errors else 200)


@require_POST
@staff_desk
def close_case(request: HttpRequest, principal: Principal, cmp: str) -> HttpResponse:
    """Nothing more is to be said."""
    found = get_complaint_for(principal, id_in_path("cmp", cmp))
    act = partial(close_complaint, complaint_id=found.id, actor=principal)
    return _act(request, act, "staff-complaint", cmp, "Closed.")


def _act(request: HttpRequest, act: Callable[[], Complaint], route: str, cmp: str, done: str) -> HttpResponse:
    try:
        act()
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
    return redirect(route, cmp)
