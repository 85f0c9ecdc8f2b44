"""The API's notifications."""

from itertools import starmap
from typing import Any, ClassVar, cast

from django.db.models import Q
from django.utils import timezone
from rest_framework.request import Request as ApiRequest

from notifications.access import deliveries_for, get_delivery_for, read_deliveries
from notifications.actions.accept import Request, accept_notification
from notifications.actions.templates import record_promotion
from notifications.actions.withdraw import cancel_notification
from notifications.models import Attempt, Delivery
from notifications.promotion import PROMOTIONAL
from notifications.serializers import (
    ACCEPTED,
    CANCELLED,
    EXAMPLES,
    NOTIFICATIONS,
    SCOPES,
    TOLD,
    AcceptedNotification,
    AttemptShown,
    Moment,
    NewNotification,
    NotificationId,
    NotificationShown,
    NotificationsQuery,
    NotificationTold,
)
from notifications.timeline import public_status, timeline
from notifications.usage import CLOCK_STEP
from partners.clusters import Cluster
from partners.refusals import Refused
from portal.api.errors import Problem
from portal.api.pagination import Page, page
from portal.api.schema import operation
from portal.api.times import rfc3339
from portal.api.views import ApiView
from portal.ids import first_uuid7, public_id
from portal.vault.crypto import blind_index

REFUSALS = (
    "no_active_grant",
    "grant_paused",
    "reconfirmation_due",
    "account_not_in_grant",
    "partner_suspended",
    "agreement_not_in_force",
    "volume_cap_reached",
    "template_not_approved",
    "invalid_data",
    "full_account_number",
)


class Notifications(ApiView):
    """`POST /notifications`, `GET /notifications`."""

    required_scopes: ClassVar[dict[str, str] | str] = {"GET": "notifications:read"}

    def handle_exception(self, exc: Exception) -> Any:
        """Advertising that was tried is noted in the trail."""
        for error in exc.errors if isinstance(exc, Problem) else ():
            if error["code"] == PROMOTIONAL:
                record_promotion(actor=self.principal, pointer=error["pointer"])
        return super().handle_exception(exc)

    @operation(status=202, problems=REFUSALS, scopes=SCOPES, examples=EXAMPLES, answer_example=ACCEPTED)
    def post(self, request: ApiRequest, body: NewNotification) -> AcceptedNotification:
        """Send a notification

        Needs the scope of the template's cluster. Everything is checked before the answer; a refusal writes
        nothing. The message then goes out as soon as it may, and the grant is asked once more just before.
        """
        answer = accept_notification(request=as_request(body), actor=self.principal)
        return cast(AcceptedNotification, answer)

    @operation(answer_example=NOTIFICATIONS)
    def get(self, request: ApiRequest, query: NotificationsQuery) -> Page[NotificationShown]:
        """List the notifications

        Of the client's bank and environment, newest first. Filters narrow the list together.
        """
        rows = deliveries_for(self.principal)
        if "status" in query:
            rows = rows.filter(_with_status(query["status"]))
        if "cluster" in query:
            rows = rows.filter(notification__cluster=query["cluster"])
        if "customer_ref" in query:
            index = blind_index("customer_ref", self.principal.partner_id, query["customer_ref"])
            rows = rows.filter(grant__customer__ref_index=index)
        if "created_after" in query:
            after = query["created_after"]
            rows = rows.filter(notification__created_at__gt=after, id__gte=first_uuid7(after - CLOCK_STEP))
        return page(query, rows, lambda found: [show(row) for row in read_deliveries(self.principal, found)])


class NotificationDetail(ApiView):
    """`GET /notifications/{id}`."""

    required_scopes = "notifications:read"

    @operation(answer_example=TOLD)
    def get(self, request: ApiRequest, ntf: NotificationId) -> NotificationTold:
        """See a notification

        Its status, what happened to it when, and every attempt to hand it to the messaging platform.
        """
        (delivery,) = read_deliveries(self.principal, [get_delivery_for(self.principal, ntf)])
        attempts = list(Attempt.objects.filter(delivery=delivery).order_by("id"))
        moments = cast(list[Moment], timeline(delivery, attempts))
        return {
            **show(delivery),
            "timeline": moments,
            "attempts": list(starmap(_attempt, enumerate(attempts, 1))),
        }


class NotificationCancel(ApiView):
    """`POST /notifications/{id}/cancel`."""

    @operation(problems=("too_late_to_cancel",), scopes=SCOPES, answer_example=CANCELLED)
    def post(self, request: ApiRequest, ntf: NotificationId) -> NotificationShown:
        """Cancel a notification

        Needs the scope of its cluster, and takes no body. It works as long as sending has not begun.
        """
        delivery = get_delivery_for(self.principal, ntf)
        self.require_scope(Cluster(delivery.notification.cluster).scope)
        try:
            return show(cancel_notification(delivery=delivery, actor=self.principal))
        except Refused as refusal:
            raise Problem("too_late_to_cancel", str(refusal)) from refusal


def as_request(body: NewNotification) -> Request:
    """What the client asks for, as the action takes it."""
    return Request(
        template=body["template"],
        data=body["data"],
        customer_ref=body.get("customer_ref") or "",
        grant_id=body.get("grant_id"),
        locale=body.get("locale") or "en",
        send_at=body.get("send_at"),
        expires_at=body.get("expires_at"),
        collapse_key=body.get("collapse_key") or "",
    )


def _with_status(status: str) -> Q:
    """What `public_status` calls so, in the database's terms."""
    queued = Q(status=Delivery.Status.QUEUED)
    waits_for_its_time = Q(attempts=0, reason="", next_attempt_at__gt=timezone.now())
    if status == "SCHEDULED":
        return queued & waits_for_its_time
    return queued & ~waits_for_its_time if status == "ACCEPTED" else Q(status=status)


def show(delivery: Delivery) -> NotificationShown:
    """As the API writes it."""
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


def _attempt(number: int, attempt: Attempt) -> AttemptShown:
    return {
        "number": number,
        "at": rfc3339(attempt.at),
        "duration_ms": attempt.duration_ms,
        "outcome": attempt.outcome,
        "code": attempt.code or None,
        "next_attempt_at": rfc3339(attempt.next_attempt_at) if attempt.next_attempt_at else None,
    }
