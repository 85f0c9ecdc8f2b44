"""The API's second chances: one notification, or all that was lost since a time."""

from rest_framework.request import Request as ApiRequest

from notifications.access import get_delivery_for, get_recovery_for
from notifications.actions.recover import start_recovery
from notifications.actions.resend import resend_notification
from notifications.models import Recovery
from notifications.serializers import (
    RECOVERED,
    RECOVERING,
    RESENT,
    SCOPES,
    NotificationId,
    NotificationRecovery,
    NotificationShown,
    TaskId,
    TaskShown,
)
from notifications.views.api import show
from partners.clusters import SENDABLE, Cluster
from portal.api.errors import Problem
from portal.api.schema import operation
from portal.api.views import ApiView
from portal.ids import public_id

REFUSALS = (
    "not_resendable",
    "no_active_grant",
    "grant_paused",
    "reconfirmation_due",
    "partner_suspended",
    "agreement_not_in_force",
)


class NotificationResend(ApiView):
    """`POST /notifications/{id}/resend`."""

    @operation(status=202, problems=REFUSALS, scopes=SCOPES, answer_example=RESENT)
    def post(self, request: ApiRequest, ntf: NotificationId) -> NotificationShown:
        """Send a notification again

        One that has FAILED or EXPIRED, under its own id, with the time that its cluster has. Needs the scope of
        its cluster, and takes no body. The grant is asked again.
        """
        delivery = get_delivery_for(self.principal, ntf)
        self.require_scope(Cluster(delivery.notification.cluster).scope)
        return show(resend_notification(delivery=delivery, actor=self.principal))


class NotificationRecover(ApiView):
    """`POST /notifications/recover`."""

    @operation(
        status=202,
        scopes=SCOPES,
        examples={"since": {"since": "2026-11-23T00:00:00Z"}},
        answer_example=RECOVERING,
    )
    def post(self, request: ApiRequest, body: NotificationRecovery) -> TaskShown:
        """Send again all that was lost

        What has FAILED or EXPIRED since a time, in the clusters that the token has scopes for. A task works on it:
        what may be sent now is queued again under its own id, the rest stays as it is.
        """
        clusters = [cluster.value for cluster in SENDABLE if cluster.scope in self.principal.scopes]
        if not clusters:
            raise Problem("insufficient_scope", f"This needs one of the scopes {', '.join(SCOPES)}.")
        return _task(start_recovery(since=body["since"], clusters=clusters, actor=self.principal))


class TaskDetail(ApiView):
    """`GET /tasks/{id}`."""

    @operation(answer_example=RECOVERED)
    def get(self, request: ApiRequest, tsk: TaskId) -> TaskShown:
        """See a task

        How far it has come. Ask again after a second or so until it is DONE.
        """
        return _task(get_recovery_for(self.principal, tsk))


def _task(recovery: Recovery) -> TaskShown:
    return {
        "id": public_id("tsk", recovery.id),
        "status": recovery.status,
        "done": recovery.done,
        "total": recovery.total,
    }
