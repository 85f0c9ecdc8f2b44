"""Full card and account numbers, which may stand nowhere: people and messages know a mask."""

import re
from typing import Any

DIGITS = re.compile(r"[0-9](?:[ -]?[0-9]){12,}")
IBAN = re.compile(r"(?=([A-Z]{2}[ -]?[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}))", re.IGNORECASE | re.ASCII)


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
    return len(text) >= 13 and (_holds_card(text) or _holds_iban(text))


def _holds_card(text: str) -> bool:
    """Whole groups of digits only: a longer number, a parcel's say, is not a card because a part of it might be."""
    for found in DIGITS.finditer(text):
        groups = re.findall(r"[0-9]+", found.group())
        for first in range(len(groups)):
            number = ""
            for group in groups[first:]:
                number += group
                if 13 <= len(number) <= 19 and _luhn(number):
                    return True
    return False


def _holds_iban(text: str) -> bool:
    """From every place where one could begin; separators inside it do not count."""
    return any(_is_iban(re.sub(r"[ -]", "", found[1]).upper()) for found in IBAN.finditer(text))


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
