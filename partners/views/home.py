"""Where a bank's members begin: their banks, and what each has to do next."""

from typing import NamedTuple

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from partners.access import roles_with
from partners.due import Task, When, tasks_of
from partners.models import Membership, Partner
from partners.pages import member_page, permission_of
from partners.roles import ROLE_WORDS
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

SECTIONS = {
    When.NOW: "Due now",
    When.REVIEW: "Under review",
    When.LATER: "Later",
    When.DONE: "Done",
}
# Where a bank stands, in words.
STATES = {
    "DRAFT": "Draft. The sandbox works; live messages need a verified bank and an agreement.",
    "PENDING_REVIEW": "Submitted. The platform looks at it soon; nothing is needed from you.",
    "IN_REVIEW": "In review by the platform.",
    "MORE_INFORMATION_NEEDED": "The reviewers need something from you.",
    "APPROVED": "Approved. Live messages begin when an agreement is in force.",
    "ACTIVE": "Active: verified, and with an agreement in force.",
    "SUSPENDED": "Suspended by the platform. Nothing live is sent.",
    "REVOKED": "Ended by the platform.",
    "SURRENDERED": "Your bank has left.",
    "REJECTED": "Declined by the platform.",
}


class Line(NamedTuple):
    """A task as the reader sees it: their page of it, "" where there is none, or the roles that have one."""

    task: Task
    url: str
    roles: list[str]


@require_safe
@login_required
def banks(request: HttpRequest) -> HttpResponse:
    """Those whose team the reader is in, to choose from."""
    with scope(Principal.system()), transaction.atomic():
        mine = Membership.objects.filter(user=request.user).select_related("partner")  # type: ignore[misc]
        rows = [
            (one.partner, ROLE_WORDS[one.role][0], STATES[one.partner.status])
            for one in mine.order_by("partner__name")
        ]
    return render(request, "partners/home/banks.html", {"rows": rows})


@require_safe
@member_page()
def home(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """What is due now, later, under review and done, each with its reason."""
    lines = [_line(task, principal) for task in tasks_of(partner)]
    sections = [(word, [one for one in lines if one.task.when is when]) for when, word in SECTIONS.items()]
    context = {
        "partner": partner,
        "sections": [(word, found) for word, found in sections if found],
        "is_all_done": all(one.task.when is When.DONE for one in lines),
        "state": STATES[partner.status],
    }
    return render(request, "partners/home/home.html", context)


def _line(task: Task, principal: Principal) -> Line:
    needed = permission_of(task.url) if task.url else None
    if needed is None or needed.value in principal.permissions:
        return Line(task, task.url, [])
    return Line(task, "", [] if task.when is When.DONE else roles_with(needed))
