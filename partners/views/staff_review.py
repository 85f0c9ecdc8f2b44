"""The staff's queue of banks to verify, a case with all that is known, and the decisions of two people."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from partners.access import get_partner_by_slug, id_in_path
from partners.actions import review as actions
from partners.actions.domain_proof import note_domain_check, prove_domain_by_hand
from partners.actions.partners import GONE
from partners.forms.verification import (
    ApprovalForm,
    ByHandForm,
    DeferForm,
    MessageForm,
    NoteForm,
    ReasonsForm,
    SeenForm,
)
from partners.models import (
    Partner,
    ReviewDecision,
    ReviewNote,
    Submission,
    Verification,
    VerificationDocument,
)
from partners.models.review import SubmissionQuerySet
from partners.pages import as_staff, posted, staff_page
from partners.refusals import Refused
from partners.verification_access import get_document_for, is_on_case, verification_of
from partners.verification_items import content_of, open_contacts
from partners.verification_reading import PROOFS, sections_of, thread_of
from partners.views.verification import as_file, find_problem, refuse, tell_check
from partners.waiting import piles
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.permissions import StaffPermission
from portal.tenancy.principal import Principal

PAGE = 50
SHOWN = {"waiting": "All that wait", "mine": "Mine", "second": "For a second look", "deferred": "Put off"}
_RECOMMENDED = ReviewDecision.objects.filter(submission=OuterRef("pk"), kind=ReviewDecision.Kind.RECOMMENDED)
case_page = staff_page(StaffPermission.PARTNERS_REVIEW)


@require_GET
@staff_page(StaffPermission.PARTNERS_READ)
def queue(request: HttpRequest, principal: Principal) -> HttpResponse:
    """What waits, oldest first, and how much waits elsewhere; `?show=` narrows, `?after=` turns the page."""
    show = request.GET.get("show", "")
    show = show if show in SHOWN else "waiting"
    rows = _shown(principal, show)
    if after := request.GET.get("after"):
        rows = rows.filter(id__gt=id_in_path("sub", after))
    found = list(rows.order_by("id")[: PAGE + 1])
    context = {
        "rows": [(one, state_of(one)) for one in found[:PAGE]],
        "show": show,
        "shown": SHOWN.items(),
        "after": public_id("sub", found[PAGE - 1].id) if len(found) > PAGE else "",
        "waiting": _shown(principal, "waiting").count(),
        "piles": piles(),
    }
    return render(request, "partners/review/queue.html", context)


@require_GET
@staff_page(StaffPermission.PARTNERS_READ)
def case(request: HttpRequest, principal: Principal, slug: str) -> HttpResponse:
    """What was handed in beside what was before, the checks, the conversation, and whose turn it is."""
    return _case(request, principal, get_partner_by_slug(principal, slug))


@require_POST
@case_page
def take(request: HttpRequest, principal: Principal, slug: str) -> HttpResponse:
    """The colleague has the case from now on; `takeover` says that they know who had it."""
    partner = get_partner_by_slug(principal, slug)
    form = SeenForm(request.POST)
    seen = form.cleaned_data["seen"] if form.is_valid() else None
    try:
        actions.take_case(
            partner_id=partner.id, actor=principal, seen=seen, is_takeover="takeover" in request.POST
        )
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "You have this case now.")
    return redirect("staff-review", slug)


class Way:
    """A decision: its form, the action, and the words of its page."""

    def __init__(
        self,
        form: type[Any],
        act: Callable[..., object],
        heading: str,
        button: str,
        *points: str,
        danger: bool = False,
    ) -> None:
        self.form, self.act, self.heading, self.button = form, act, heading, button
        self.points, self.is_danger = points, danger


WAYS = {
    "recommend": Way(
        ApprovalForm, actions.recommend_bank, "Recommend this bank?", "Recommend",
        "You have checked each part of what was handed in.", "A colleague has to approve it as well.",
    ),
    "approve": Way(
        ApprovalForm, actions.approve_bank, "Approve this bank?", "Approve",
        "You have checked it yourself, beside the first opinion.",
        "The bank is verified for a year. It goes live once an agreement is in force and production is enabled.",
    ),
    "ask": Way(
        ReasonsForm, actions.ask_for_more, "Ask for more?", "Send it back",
        "The bank can change everything, and submits again.", "Both opinions then begin anew.",
    ),
    "defer": Way(
        DeferForm, actions.defer_case, "Put it off?", "Put it off",
        "It leaves the queue until that day. Nothing else changes.",
    ),
    "decline": Way(
        ReasonsForm, actions.decline_bank, "Decline this bank?", "Decline for good",
        "It cannot be undone.", "The bank reads every reason.", danger=True,
    ),
}  # fmt: skip


@require_http_methods(["GET", "POST"])
@case_page
def decide(request: HttpRequest, principal: Principal, slug: str, decision: str) -> HttpResponse:
    """A page for each decision, that asks for its reasons; on POST it is made."""
    way = WAYS.get(decision)
    if way is None:
        raise Http404
    return _act(request, principal, slug, way)


@require_http_methods(["GET", "POST"])
@case_page
def by_hand(request: HttpRequest, principal: Principal, slug: str) -> HttpResponse:
    """The domain was checked in another way."""
    way = Way(
        ByHandForm, prove_domain_by_hand, "Record a check of the domain by hand?", "Record it",
        "Only where neither DNS nor the file can prove it.", "Both reviewers answer for it.",
    )  # fmt: skip
    return _act(request, principal, slug, way)


@require_POST
@login_required
def check_domain(request: HttpRequest, slug: str) -> HttpResponse:
    """Looks for the proof again, between two transactions."""
    with as_staff(request, StaffPermission.PARTNERS_REVIEW) as principal:
        partner = get_partner_by_slug(principal, slug)
    way = request.POST.get("way", "")
    problem = find_problem(way, partner)
    with as_staff(request, StaffPermission.PARTNERS_REVIEW) as principal:
        tell_check(
            request,
            lambda: note_domain_check(partner_id=partner.id, way=way, problem=problem, actor=principal),
        )
    return redirect("staff-review", slug)


@require_GET
@case_page
def document(request: HttpRequest, principal: Principal, slug: str, doc: str) -> HttpResponse:
    """The file, to who is on the case."""
    return as_file(get_document_for(principal, get_partner_by_slug(principal, slug), doc), principal)


@require_POST
@case_page
def message(request: HttpRequest, principal: Principal, slug: str) -> HttpResponse:
    """A line to the bank."""
    partner, form = get_partner_by_slug(principal, slug), MessageForm(request.POST)
    if not form.is_valid():
        return _case(request, principal, partner, message=form)
    actions.write_message(partner_id=partner.id, text=form.cleaned_data["text"], actor=principal)
    messages.success(request, "Sent to the bank.")
    return redirect("staff-review", slug)


@require_POST
@case_page
def note(request: HttpRequest, principal: Principal, slug: str) -> HttpResponse:
    """A line to colleagues."""
    partner, form = get_partner_by_slug(principal, slug), NoteForm(request.POST, prefix="note")
    if not form.is_valid():
        return _case(request, principal, partner, note=form)
    actions.write_note(partner_id=partner.id, text=form.cleaned_data["text"], actor=principal)
    messages.success(request, "The note is kept.")
    return redirect("staff-review", slug)


def state_of(submission: Submission) -> str:
    """As the queue and the case show it."""
    until: date | None = submission.deferred_until
    if submission.status in (Submission.Status.WAITING, Submission.Status.IN_REVIEW):
        if until is not None and until > timezone.now().date():
            return "DEFERRED"
        if submission.is_recommended:  # type: ignore[attr-defined]
            return "RECOMMENDED"
    return submission.status


def _submissions() -> SubmissionQuerySet:
    rows = Submission.objects.select_related("partner", "reviewer")
    return rows.annotate(is_recommended=Exists(_RECOMMENDED))


def _shown(principal: Principal, show: str) -> QuerySet[Submission]:
    rows = _submissions().open().exclude(partner__status__in=GONE).defer("content", "contacts")
    is_deferred = Q(deferred_until__gt=timezone.now().date())
    if show == "deferred":
        return rows.filter(is_deferred)
    rows = rows.exclude(is_deferred)
    if show == "mine":
        return rows.filter(reviewer_id=principal.id)
    return rows.filter(Exists(_RECOMMENDED)) if show == "second" else rows


def _act(request: HttpRequest, principal: Principal, slug: str, way: Way) -> HttpResponse:
    partner = get_partner_by_slug(principal, slug)
    version = verification_of(partner).version
    form = way.form(posted(request), initial={"seen": version})
    if request.method == "POST" and form.is_valid():
        try:
            way.act(partner_id=partner.id, actor=principal, seen=form.cleaned_data["seen"], **form.given())
        except Refused as refusal:
            refuse(form, refusal, version)
        else:
            messages.success(request, f"{partner.name}: done.")
            return redirect("staff-review", slug)
    context = {"bank": partner, "form": form, "way": way}
    return render(request, "partners/review/decide.html", context, status=422 if form.errors else 200)


def _case(
    request: HttpRequest,
    principal: Principal,
    partner: Partner,
    message: MessageForm | None = None,
    note: NoteForm | None = None,
) -> HttpResponse:
    found = verification_of(partner)
    last, *earlier = [*_submissions().filter(partner=partner).order_by("-number")[:2], None]
    before = earlier[0] if earlier else None
    with scope(Principal.system()):  # staff see no keys
        stated = _stated(partner, last, before)
        barred = actions.barred_from_case(partner, last, principal) if last else ""
    context = {
        "bank": partner,
        "verification": found,
        "proof": PROOFS[Verification.Proof(found.proven_by)] if found.proven_by else "",
        "last": last,
        "state": state_of(last) if last else partner.status,
        "is_open": last is not None and last.status in ("WAITING", "IN_REVIEW"),
        "is_mine": last is not None and last.reviewer_id == principal.id,
        "barred": barred or (actions.barred_from_approving(last, principal) if _is_recommended(last) else ""),
        "is_barred": bool(barred),
        "may": StaffPermission.PARTNERS_REVIEW.value in principal.permissions,
        "is_on_case": is_on_case(principal, partner),
        "notes": ReviewNote.objects.filter(partner=partner).order_by("-id")[:PAGE],
        "thread": thread_of(partner, is_staff=True),
        "form": message or MessageForm(),
        "note_form": note or NoteForm(prefix="note"),
        **stated,
    }
    has_errors = any(form is not None and form.errors for form in (message, note))
    return render(request, "partners/review/case.html", context, status=422 if has_errors else 200)


def _is_recommended(last: Submission | None) -> bool:
    return last is not None and last.is_recommended  # type: ignore[attr-defined]


def _stated(partner: Partner, last: Submission | None, before: Submission | None) -> dict[str, Any]:
    """What was handed in (or, before that, what stands there now), and what it was before."""
    if last is not None:
        content, contacts = last.content, open_contacts(last)
    else:
        found = verification_of(partner)
        documents = VerificationDocument.objects.filter(partner=partner).current()
        content, contacts = content_of(partner, found, documents), open_contacts(found)
    earlier = before.content if before else None
    known = {one["sha256"] for one in earlier["documents"]} if earlier else set()
    kinds = dict(VerificationDocument.Kind.choices)
    return {
        "sections": sections_of(content, contacts, earlier, open_contacts(before) if before else {}),
        "documents": [
            (
                f"doc_{one['id'].replace('-', '')}",
                one,
                kinds[one["kind"]],
                bool(earlier) and one["sha256"] not in known,
            )
            for one in content["documents"]
        ],
    }
