"""Bodies, queries and answers, each described once: what checks a request also documents it.

Each is a TypedDict whose members say their shape and their meaning:

    class NewThing(TypedDict):
        name: Annotated[str, Text(60), "How it is called."]
        note: NotRequired[Annotated[str | None, Text(200), "For people."]]

`read` checks what comes in, portal.api.json_schema documents it; mypy checks what goes out.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, cached_property, partial
from types import NoneType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    NamedTuple,
    NotRequired,
    Required,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from babel.numbers import list_currencies

from portal.api.errors import Problem
from portal.ids import parse_public_id

if TYPE_CHECKING:
    from portal.api.json_schema import Schemas

T = TypeVar("T")
Schema = dict[str, Any]  # a JSON Schema
CURRENCIES = frozenset(list_currencies())
_DAY = "(19[7-9][0-9]|2[01][0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"


@dataclass(frozen=True)
class FieldError:
    """One thing wrong, where (a JSON pointer, RFC 6901) and in words."""

    pointer: str
    code: str
    detail: str


class Invalid(ValueError):
    """A value is not of its shape: `errors` say what would be, by pointers that start at the value."""

    def __init__(self, detail: str = "", *, errors: list[FieldError] | None = None) -> None:
        super().__init__(detail)
        self.errors = errors or [FieldError("", "invalid", detail)]

    def below(self, pointer: str) -> list[FieldError]:
        """The errors, seen from further up."""
        return [FieldError(pointer + one.pointer, one.code, one.detail) for one in self.errors]


class Shape:
    """What a value looks like."""

    def read(self, value: Any) -> Any:
        """The value as Python has it; raises Invalid."""
        raise NotImplementedError

    def schema(self, schemas: "Schemas") -> Schema:
        """The same, as JSON Schema."""
        raise NotImplementedError


class Rule(NamedTuple):
    """A regular expression (the part of it that Python and ECMA-262 share) and what to say about it."""

    pattern: str
    says: str


@dataclass(frozen=True)
class Text(Shape):
    """Text of 1 to `longest` characters, in which none of `forbids` may be found."""

    longest: int
    forbids: tuple[Rule, ...] = (Rule("\\u0000", "No NUL character."),)

    def read(self, value: Any) -> str:
        """The text itself."""
        if not isinstance(value, str) or not 1 <= len(value) <= self.longest:
            raise Invalid(f"This must be text of 1 to {self.longest} characters.")
        if self._forbidden.search(value):
            raise Invalid(next(rule.says for rule in self.forbids if re.search(rule.pattern, value)))
        return value

    def schema(self, schemas: "Schemas") -> Schema:
        """Its length and what may not be in it."""
        lengths = {"type": "string", "minLength": 1, "maxLength": self.longest}
        return lengths | {"not": {"pattern": self._forbidden.pattern}}

    @cached_property
    def _forbidden(self) -> re.Pattern[str]:
        return re.compile("|".join(rule.pattern for rule in self.forbids))


@dataclass(frozen=True)
class Pattern(Shape):
    """Text that is, as a whole, of one form."""

    pattern: str
    says: str
    longest: int
    format: str = ""
    parse: Callable[[str], Any] = str

    def read(self, value: Any) -> Any:
        """What `parse` makes of it."""
        if not isinstance(value, str) or len(value) > self.longest or not self._whole.fullmatch(value):
            raise Invalid(self.says)
        try:
            return self.parse(value)
        except ValueError as error:
            raise Invalid(self.says) from error

    def schema(self, schemas: "Schemas") -> Schema:
        """Its pattern, and the format if that has a name."""
        schema = {"type": "string", "pattern": f"^{self.pattern}$", "maxLength": self.longest}
        return schema | ({"format": self.format} if self.format else {})

    @cached_property
    def _whole(self) -> re.Pattern[str]:
        return re.compile(self.pattern)


TIME = Pattern(
    _DAY + "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])",
    "This must be an RFC 3339 time with an offset, such as 2026-01-31T09:30:00Z.",
    longest=35,
    format="date-time",
    parse=lambda text: datetime.fromisoformat(text).astimezone(UTC),  # PostgreSQL knows no +16:00
)
DAY = Pattern(_DAY, "This must be a date, such as 2026-01-31.", 10, "date", date.fromisoformat)
LOCALE = Pattern("[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,6})?", "This must be a language, such as en or pt-BR.", 10)
CLOCK = Pattern(
    _DAY + "T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z", "A time as we write it.", longest=24, format="date-time"
)


def public_id(prefix: str) -> Pattern:
    """An id with its prefix: `ntf_` and 32 hex digits; reads as a UUID."""
    says = f"This must be an id: {prefix}_ and 32 hex digits."
    return Pattern(f"{prefix}_[0-9a-f]{{32}}", says, len(prefix) + 33, parse=partial(parse_public_id, prefix))


@dataclass(frozen=True)
class OneOf(Shape):
    """One of some words."""

    words: tuple[str, ...]

    def read(self, value: Any) -> str:
        """The word."""
        if not isinstance(value, str) or value not in self.words:
            raise Invalid(f"This must be one of {', '.join(self.words)}.")
        return value

    def schema(self, schemas: "Schemas") -> Schema:
        """The words."""
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True)
class Whole(Shape):
    """A whole number in a query."""

    least: int
    most: int
    default: int

    def read(self, value: Any) -> int:
        """The number."""
        is_number = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9
        if not (is_number and self.least <= int(value) <= self.most):
            raise Invalid(f"This must be a number from {self.least} to {self.most}.")
        return int(value)

    def schema(self, schemas: "Schemas") -> Schema:
        """Its limits."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most, "default": self.default}


