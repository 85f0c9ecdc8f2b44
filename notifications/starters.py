"""Examples to start from: wording that passes every rule, for each kind of data."""

from typing import NamedTuple

from partners.clusters import Cluster


class Starter(NamedTuple):
    """An example's name, and its body in English."""

    name: str
    cluster: Cluster
    body: str


STARTERS = (
    Starter(
        "balance_update",
        Cluster.BALANCES,
        "Your account {{ account }} has {{ available }} available (as of {{ as_of }}).",
    ),
    Starter(
        "balance_answer",
        Cluster.BALANCES,
        "You asked for your balance: {{ available }} in account {{ account }}, as of {{ as_of }}. Write STOP to end.",
    ),
    Starter(
        "card_payment",
        Cluster.TRANSACTIONS,
        "Your card on account {{ account }}: {{ amount }} at {{ merchant }} ({{ posted_at }}).",
    ),
    Starter(
        "money_moved",
        Cluster.TRANSACTIONS,
        "Booked on account {{ account }}: {{ amount }} ({{ direction }}), {{ merchant }}, {{ posted_at }}.",
    ),
    Starter(
        "receipt",
        Cluster.RECEIPTS,
        "Receipt from {{ merchant }}: {{ total }}, {{ purchased_at }}, reference {{ reference }}. Thank you.",
    ),
    Starter(
        "receipt_with_items",
        Cluster.RECEIPTS,
        "You paid {{ total }} at {{ merchant }}: {{ items }}. Keep reference {{ reference }} for returns.",
    ),
    Starter(
        "parcel",
        Cluster.SHIPMENTS,
        "Your order from {{ merchant }} is {{ status }}. {{ carrier }} number {{ tracking_number }} tracks it.",
    ),
    Starter(
        "parcel_day",
        Cluster.SHIPMENTS,
        "With {{ carrier }} until {{ expected_on }}: your order from {{ merchant }}, number {{ tracking_number }}.",
    ),
    Starter(
        "fraud_alert",
        Cluster.FRAUD_ALERTS,
        "Was this you? {{ amount }} at {{ merchant }} on account {{ account }}, {{ occurred_at }}."
        " If not, call the number on your card and name case {{ case }}, please.",
    ),
    Starter(
        "account_notice",
        Cluster.ACCOUNT_SERVICING,
        "About your account {{ account }}: {{ subject }}. Sign in at your bank to see it.",
    ),
    Starter(
        "payment_due",
        Cluster.ACCOUNT_SERVICING,
        "For account {{ account }}, {{ subject }}: {{ amount }} by {{ due_on }}. Sign in at your bank to pay.",
    ),
)
