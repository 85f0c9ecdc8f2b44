"""The last balance a bank pushed. We cannot ask a bank for one."""

from consents.models import Grant
from notifications.message import render_for
from notifications.models import Notification
from partners.clusters import Cluster
from portal.vault.crypto import CannotOpen

__all__ = ["last_balance"]


def last_balance(grant: Grant) -> str:
    """The text of the last BALANCES message of this grant; empty when there is none."""
    last = (
        Notification.objects.select_related("template_version", "grant")
        .filter(grant=grant, cluster=Cluster.BALANCES)
        .order_by("-id")
        .first()
    )
    try:
        return render_for(last) if last else ""
    except CannotOpen:
        return ""
