"""The last balance a bank pushed. We cannot ask a bank for one."""

from typing import NamedTuple

from consents.models import Grant
from consents.records import SANDBOX_RETENTION_DAYS
from notifications.message import render_for
from notifications.models import Delivery, Notification
from partners.clusters import Cluster
from partners.models import AgreementVersion
from portal.vault.crypto import CannotOpen

_S = Delivery.Status


class LastBalance(NamedTuple):
    """Its text; "" once that was destroyed, `kept_days` after it was sent."""

    text: str
    kept_days: int


def last_balance(grant: Grant) -> LastBalance | None:
    """The last BALANCES message that was sent for this grant; None when there is none. As the system."""
    last = (
        Delivery.objects.select_related("notification__template_version", "notification__grant")
        .filter(grant=grant, notification__cluster=Cluster.BALANCES)
        .filter(status__in=[_S.SENT, _S.DELIVERED, _S.READ])
        .order_by("-id")
        .first()
    )
    if last is None:
        return None
    try:
        text = render_for(last.notification)
    except CannotOpen:
        text = ""
    return LastBalance(text, _kept_days(last.notification))


def _kept_days(notification: Notification) -> int:
    """The shorter of what the consent and the agreement promised: see notifications.actions.empty."""
    agreed = SANDBOX_RETENTION_DAYS
    if notification.agreement_version_id is not None:
        agreed = AgreementVersion.objects.get(pk=notification.agreement_version_id).retention_days
    return min(notification.record.retention_days, agreed)
