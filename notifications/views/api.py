"""The API's notifications and templates."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Q
from django.http import Http404
from rest_framework.request import Request as ApiRequest
from rest_framework.response import Response

from notifications.access import deliveries_for, get_delivery_for
from notifications.actions.accept import Request, accept_notification
from notifications.actions.withdraw import cancel_notification
from notifications.models import Attempt, Delivery, Template
from notifications.timeline import public_status, rfc3339, timeline
from partners.clusters import Cluster
from partners.refusals import Refused
from portal.api.errors import Problem
from portal.api.pagination import page
from portal.api.views import ApiView
from portal.ids import InvalidPublicId, parse_public_id, public_id
from portal.vault.crypto import blind_index

TEXTS = {"template": 60, "customer_ref": 128, "grant_id": 36, "locale": 10, "collapse_key": 64}
TIMES = ("send_at", "expires_at")
STATUSES = {*Delivery.Status.values, "SCHEDULED", "ACCEPTED"} - {"QUEUED"}


class Notifications(ApiView):
    """`POST /notifications` accepts one, `GET` lists the client's, newest first."""

    required_scopes: ClassVar[dict[str, str] | str] = {"GET": "notifications:read"}

    def post(self, request: ApiRequest) -> Response:
        """202, or a problem that says what forbids it; then nothing was written."""
        return Response(accept_notification(request=_read(request.data), actor=self.principal), status=202)

    def get(self, request: ApiRequest) -> Response:
        """Filters: `status`, `cluster`, `customer_ref`, `created_after`."""
        rows = deliveries_for(self.principal)
        query = request.query_params
        if status := query.get("status"):
            rows = rows.filter(_with_status(status))
        if cluster := query.get("cluster"):
            rows = rows.filter(notification__cluster=cluster)
        if reference := query.get("customer_ref"):
            index = blind_index("customer_ref", self.principal.partner_id, reference)
            rows = rows.filter(grant__customer__ref_index=index)
        if after := query.get("created_after"):
            rows = rows.filter(notification__created_at__gt=_time("created_after", after))
        return Response(page(request, rows, _summary))


class NotificationDetail(ApiView):
    """`GET /notifications/{id}`: status, timeline and attempts."""

    required_scopes = "notifications:read"

    def get(self, request: ApiRequest, ntf: str) -> Response:
        """Three queries."""
        delivery = get_delivery_for(self.principal, _uuid("ntf", ntf))
        attempts = list(Attempt.objects.filter(delivery=delivery).order_by("id"))
        shown = [_attempt(attempt) for attempt in attempts]
        return Response({**_summary(delivery), "timeline": timeline(delivery, attempts), "attempts": shown})


class NotificationCancel(ApiView):
    """`POST /notifications/{id}/cancel`, before sending only."""

    def post(self, request: ApiRequest, ntf: str) -> Response:
        """Needs the scope of its cluster; 409 `too_late_to_cancel` once sending has begun."""
        delivery = get_delivery_for(self.principal, _uuid("ntf", ntf))
        self.require_scope(Cluster(delivery.notification.cluster).scope)
        try:
            return Response(_summary(cancel_notification(delivery=delivery, actor=self.principal)))
        except Refused as refusal:
            raise Problem("too_late_to_cancel", str(refusal)) from refusal


class Templates(ApiView):
    """`GET /templates`: the bank's wording and its review."""

    def get(self, request: ApiRequest) -> Response:
        """Two queries, whatever the page's size."""
        rows = Template.objects.filter(partner_id=self.principal.partner_id).prefetch_related("versions")
        return Response(page(request, rows, _template))


def _read(data: dict[str, Any]) -> Request:
    errors: list[dict[str, str]] = []
    known = {*TEXTS, *TIMES, "data"}
    errors += [_error(name, "unknown_field", "There is no such field.") for name in data if name not in known]
    for name, longest in TEXTS.items():
        value = data.get(name)
        if value is not None and not (
            isinstance(value, str) and 1 <= len(value) <= longest and "\0" not in value
        ):
            errors.append(_error(name, "invalid", f"Text of 1 to {longest} characters."))
    if not data.get("template"):
        errors.append(_error("template", "required", "This is required."))
    if ("customer_ref" in data) == ("grant_id" in data):
        errors.append(_error("customer_ref", "required", "Send either customer_ref or grant_id."))
    if not isinstance(data.get("data"), dict):
        errors.append(_error("data", "required", "This must be an object."))
    if errors:
        raise Problem("invalid_request", "Some fields do not fit.", errors=errors)
    try:
        grant_id = parse_public_id("grt", data["grant_id"]) if "grant_id" in data else None
    except InvalidPublicId as error:
        raise Problem("no_active_grant") from error
    return Request(
        template=data["template"],
        data=data["data"],
        customer_ref=data.get("customer_ref") or "",
        grant_id=grant_id,
        locale=data.get("locale") or "en",
        send_at=_time("send_at", data["send_at"]) if data.get("send_at") else None,
        expires_at=_time("expires_at", data["expires_at"]) if data.get("expires_at") else None,
        collapse_key=data.get("collapse_key") or "",
    )


def _error(name: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": f"/{name}", "code": code, "detail": detail}


def _time(name: str, text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        detail = "An RFC 3339 time with an offset, such as 2026-01-31T09:30:00Z."
        raise Problem("invalid_request", f"`{name}` is not a time.", errors=[_error(name, "invalid", detail)])
    return moment


def _uuid(prefix: str, text: str) -> UUID:
    try:
        return parse_public_id(prefix, text)
    except InvalidPublicId as error:
        raise Http404 from error


def _with_status(status: str) -> Q:
    if status not in STATUSES:
        raise Problem("invalid_request", f"`status` is one of {', '.join(sorted(STATUSES))}.")
    if status not in ("SCHEDULED", "ACCEPTED"):
        return Q(status=status)
    return Q(status=Delivery.Status.QUEUED)


def _summary(delivery: Delivery) -> dict[str, Any]:
    notification = delivery.notification
    return {
        "id": public_id("ntf", notification.id),
        "status": public_status(delivery),
        "reason": delivery.reason or None,
        "grant_id": public_id("grt", delivery.grant_id),
        "cluster": notification.cluster,
        "environment": delivery.environment,
        "created_at": rfc3339(notification.created_at),
        "expires_at": rfc3339(delivery.expires_at),
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "at": rfc3339(attempt.at),
        "duration_ms": attempt.duration_ms,
        "outcome": attempt.outcome,
        "code": attempt.code or None,
        "next_attempt_at": rfc3339(attempt.next_attempt_at) if attempt.next_attempt_at else None,
    }


def _template(template: Template) -> dict[str, Any]:
    return {
        "id": public_id("tpl", template.id),
        "name": template.name,
        "cluster": template.cluster,
        "versions": [
            {
                "number": version.number,
                "locale": version.locale,
                "status": version.status,
                "body": version.body,
                "reason": version.reason or None,
            }
            for version in sorted(template.versions.all(), key=lambda one: (one.locale, one.number))
        ],
    }
