"""The typed data of each cluster. What is not typed cannot be sent."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from partners.clusters import Cluster

MONEY = re.compile(r"-?\d{1,15}(\.\d{1,4})?")
CURRENCY = re.compile(r"[A-Z]{3}")
LINK = re.compile(r"https?:|www\.", re.IGNORECASE)
DIGITS = re.compile(r"(?:\d[ -]?){12,18}\d")
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b", re.IGNORECASE)


@dataclass(frozen=True)
class FieldError:
    """One thing wrong, where (a JSON pointer, RFC 6901) and in words."""

    pointer: str
    code: str
    detail: str


class Invalid(ValueError):
    """A value is not of its type; the message says what would be."""


def _text(longest: int) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        if not isinstance(value, str) or not value.strip():
            raise Invalid("This must be text.")
        if len(value) > longest:
            raise Invalid(f"At most {longest} characters.")
        if any(ord(letter) < 32 for letter in value):
            raise Invalid("No line breaks or control characters.")
        if LINK.search(value):
            raise Invalid("Links are not allowed here.")

    return check


def _money(value: Any) -> None:
    if not isinstance(value, dict) or set(value) != {"value", "currency"}:
        raise Invalid('This must be {"value": "1234.50", "currency": "USD"}.')
    if not isinstance(value["value"], str) or not MONEY.fullmatch(value["value"]):
        raise Invalid("The value must be a decimal number in a string.")
    if not isinstance(value["currency"], str) or not CURRENCY.fullmatch(value["currency"]):
        raise Invalid("The currency must be an ISO 4217 code.")


def _time(value: Any) -> None:
    try:
        if datetime.fromisoformat(value).tzinfo is None:
            raise ValueError
    except (TypeError, ValueError) as error:
        raise Invalid(
            "This must be an RFC 3339 time with an offset, such as 2026-01-31T09:30:00Z."
        ) from error


def _date(value: Any) -> None:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise Invalid("This must be a date, such as 2026-01-31.") from error


def _one_of(*words: str) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        if not isinstance(value, str) or value not in words:
            raise Invalid(f"This must be one of {', '.join(words)}.")

    return check


def _items(value: Any) -> None:
    if not isinstance(value, list) or not 1 <= len(value) <= 20:
        raise Invalid("This must be a list of 1 to 20 items.")
    name = _text(80)
    for item in value:
        if not isinstance(item, dict) or set(item) != {"name", "amount"}:
            raise Invalid('Each item must be {"name", "amount"}.')
        name(item["name"])
        _money(item["amount"])


Check = Callable[[Any], None]
# A trailing "?" marks what may be left out.
FIELDS: dict[Cluster, dict[str, Check]] = {
    Cluster.BALANCES: {"account": _text(64), "available": _money, "current?": _money, "as_of": _time},
    Cluster.TRANSACTIONS: {
        "account": _text(64),
        "amount": _money,
        "merchant": _text(80),
        "posted_at": _time,
        "direction": _one_of("debit", "credit"),
    },
    Cluster.RECEIPTS: {
        "merchant": _text(80),
        "total": _money,
        "purchased_at": _time,
        "reference": _text(40),
        "items?": _items,
    },
    Cluster.SHIPMENTS: {
        "merchant": _text(80),
        "carrier": _text(40),
        "tracking_number": _text(40),
        "status": _one_of("RECEIVED", "SHIPPED", "OUT_FOR_DELIVERY", "DELIVERED"),
        "expected_on?": _date,
    },
    Cluster.FRAUD_ALERTS: {
        "account": _text(64),
        "amount": _money,
        "merchant": _text(80),
        "occurred_at": _time,
        "case": _text(40),
    },
    Cluster.ACCOUNT_SERVICING: {
        "account": _text(64),
        "subject": _one_of("STATEMENT_READY", "PAYMENT_DUE", "CARD_LOCKED", "CARD_UNLOCKED", "LIMIT_CHANGED"),
        "due_on?": _date,
        "amount?": _money,
    },
    Cluster.CHAT: {},
}
CHECKS = {
    cluster: {name.removesuffix("?"): (check, not name.endswith("?")) for name, check in fields.items()}
    for cluster, fields in FIELDS.items()
}


def field_names(cluster: str) -> list[str]:
    """What a template of this cluster may use."""
    return list(CHECKS[Cluster(cluster)])


def find_errors(cluster: str, data: Any) -> list[FieldError]:
    """Everything wrong with `data`; an empty list when it is exactly what the cluster asks for."""
    if not isinstance(data, dict):
        return [FieldError("/data", "invalid", "This must be an object.")]
    checks = CHECKS[Cluster(cluster)]
    errors = [
        FieldError(f"/data/{name}", "unknown_field", f"{cluster} has no such field.")
        for name in data
        if name not in checks
    ]
    for name, (check, required) in checks.items():
        if name not in data:
            if required:
                errors.append(FieldError(f"/data/{name}", "required", "This is required."))
            continue
        try:
            check(data[name])
        except Invalid as error:
            errors.append(FieldError(f"/data/{name}", "invalid", str(error)))
    return errors


def find_full_account_number(data: Any, pointer: str = "/data") -> str | None:
    """The pointer of the first text that holds a card number (13–19 digits, Luhn) or an IBAN; None is good."""
    if isinstance(data, dict):
        children = [(f"{pointer}/{name}", value) for name, value in data.items()]
    elif isinstance(data, list):
        children = [(f"{pointer}/{place}", value) for place, value in enumerate(data)]
    else:
        return pointer if isinstance(data, str) and _holds_number(data) else None
    return next(
        (found for where, value in children if (found := find_full_account_number(value, where))), None
    )


def _holds_number(text: str) -> bool:
    if len(text) < 13:
        return False
    for found in DIGITS.finditer(text):
        digits = re.sub(r"\D", "", found.group())
        if any(
            _luhn(digits[start : start + size])
            for size in range(13, len(digits) + 1)
            for start in range(len(digits) - size + 1)
        ):
            return True
    return any(_is_iban(re.sub(r"\s", "", found.group()).upper()) for found in IBAN.finditer(text))


def _luhn(digits: str) -> bool:
    total = sum(
        value if place % 2 == 0 else sum(divmod(value * 2, 10))
        for place, value in enumerate(map(int, reversed(digits)))
    )
    return total % 10 == 0 and any(digit != "0" for digit in digits)


def _is_iban(text: str) -> bool:
    """ISO 13616: moved around and read in base 36, the number leaves 1 modulo 97. It may end in other words."""
    for size in range(15, min(len(text), 34) + 1):
        part = text[:size]
        if int("".join(str(int(letter, 36)) for letter in part[4:] + part[:4])) % 97 == 1:
            return True
    return False
