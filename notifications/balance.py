"""The last balance a bank pushed. We cannot ask a bank for one."""

from consents.models import Grant
from notifications.message import render_for
from notifications.models import Delivery
from partners.clusters import Cluster
from portal.vault.crypto import CannotOpen

_S = Delivery.Status


def last_balance(grant: Grant) -> str:
    """The text of the last BALANCES message that was sent for this grant; empty when there is none."""
    last = (
        Delivery.objects.select_related("notification__template_version", "notification__grant")
        .filter(grant=grant, notification__cluster=Cluster.BALANCES)
        .filter(status__in=[_S.SENT, _S.DELIVERED, _S.READ])
        .order_by("-id")
        .first()
    )
    try:
        return render_for(last.notification) if last else ""
    except CannotOpen:
        return ""
