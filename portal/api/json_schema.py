"""JSON Schemas (2020-12) of the shapes that requests and answers have."""

from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

from portal.api.shapes import Schema, Shape, taken_apart

_BASIC: dict[Any, str] = {str: "string", int: "integer", bool: "boolean", dict: "object"}


class Schemas:
    """Writes JSON Schemas of type hints; what has a name goes to `components`. `is_closed` objects take no
    other members than theirs: so it is with what comes in, while what goes out may grow.
    """

    def __init__(self, *, is_closed: bool) -> None:
        self.is_closed = is_closed
        self.components: dict[str, Schema] = {}

    def of(self, hint: Any) -> Schema:
        """The schema of a hint: a basic type, list, union, TypedDict, or any of them annotated."""
        base, notes = taken_apart(hint)
        shape = next((note for note in notes if isinstance(note, Shape)), None)
        schema = self._shaped(shape, base) if shape else self._plain(base)
        words = " ".join(note for note in notes if isinstance(note, str))
        return schema | {"description": words} if words else schema

    def named(self, name: str, schema: Schema) -> Schema:
        """Keeps it as a component; what to write in its place."""
        self.components.setdefault(name, schema)
        return {"$ref": f"#/components/schemas/{name}"}

    def _shaped(self, shape: Shape, base: Any) -> Schema:
        schema = shape.schema(self)
        return {"anyOf": [schema, {"type": "null"}]} if NoneType in get_args(base) else schema

    def _plain(self, hint: Any) -> Schema:
        origin, args = get_origin(hint) or hint, get_args(hint)
        if is_typeddict(origin):
            return self._object(origin, args)
        if origin is list:
            return {"type": "array", "items": self.of(args[0])}
        if origin in (Union, UnionType):
            return {"anyOf": [self.of(one) for one in args]}
        return {"type": "null"} if origin is NoneType else {"type": _BASIC[origin]}

    def _object(self, kind: Any, args: tuple[Any, ...]) -> Schema:
        name = "".join(one.__name__ for one in args) + kind.__name__
        if name in self.components:
            return {"$ref": f"#/components/schemas/{name}"}
        schema: Schema = {"type": "object", "description": " ".join((kind.__doc__ or "").split())}
        self.components[name] = schema
        hints = get_type_hints(kind, include_extras=True)
        hints = dict(sorted(hints.items(), key=lambda one: one[0] not in kind.__required_keys__))
        schema["properties"] = {
            member: self.of(hint[args] if args and getattr(hint, "__parameters__", ()) else hint)
            for member, hint in hints.items()
        }
        schema["required"] = [member for member in hints if member in kind.__required_keys__]
        if names := getattr(kind, "exactly_one", ()):
            schema["oneOf"] = [_has(one) for one in names]
        if self.is_closed:
            schema["additionalProperties"] = False
        return {"$ref": f"#/components/schemas/{name}"}


def _has(name: str) -> Schema:
    return {"required": [name], "properties": {name: {"not": {"type": "null"}}}}
