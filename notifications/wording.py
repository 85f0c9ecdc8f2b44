"""Turns approved wording and typed data into the text a phone shows."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency

from notifications.promotion import PROMOTIONAL, find_promotion
from notifications.typed_data import field_names
from portal.api.account_numbers import find_full_account_number

PLACEHOLDER = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
CONTROL = re.compile(r"[\u0000-\u0009\u000b-\u001f\u007f]")
LINK = re.compile(
    r"https?:|www\.|\b[\w-]+\.(?:com|net|org|io|co|info|biz|app|shop|xyz|ly|me|example|[a-z]{2}/)(?![\w-])",
    re.IGNORECASE,
)
LONGEST = 640  # what Messenger allows beside buttons
WORDS = {
    "OUT_FOR_DELIVERY": "out for delivery",
    "STATEMENT_READY": "your statement is ready",
    "PAYMENT_DUE": "a payment is due",
    "CARD_LOCKED": "your card is locked",
    "CARD_UNLOCKED": "your card is unlocked",
    "LIMIT_CHANGED": "your limit has changed",
}


class WordingError(NamedTuple):
    """What is wrong with a body; `at` is the place of the character (from 1) where it begins, 0 for the whole."""

    code: str
    says: str
    at: int = 0

    def __str__(self) -> str:
        return f"{self.says} (At character {self.at}.)" if self.at else self.says


def find_wording_errors(cluster: str, body: str) -> list[WordingError]:
    """Everything wrong with a template's body; none when it can be submitted."""
    return [*_find_bad_fields(cluster, body), *_find_bad_words(body)]


def _find_bad_fields(cluster: str, body: str) -> Iterator[WordingError]:
    known = field_names(cluster)
    for found in PLACEHOLDER.finditer(body):
        if found[1] not in known:
            says = f"{cluster} has no field called {found[1]}. It has {', '.join(known)}."
            yield WordingError("unknown_placeholder", says, found.start() + 1)
    rest = PLACEHOLDER.sub(lambda found: " " * len(found.group()), body)
    for found in re.finditer(r"\{\{|\}\}|\{%", rest):
        yield WordingError("bad_placeholder", "Write a field as {{ name }}.", found.start() + 1)
    if body.strip().startswith("{{") or body.strip().endswith("}}"):
        yield WordingError("placeholder_at_edge", "A message may not start or end with a field.")


def _find_bad_words(body: str) -> Iterator[WordingError]:
    if not body.strip() or len(body) > LONGEST:
        yield WordingError("length", f"A message has between 1 and {LONGEST} characters.")
    if found := CONTROL.search(body):
        yield WordingError("control_character", "No control characters but line breaks.", found.start() + 1)
    if found := LINK.search(body):
        yield WordingError("link", "Links are not written into the wording.", found.start() + 1)
    if find_full_account_number(body, "/body"):
        yield WordingError("full_account_number", "No full card or account number may be written here.")
    if words := find_promotion(PLACEHOLDER.sub(" ", body), is_template=True):
        says = (
            f"Wording may not advertise: “{words}”. Say what happened, and what the person can do about it."
        )
        yield WordingError(PROMOTIONAL, says)


def render(body: str, data: dict[str, Any], *, locale: str, mask: str = "") -> str:
    """The text. An account shows its `mask`, never the bank's reference; what was left out shows as nothing."""
    babel_locale = _locale(locale.replace("-", "_"))

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        return mask if name == "account" else _shown(data.get(name), babel_locale)

    return PLACEHOLDER.sub(value, body)


_locale = lru_cache(Locale.parse)  # finding one by its name costs as much as using it


def _shown(value: Any, locale: Locale) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return format_currency(Decimal(value["value"]), value["currency"], locale=locale)
    if isinstance(value, list):
        return ", ".join(f"{item['name']} {_shown(item['amount'], locale)}" for item in value)
    if value.isupper() and "_" in value:
        return WORDS.get(value, value.replace("_", " ").lower())
    return _shown_time(value, locale)


def _shown_time(text: str, locale: Locale) -> str:
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
