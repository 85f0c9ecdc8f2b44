"""Which lane a cluster takes, and for how long its news is worth sending."""

from datetime import timedelta

from notifications.models import Lane
from partners.clusters import Cluster

EXPIRY = {
    Cluster.FRAUD_ALERTS: timedelta(hours=1),
    Cluster.BALANCES: timedelta(hours=12),
    Cluster.TRANSACTIONS: timedelta(hours=24),
    Cluster.RECEIPTS: timedelta(days=3),
    Cluster.SHIPMENTS: timedelta(days=1),
    Cluster.ACCOUNT_SERVICING: timedelta(days=3),
    Cluster.CHAT: timedelta(hours=1),
}


def lane_of(cluster: str) -> str:
    """A fraud alert never waits behind receipts."""
    return Lane.URGENT if cluster in (Cluster.FRAUD_ALERTS, Cluster.CHAT) else Lane.STANDARD