@dataclass(frozen=True)
class Many(Shape):
    """A list of `least` to `most` objects of one kind."""

    kind: Any
    least: int
    most: int

    def read(self, value: Any) -> list[Any]:
        """The objects, each read."""
        if not isinstance(value, list) or not self.least <= len(value) <= self.most:
            raise Invalid(f"This must be a list of {self.least} to {self.most} items.")
        items, errors = [], []
        for place, given in enumerate(value):
            try:
                items.append(_read_object(self.kind, given))
            except Invalid as invalid:
                errors += invalid.below(f"/{place}")
        if errors:
            raise Invalid(errors=errors)
        return items

    def schema(self, schemas: "Schemas") -> Schema:
        """An array of them."""
        items = schemas.of(self.kind)
        return {"type": "array", "items": items, "minItems": self.least, "maxItems": self.most}


@dataclass(frozen=True)
class Amount(Shape):
    """Money: a decimal number in a string and an ISO 4217 code."""

    number = re.compile("-?[0-9]{1,12}([.][0-9]{1,4})?")  # a 13th digit could make it a card number

    def read(self, value: Any) -> dict[str, str]:
        """The same object."""
        if not isinstance(value, dict) or value.keys() != {"value", "currency"}:
            raise Invalid('This must be {"value": "1234.50", "currency": "USD"}.')
        if not isinstance(value["value"], str) or not self.number.fullmatch(value["value"]):
            raise Invalid("The value must be a decimal number in a string, such as 1234.50.")
        if not isinstance(value["currency"], str) or value["currency"] not in CURRENCIES:
            raise Invalid("The currency must be an ISO 4217 code, such as USD.")
        return value

    def schema(self, schemas: "Schemas") -> Schema:
        """A component of its own: it has many places."""
        number = {"type": "string", "pattern": f"^{self.number.pattern}$", "description": "A decimal number."}
        currency = {"type": "string", "enum": sorted(CURRENCIES), "description": "ISO 4217."}
        return schemas.named(
            "Money",
            {
                "type": "object",
                "properties": {"value": number, "currency": currency},
                "required": ["value", "currency"],
                "additionalProperties": False,
            },
        )


def exactly_one(*names: str) -> Callable[[type[T]], type[T]]:
    """Of these members a body has one, and only one."""

    def mark(kind: type[T]) -> type[T]:
        kind.exactly_one = names  # type: ignore[attr-defined]
        return kind

    return mark


class _Member(NamedTuple):
    shape: Shape
    is_required: bool
    may_be_null: bool


def read(kind: type[T], data: Mapping[str, Any], *, ignore_unknown: bool = False) -> T:
    """`data` as that TypedDict, its values read; raises the problem `invalid_request`. An optional member that
    is null stays null.
    """
    try:
        return _read_object(kind, data, ignore_unknown=ignore_unknown)
    except Invalid as invalid:
        errors = [vars(error) for error in invalid.errors]
        raise Problem("invalid_request", "Some fields do not fit.", errors=errors) from invalid


def find_errors(kind: Any, data: Any, pointer: str = "") -> list[FieldError]:
    """Everything wrong with `data`; an empty list when it is exactly that TypedDict."""
    try:
        _read_object(kind, data)
    except Invalid as invalid:
        return invalid.below(pointer)
    return []


def free_texts(kind: Any, data: Mapping[str, Any], pointer: str = "") -> Iterator[tuple[str, str]]:
    """What people wrote in `data`, which fits that TypedDict: each `Text`, with its pointer."""
    for name, (shape, *_) in _members(kind).items():
        value = data.get(name)
        if isinstance(value, str) and isinstance(shape, Text):
            yield f"{pointer}/{name}", value
        elif isinstance(value, list) and isinstance(shape, Many):
            for place, item in enumerate(value):
                yield from free_texts(shape.kind, item, f"{pointer}/{name}/{place}")


def _read_object(kind: Any, data: Any, *, ignore_unknown: bool = False) -> Any:
    if not isinstance(data, Mapping):
        raise Invalid("This must be an object.")
    found, errors, members = {}, [], _members(kind)
    for name, (shape, is_required, may_be_null) in members.items():
        value = data.get(name)
        if value is None and (may_be_null or name not in data):
            if is_required:
                errors.append(FieldError(f"/{name}", "required", "This is required."))
            continue
        try:
            found[name] = shape.read(value)
        except Invalid as invalid:
            errors += invalid.below(f"/{name}")
    if not ignore_unknown:
        unknown = [name for name in data if name not in members]
        errors += [FieldError(_pointer(name), "unknown_field", "There is no such field.") for name in unknown]
    if (names := getattr(kind, "exactly_one", ())) and sum(data.get(name) is not None for name in names) != 1:
        errors.append(FieldError(f"/{names[0]}", "required", f"Send either {' or '.join(names)}."))
    if errors:
        raise Invalid(errors=errors)
    return found


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


@cache
def _members(kind: Any) -> dict[str, _Member]:
    members = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        base, notes = taken_apart(hint)
        shape = next(note for note in notes if isinstance(note, Shape))
        members[name] = _Member(shape, name in kind.__required_keys__, NoneType in get_args(base))
    return members


def taken_apart(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A hint's type, and the notes that `Annotated` adds."""
    if get_origin(hint) in (Required, NotRequired):
        hint = get_args(hint)[0]
    return (hint.__origin__, hint.__metadata__) if get_origin(hint) is Annotated else (hint, ())
