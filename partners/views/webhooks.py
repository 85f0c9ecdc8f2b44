"""A bank's webhooks, for its members: endpoints, what was sent to them, and an inbox without a server."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from partners.actions import webhooks as actions
from partners.models import Partner, WebhookDelivery, WebhookEndpoint
from partners.pages import member_page
from partners.refusals import Refused
from partners.webhooks.access import endpoints_for, get_delivery_for, get_endpoint_for
from partners.webhooks.actions.outcome import RETRY_SECONDS
from partners.webhooks.events import ABOUT, EventType, by_noun
from partners.webhooks.forms import EndpointForm, InboxForm, RotationForm, SpanForm, TestForm
from partners.webhooks.reading import (
    REASONS,
    bodies_of,
    challenge_of,
    health_of,
    signed_headers,
    state_of,
    tries_of,
    with_last_answer,
)
from portal.ids import InvalidPublicId, parse_public_id, public_id
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Principal

PAGE = 25
ARRIVALS = 50  # that an inbox shows
# As parts/status knows them
SHOWN = {"PENDING": "QUEUED", "DELIVERED": "DELIVERED", "FAILED": "FAILED"}
webhooks_page = member_page(Permission.WEBHOOKS_MANAGE)


class Row(NamedTuple):
    """A delivery, its state and, where it is known, its body as text."""

    delivery: WebhookDelivery
    state: str
    body: str = ""


@require_GET
@webhooks_page
def endpoints(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """All of the bank's, newest first."""
    rows = [(one, state_of(one)) for one in endpoints_for(principal).order_by("-id")]
    context = {"partner": partner, "rows": rows, "inbox_form": InboxForm()}
    return render(request, "partners/webhooks/endpoints.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@webhooks_page
def add(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """A new endpoint; its secret is in the answer, once."""
    form = EndpointForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            endpoint, secret = actions.add_endpoint(
                partner_id=partner.id, actor=principal, **form.cleaned_data
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return _secret(request, partner, endpoint, secret)
    return _form(request, partner, form)


@never_cache
@require_POST
@webhooks_page
def open_inbox(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """The environment's inbox; made when there is none."""
    form = InboxForm(request.POST)
    if not form.is_valid():
        return redirect("member-webhooks", partner.slug)
    environment = form.cleaned_data["environment"]
    inboxes = endpoints_for(principal).filter(kind=WebhookEndpoint.Kind.INBOX, environment=environment)
    endpoint = inboxes.first()
    if endpoint is None:
        try:
            endpoint, _ = actions.add_endpoint(
                partner_id=partner.id, environment=environment, actor=principal, description="Test inbox"
            )
        except Refused as refusal:
            messages.error(request, str(refusal))
            return redirect("member-webhooks", partner.slug)
    return _to(partner, endpoint)


@require_GET
@webhooks_page
def endpoint(request: HttpRequest, principal: Principal, partner: Partner, whk: str) -> HttpResponse:
    """Its health, its log, and what can be done with it; an inbox shows what arrives."""
    found = _endpoint(principal, whk)
    context = _about(partner, found) | {
        "health": health_of(found),
        "test_form": TestForm(),
        "span_form": SpanForm(),
        "challenge": challenge_of(found),
    }
    if found.kind == WebhookEndpoint.Kind.INBOX:
        context |= {"rows": _arrivals(found), "is_paused": "paused" in request.GET}
        return render(request, "partners/webhooks/inbox.html", context)
    return render(request, "partners/webhooks/endpoint.html", context | _log(request, found))


@require_GET
@webhooks_page
def arrivals(request: HttpRequest, principal: Principal, partner: Partner, whk: str) -> HttpResponse:
    """For htmx: what came to an inbox after the delivery `after`; 204 where nothing did."""
    found = _endpoint(principal, whk)
    after = request.GET.get("after", "")
    rows = _arrivals(found, after=_id("dlv", after) if after else None)
    if not rows:
        return HttpResponse(status=204)
    return render(request, "partners/webhooks/arrivals.html", _about(partner, found) | {"rows": rows})


@require_GET
@webhooks_page
def challenge(request: HttpRequest, principal: Principal, partner: Partner, whk: str) -> HttpResponse:
    """For htmx: how far the challenge is; asks again while it has not been answered."""
    found = _endpoint(principal, whk)
    context = _about(partner, found) | {"challenge": challenge_of(found)}
    return render(request, "partners/webhooks/challenge.html", context)


@require_http_methods(["GET", "POST"])
@webhooks_page
def edit(request: HttpRequest, principal: Principal, partner: Partner, whk: str) -> HttpResponse:
    """Another address gets a challenge first."""
    found = _endpoint(principal, whk)
    form = EndpointForm(request.POST or None, endpoint=found)
    if request.method == "POST" and form.is_valid():
        changed = actions.change_endpoint(endpoint_id=found.id, actor=principal, **form.cleaned_data)
        is_moved = changed.url != found.url
        messages.success(request, "Saved. The new address gets a challenge first." if is_moved else "Saved.")
        return _to(partner, found)
    return _form(request, partner, form, found)


@never_cache
@require_http_methods(["GET", "POST"])
@webhooks_page
def rotate(request: HttpRequest, principal: Principal, partner: Partner, whk: str) -> HttpResponse:
    """A new secret, in the answer, once; the old one ends now or later."""
    found = _endpoint(principal, whk)
    form = RotationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            changed, secret = actions.rotate_secret(
                endpoint_id=found.id, actor=principal, **form.cleaned_data
            )
        except Refused as refusal:
            form.add_error("expire_old_in", str(refusal))
        else:
            return _secret(request, partner, changed, secret)
    return _answer(request, "partners/webhooks/rotate.html", _about(partner, found) | {"form": form})


@require_POST
@webhooks_page
def send_test(request: HttpRequest, principal: Principal, partner: Partner, whk: str) -> HttpResponse:
    """An example of the type that was chosen."""
    found, form = _endpoint(principal, whk), TestForm(request.POST)

    def act() -> str:
        event_type = EventType(form.cleaned_data["event_type"])
        actions.send_test(endpoint_id=found.id, event_type=event_type, actor=principal)
        return f"A test of {event_type} is on its way."

    return _do(request, partner, found, act if form.is_valid() else None)


@require_POST
@webhooks_page
def switch(request: HttpRequest, principal: Principal, partner: Partner, whk: str) -> HttpResponse:
    """Disables or enables it, as `to` says."""
    found, to = _endpoint(principal, whk), request.POST.get("to")

    def disable() -> str:
        actions.disable_endpoint(endpoint_id=found.id, actor=principal)
        return "Disabled. What happens from now on is kept, and can be sent once you enable it again."

    def enable() -> str:
        actions.enable_endpoint(endpoint_id=found.id, actor=principal)
        return "Enabled. To get what it missed, send failed events again."

    return _do(request, partner, found, {"DISABLED": disable, "ENABLED": enable}.get(str(to)))


@require_POST
@webhooks_page
def recover(request: HttpRequest, principal: Principal, partner: Partner, whk: str) -> HttpResponse:
    """Sends again what failed in the span that was chosen."""
    found, form = _endpoint(principal, whk), SpanForm(request.POST)

    def act() -> str:
        since = timezone.now() - timedelta(hours=form.cleaned_data["hours"])
        count = actions.recover(endpoint_id=found.id, since=since, actor=principal)
        return f"{count} event{'' if count == 1 else 's'} will be sent again." if count else "Nothing failed."

    return _do(request, partner, found, act if form.is_valid() else None)


@require_http_methods(["GET", "POST"])
@webhooks_page
def delete(request: HttpRequest, principal: Principal, partner: Partner, whk: str) -> HttpResponse:
    """Says what deleting does, then does it."""
    found = _endpoint(principal, whk)
    if request.method == "POST":
        actions.delete_endpoint(endpoint_id=found.id, actor=principal)
        messages.success(request, "The endpoint is deleted.")
        return redirect("member-webhooks", partner.slug)
    return render(request, "partners/webhooks/delete.html", _about(partner, found))


@require_GET
@webhooks_page
def delivery(
    request: HttpRequest, principal: Principal, partner: Partner, whk: str, dlv: str
) -> HttpResponse:
    """What was sent, and every try with its answer."""
    found = _endpoint(principal, whk)
    row = get_delivery_for(principal, found.id, _id("dlv", dlv))
    body = bodies_of([row.message]).get(row.message_id, b"")
    is_inbox = found.kind == WebhookEndpoint.Kind.INBOX
    context = _about(partner, found) | {
        "row": _row(row, body),
        "reason": REASONS.get(row.reason, ""),
        "tries": tries_of(row),
        "headers": signed_headers(found, row.message, body) if is_inbox else {},
    }
    return render(request, "partners/webhooks/delivery.html", context)


@require_POST
@webhooks_page
def resend(request: HttpRequest, principal: Principal, partner: Partner, whk: str, dlv: str) -> HttpResponse:
    """Sends it now, under the same id."""
    found = _endpoint(principal, whk)
    row = get_delivery_for(principal, found.id, _id("dlv", dlv))

    def act() -> str:
        actions.resend(endpoint_id=found.id, delivery_id=row.id, actor=principal)
        return "It is being sent again."

    return _do(request, partner, found, act, delivery=row)


@require_GET
def guide(request: HttpRequest) -> HttpResponse:
    """/docs/webhooks: how to receive, verify and order events, and every type with an example."""
    groups = [(noun, [_documented(one) for one in types]) for noun, types in by_noun().items()]
    return render(
        request, "partners/webhooks/guide.html", {"groups": groups, "tries": len(RETRY_SECONDS) + 1}
    )


def _documented(event_type: EventType) -> tuple[str, str, str]:
    about = ABOUT[event_type]
    return event_type.value, about.sentence, json.dumps(about.data, indent=2, ensure_ascii=False)


def _id(prefix: str, text: str) -> UUID:
    try:
        return parse_public_id(prefix, text)
    except InvalidPublicId as error:
        raise Http404 from error


def _endpoint(principal: Principal, whk: str) -> WebhookEndpoint:
    return get_endpoint_for(principal, _id("whk", whk))


def _about(partner: Partner, endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {
        "partner": partner,
        "endpoint": endpoint,
        "whk": public_id("whk", endpoint.id),
        "name": endpoint.description or urlsplit(endpoint.url).netloc or "Test inbox",
        "state": state_of(endpoint),
        "environment": endpoint.environment,
    }


def _to(partner: Partner, endpoint: WebhookEndpoint) -> HttpResponse:
    return redirect("member-webhook", partner.slug, public_id("whk", endpoint.id))


def _answer(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """422 for a form that came back."""
    return render(request, template, context, status=422 if context["form"].errors else 200)


def _form(
    request: HttpRequest, partner: Partner, form: EndpointForm, endpoint: WebhookEndpoint | None = None
) -> HttpResponse:
    about = _about(partner, endpoint) if endpoint else {"partner": partner}
    chosen = set(form["event_types"].value() or [])
    groups = [
        (noun, [(one.value, ABOUT[one].sentence, one.value in chosen) for one in types])
        for noun, types in by_noun().items()
    ]
    return _answer(request, "partners/webhooks/form.html", about | {"form": form, "groups": groups})


def _secret(request: HttpRequest, partner: Partner, endpoint: WebhookEndpoint, secret: str) -> HttpResponse:
    context = _about(partner, endpoint) | {"secret": secret}
    return render(request, "partners/webhooks/secret.html", context)


def _do(
    request: HttpRequest,
    partner: Partner,
    endpoint: WebhookEndpoint,
    act: Callable[[], str] | None,
    *,
    delivery: WebhookDelivery | None = None,
) -> HttpResponse:
    """Does it, says how it went, and goes back; what no form of ours sends does nothing."""
    try:
        if act is not None:
            messages.success(request, act())
    except Refused as refusal:
        messages.error(request, str(refusal))
    whk = public_id("whk", endpoint.id)
    if delivery is not None:
        return redirect("member-webhook-delivery", partner.slug, whk, public_id("dlv", delivery.id))
    return _to(partner, endpoint)


def _log(request: HttpRequest, endpoint: WebhookEndpoint) -> dict[str, Any]:
    """A page of deliveries, newest first; `?status=` narrows, `?before=` is the last of the page before."""
    rows: QuerySet[WebhookDelivery] = with_last_answer(WebhookDelivery.objects.filter(endpoint=endpoint))
    status = request.GET.get("status", "")
    if status in WebhookDelivery.Status.values:
        rows = rows.filter(status=status)
    if before := request.GET.get("before"):
        rows = rows.filter(id__lt=_id("dlv", before))
    found = list(rows.order_by("-id")[: PAGE + 1])
    query = QueryDict(mutable=True)
    if len(found) > PAGE:
        query["before"] = public_id("dlv", found[PAGE - 1].id)
        if status:
            query["status"] = status
    return {
        "rows": [_row(row) for row in found[:PAGE]],
        "status": status,
        "statuses": WebhookDelivery.Status.choices,
        "next": query.urlencode(),
    }


def _arrivals(endpoint: WebhookEndpoint, *, after: UUID | None = None) -> list[Row]:
    rows = WebhookDelivery.objects.filter(endpoint=endpoint).select_related("message")
    if after is not None:
        rows = rows.filter(id__gt=after)
    found = list(rows.order_by("-id")[:ARRIVALS])
    bodies = bodies_of([row.message for row in found])
    return [_row(row, bodies.get(row.message_id, b"")) for row in found]


def _row(row: WebhookDelivery, body: bytes = b"") -> Row:
    text = json.dumps(json.loads(body), indent=2, ensure_ascii=False) if body else ""
    return Row(row, SHOWN[row.status], text)
