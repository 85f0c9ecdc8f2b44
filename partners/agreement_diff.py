"""Two texts side by side, clause by clause, with the words that differ."""

import re
from difflib import SequenceMatcher
from typing import NamedTuple

from partners.agreement_text import clause_order, clauses_of

_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


class Piece(NamedTuple):
    """Words, and whether the other side has them."""

    text: str
    is_marked: bool


class Clause(NamedTuple):
    """A clause on both sides; `change` is "Same", "Changed", "Added" or "Removed"."""

    number: str
    change: str
    before: list[Piece]
    after: list[Piece]


def compare(before: str, after: str) -> list[Clause]:
    """Every clause that either text has, in order."""
    old, new = clauses_of(before), clauses_of(after)
    numbers = sorted(old.keys() | new.keys(), key=clause_order)
    return [_clause(number, old.get(number), new.get(number)) for number in numbers]


def _clause(number: str, old: str | None, new: str | None) -> Clause:
    if old is None or new is None:
        change = "Added" if old is None else "Removed"
        return Clause(number, change, *([Piece(text, True)] if text else [] for text in (old, new)))
    if old == new:
        return Clause(number, "Same", [Piece(old, False)], [Piece(new, False)])
    left, right = _WORDS.findall(old), _WORDS.findall(new)
    steps = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    before = [Piece("".join(left[a:b]), tag != "equal") for tag, a, b, _, _ in steps if a < b]
    after = [Piece("".join(right[c:d]), tag != "equal") for tag, _, _, c, d in steps if c < d]
    return Clause(number, "Changed", before, after)
