"""The three things a person can do to a connected bank."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from consents.access import get_grant_for, person_principal
from consents.actions.reconfirm import reconfirm_grant
from consents.actions.route import order_chats
from consents.actions.stop import end_grant, pause_grant, resume_grant
from consents.models import Grant
from consents.terms import is_asked
from partners.outgoing import outgoing
from partners.refusals import Refused
from portal.ids import InvalidPublicId, parse_public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

View = Callable[..., HttpResponse]
SOON = timedelta(days=30)


def person_page(view: View) -> View:
    """Signed in, in one transaction, seeing only the person's own rows; the view takes the principal second."""

    @login_required
    @wraps(view)
    def page(request: HttpRequest, **named: Any) -> HttpResponse:
        with transaction.atomic():
            principal = person_principal(request.user)  # type: ignore[arg-type]
            with scope(principal):
                return view(request, principal, **named)

    return page


def grant_id(text: str) -> UUID:
    """From the address; raises Http404."""
    try:
        return parse_public_id("grt", text)
    except InvalidPublicId as error:
        raise Http404 from error


def shown_state(grant: Grant) -> str:
    """The grant's status as it is at this moment, whatever has been written down: its clock is judged on every
    use. Beside the statuses: RECONFIRM (nothing is sent until the person says yes again), NEW_TERMS (they are asked
    for more, and nothing more is sent until they agree) and EXPIRES_SOON.
    """
    now = timezone.now()
    if grant.status_now != Grant.Status.ACTIVE:
        return grant.status_now
    if grant.is_unconfirmed:
        return "RECONFIRM"
    if is_asked(grant):
        return "NEW_TERMS"
    return "EXPIRES_SOON" if grant.expires_at <= now + SOON else grant.status


@require_POST
@person_page
def pause(request: HttpRequest, principal: Principal, grt: str) -> HttpResponse:
    """Stops messages until the person resumes."""
    return _act(
        request, grt, lambda one: pause_grant(grant_id=one, actor=principal), _("Messages are paused.")
    )


@require_POST
@person_page
def resume(request: HttpRequest, principal: Principal, grt: str) -> HttpResponse:
    """Lets messages come again, once the person has confirmed where that fell due."""
    done = _("Messages come again.")
    if get_grant_for(principal, grant_id(grt)).reconfirm_by <= timezone.now():
        done = _("No longer paused, but messages wait until you confirm that you still want them.")
    return _act(request, grt, lambda one: resume_grant(grant_id=one, actor=principal), done)


@require_POST
@person_page
def reconfirm(request: HttpRequest, principal: Principal, grt: str) -> HttpResponse:
    """Says yes for another 90 days."""
    return _act(
        request,
        grt,
        lambda one: reconfirm_grant(grant_id=one, actor=principal),
        _("Thank you. Confirmed for 90 days."),
    )


@require_POST
@person_page
def chats(request: HttpRequest, principal: Principal, grt: str) -> HttpResponse:
    """Puts the chats of the connection into the posted order, and leaves out those that are not in it."""
    try:
        order = [parse_public_id("lac", one) for one in request.POST.get("order", "").split(",")]
    except InvalidPublicId:
        order = []
    return _act(
        request,
        grt,
        lambda one: order_chats(grant_id=one, order=order, actor=principal),
        _("Done. From now on messages arrive in this order."),
    )


@require_http_methods(["GET", "POST"])
@person_page
def disconnect(request: HttpRequest, principal: Principal, grt: str) -> HttpResponse:
    """Shows what it means; on POST ends the connection for good."""
    grant = get_grant_for(principal, grant_id(grt))
    if request.method == "GET":
        if not grant.is_open:
            return redirect("person-grant", grt=grt)
        meets = outgoing().outlook([grant.id]).get(grant.id)
        context = {"grant": grant, "environment": grant.environment, "meets": meets}
        return render(request, "consents/person/disconnect.html", context)
    return _act(
        request,
        grt,
        lambda one: end_grant(grant_id=one, actor=principal, reason="person_disconnected"),
        _("{bank} is disconnected.").format(bank=grant.partner.name),
    )


def _act(request: HttpRequest, grt: str, act: Callable[[UUID], Grant], done: str) -> HttpResponse:
    try:
        act(grant_id(grt))
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
    return redirect("person-grant", grt=grt)
