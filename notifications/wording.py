"""Turns approved wording and typed data into the text a phone shows."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency

from notifications.typed_data import field_names

PLACEHOLDER = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
LONGEST = 640  # what Messenger allows beside buttons
WORDS = {
    "OUT_FOR_DELIVERY": "out for delivery",
    "STATEMENT_READY": "your statement is ready",
    "PAYMENT_DUE": "a payment is due",
    "CARD_LOCKED": "your card is locked",
    "CARD_UNLOCKED": "your card is unlocked",
    "LIMIT_CHANGED": "your limit has changed",
}


def find_wording_errors(cluster: str, body: str) -> list[str]:
    """Sentences that say what is wrong with a template's body; none when it can be submitted."""
    errors = []
    known = set(field_names(cluster))
    if unknown := sorted(set(PLACEHOLDER.findall(body)) - known):
        errors.append(f"{cluster} has no field called {', '.join(unknown)}.")
    if not 1 <= len(body) <= LONGEST:
        errors.append(f"A message has between 1 and {LONGEST} characters.")
    if "{{" in PLACEHOLDER.sub("", body):
        errors.append("Write a field as {{ name }}.")
    if re.search(r"https?://|www\.", body):
        errors.append("Links are not written into the wording.")
    if body.strip().startswith("{{") or body.strip().endswith("}}"):
        errors.append("A message may not start or end with a field.")
    return errors


def render(body: str, data: dict[str, Any], *, locale: str, mask: str = "") -> str:
    """The text. An account shows its `mask`, never the bank's reference; what was left out shows as nothing."""

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        return mask if name == "account" else _shown(data.get(name), locale)

    return PLACEHOLDER.sub(value, body)


def _shown(value: Any, locale: str) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return format_currency(Decimal(value["value"]), value["currency"], locale=locale)
    if isinstance(value, list):
        return ", ".join(f"{item['name']} {_shown(item['amount'], locale)}" for item in value)
    if value.isupper() and "_" in value:
        return WORDS.get(value, value.replace("_", " ").lower())
    return _shown_time(value, locale)


def _shown_time(text: str, locale: str) -> str:
    if not (len(text) >= 10 and text[4] == "-" and text[7] == "-"):
        return text
    try:
        if len(text) == 10:
            return format_date(date.fromisoformat(text), "medium", locale=locale)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{format_datetime(moment, 'd MMM, HH:mm', locale=locale)} {moment.strftime('UTC%z')[:6]}".replace(
        "UTC+00", "UTC"
    )
