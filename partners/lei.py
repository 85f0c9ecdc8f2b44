"""The Legal Entity Identifier (ISO 17442): twenty characters, of which the last two check the others."""

import re

_SHAPE = re.compile(r"[A-Z0-9]{18}[0-9]{2}")


def lei_problem(lei: str) -> str:
    """A sentence that says what is wrong with it; "" when nothing is."""
    if len(lei) != 20:
        return f"An LEI has 20 letters and digits; this has {len(lei)}."
    if not _SHAPE.fullmatch(lei):
        return "An LEI has capital letters and digits only, and ends with two digits."
    if _as_number(lei) % 97 != 1:
        return "The last two digits do not fit the rest: check each character of the LEI."
    return ""


def with_check_digits(first: str) -> str:
    """An LEI from its first 18 characters (ISO 7064, MOD 97-10)."""
    return f"{first}{98 - _as_number(f'{first}00') % 97:02}"


def _as_number(text: str) -> int:
    """Letters count as 10 to 35."""
    return int("".join(str(int(character, 36)) for character in text))
