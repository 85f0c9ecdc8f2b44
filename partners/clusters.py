"""Data clusters, each with its one fixed purpose. There is none for advertising."""

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _


class Environment(models.TextChoices):
    """Never a parameter: it is the API client's."""

    SANDBOX = "sandbox"
    LIVE = "live"


class Purpose(StrEnum):
    """Why data is used, in the words of the consent record."""

    ACCOUNT_UPDATES = "ACCOUNT_UPDATES"
    PURCHASE_UPDATES = "PURCHASE_UPDATES"
    FRAUD_PREVENTION = "FRAUD_PREVENTION"
    CUSTOMER_SERVICE = "CUSTOMER_SERVICE"


class Cluster(models.TextChoices):
    """A kind of data a person grants or not, and an agreement covers or not."""

    BALANCES = "BALANCES", _("Balances")
    TRANSACTIONS = "TRANSACTIONS", _("Transactions")
    RECEIPTS = "RECEIPTS", _("Receipts")
    SHIPMENTS = "SHIPMENTS", _("Deliveries of what you bought")
    FRAUD_ALERTS = "FRAUD_ALERTS", _("Fraud alerts")
    ACCOUNT_SERVICING = "ACCOUNT_SERVICING", _("Account notices")
    CHAT = "CHAT", _("Chat with your bank")

    @property
    def scope(self) -> str:
        """The OAuth scope that lets a client send it."""
        return "chat" if self is Cluster.CHAT else f"notify:{self.value.lower()}"

    @property
    def purpose(self) -> Purpose:
        """The only purpose it may serve."""
        return PURPOSES[self]


PURPOSES = {
    Cluster.BALANCES: Purpose.ACCOUNT_UPDATES,
    Cluster.TRANSACTIONS: Purpose.ACCOUNT_UPDATES,
    Cluster.RECEIPTS: Purpose.PURCHASE_UPDATES,
    Cluster.SHIPMENTS: Purpose.PURCHASE_UPDATES,
    Cluster.FRAUD_ALERTS: Purpose.FRAUD_PREVENTION,
    Cluster.ACCOUNT_SERVICING: Purpose.ACCOUNT_UPDATES,
    Cluster.CHAT: Purpose.CUSTOMER_SERVICE,
}
SENDABLE = [cluster for cluster in Cluster if cluster is not Cluster.CHAT]
# Every scope in one plain sentence.
SCOPES = {
    "notify:balances": "Send people the balances of accounts they chose.",
    "notify:transactions": "Tell people about money that moved.",
    "notify:receipts": "Send people receipts of what they bought.",
    "notify:shipments": "Tell people where their parcels are.",
    "notify:fraud_alerts": "Ask people about payments that may not be their own.",
    "notify:account_servicing": "Tell people about their account: a statement, a due date, a locked card.",
    "chat": "Read what people write to the bank, and answer.",
    "grants:read": "See what people allow the bank to send.",
    "grants:request": "Ask people for a grant, and end one.",
    "notifications:read": "See what became of the bank's notifications.",
    "templates:write": "Write templates and submit them for review.",
    "webhooks:write": "Say where the bank hears of events.",
    "audit:read": "Read the bank's part of the audit trail.",
}
ALL_SCOPES = frozenset(SCOPES)
OTHER_SCOPES = tuple(name for name in SCOPES if name not in {cluster.scope for cluster in Cluster})
