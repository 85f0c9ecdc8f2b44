"""The typed data of each cluster. What is not typed cannot be sent."""

from typing import Annotated, Any, NotRequired, TypedDict, get_type_hints

from notifications.promotion import find_promotion
from partners.clusters import Cluster
from portal.api import shapes
from portal.api.shapes import DAY, TIME, FieldError, Many, OneOf, Rule, Text

PLAIN = (
    Rule(r"^\s*$", "This may not be blank."),
    Rule(r"[\u0000-\u001f]", "No line breaks or control characters."),
    Rule(r"[Hh][Tt][Tt][Pp][Ss]?:|[Ww][Ww][Ww]\.", "Links are not allowed here."),
)

Account = Annotated[str, Text(64, PLAIN), "The account's `ref` in the grant. The message shows its mask."]
Money = Annotated[dict[str, str], shapes.Amount()]
Time = Annotated[str, TIME]
Day = Annotated[str, DAY]
Merchant = Annotated[str, Text(80, PLAIN), "Who was paid, as the person knows them."]


class BalancesData(TypedDict):
    """What an account holds."""

    account: Account
    available: Annotated[Money, "What can be spent."]
    current: NotRequired[Annotated[Money, "What is booked."]]
    as_of: Annotated[Time, "When this was so."]


class TransactionsData(TypedDict):
    """Money that moved."""

    account: Account
    amount: Annotated[Money, "How much."]
    merchant: Merchant
    posted_at: Annotated[Time, "When it was booked."]
    direction: Annotated[str, OneOf(("debit", "credit")), "Out of the account, or into it."]


class ReceiptItem(TypedDict):
    """A line of a receipt."""

    name: Annotated[str, Text(80, PLAIN), "What was bought."]
    amount: Annotated[Money, "What it cost."]


class ReceiptsData(TypedDict):
    """What was bought."""

    merchant: Merchant
    total: Annotated[Money, "What was paid."]
    purchased_at: Annotated[Time, "When."]
    reference: Annotated[str, Text(40, PLAIN), "The receipt's number."]
    items: NotRequired[Annotated[list[ReceiptItem], Many(ReceiptItem, 1, 20), "The lines."]]


class ShipmentsData(TypedDict):
    """Where a parcel is."""

    merchant: Merchant
    carrier: Annotated[str, Text(40, PLAIN), "Who brings it."]
    tracking_number: Annotated[str, Text(40, PLAIN), "The carrier's number."]
    status: Annotated[str, OneOf(("RECEIVED", "SHIPPED", "OUT_FOR_DELIVERY", "DELIVERED")), "How far it is."]
    expected_on: NotRequired[Annotated[Day, "When it should arrive."]]


class FraudAlertsData(TypedDict):
    """A payment that may not be the person's own."""

    account: Account
    amount: Annotated[Money, "How much."]
    merchant: Merchant
    occurred_at: Annotated[Time, "When."]
    case: Annotated[str, Text(40, PLAIN), "What the person names when they call the bank."]


class AccountServicingData(TypedDict):
    """Something about the account that the person should know."""

    account: Account
    subject: Annotated[
        str,
        OneOf(("STATEMENT_READY", "PAYMENT_DUE", "CARD_LOCKED", "CARD_UNLOCKED", "LIMIT_CHANGED")),
        "What it is about.",
    ]
    due_on: NotRequired[Annotated[Day, "By when, if there is a day."]]
    amount: NotRequired[Annotated[Money, "How much, if it is about money."]]


class ChatData(TypedDict):
    """Nothing: a conversation is no notification."""


DATA: dict[Cluster, Any] = {
    Cluster.BALANCES: BalancesData,
    Cluster.TRANSACTIONS: TransactionsData,
    Cluster.RECEIPTS: ReceiptsData,
    Cluster.SHIPMENTS: ShipmentsData,
    Cluster.FRAUD_ALERTS: FraudAlertsData,
    Cluster.ACCOUNT_SERVICING: AccountServicingData,
    Cluster.CHAT: ChatData,
}
_NAMES = {cluster: list(get_type_hints(kind)) for cluster, kind in DATA.items()}


def field_names(cluster: str) -> list[str]:
    """What a template of this cluster may use."""
    return _NAMES[Cluster(cluster)]


def find_errors(cluster: str, data: Any) -> list[FieldError]:
    """Everything wrong with `data`; an empty list when it is exactly what the cluster asks for."""
    return shapes.find_errors(DATA[Cluster(cluster)], data, "/data")


def find_advertising(cluster: str, data: Any) -> str | None:
    """The pointer of the first words that sell something, in data without errors; None is good. An account's
    `ref` is not looked at: it has to be one of the grant, and the message shows its mask.
    """
    texts = shapes.free_texts(DATA[Cluster(cluster)], data, "/data")
    return next((at for at, text in texts if at != "/data/account" and find_promotion(text)), None)
