"""The pages that explain the API to people, made from the OpenAPI document."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.api.openapi import document, resolve
from portal.api.problems import PROBLEMS, Kind
from portal.api.schema import TOKEN_SCHEME
from portal.api.templatetags.apidocs import compact

# What stands for an id in a command, by the id's prefix
_VARIABLES = {"ntf": "$NOTIFICATION", "grt": "$GRANT", "whk": "$ENDPOINT", "dlv": "$DELIVERY"}
_FORMATS = {"date-time": "time", "date": "date"}


class Row(NamedTuple):
    """A member of a body, or a parameter."""

    name: str
    kind: str
    is_required: bool
    words: str


class Body(NamedTuple):
    """What is sent or answered: its members, and examples of it."""

    rows: list[Row]
    examples: list[Any]


class Variant(NamedTuple):
    """One of the forms that a member of a body can take: a cluster's data."""

    cluster: str
    scope: str
    words: str
    rows: list[Row]
    example: Any


class Shown(NamedTuple):
    """An operation, ready for the page."""

    id: str
    method: str
    path: str
    summary: str
    words: str
    scopes: list[tuple[str, str]]
    is_open: bool
    parameters: list[Row]
    body: Body | None
    variants: list[Variant]
    curl: str
    status: str
    answer: Body | None
    problems: list[tuple[str, Kind]]


class Section(NamedTuple):
    """The operations of one tag."""

    id: str
    title: str
    words: str
    operations: list[Shown]


@require_safe
def api_page(request: HttpRequest) -> HttpResponse:
    """/docs/api."""
    context = {
        "base_url": settings.BASE_URL,
        "is_production": settings.IS_PRODUCTION,
        "sections": _sections(),
        "scopes": _scopes(),
        "problems": PROBLEMS.items(),
        "first": next(one for one in _operations() if one.id == "postNotifications"),
    }
    return render(request, "docs/api.html", context)


@require_safe
def error_page(request: HttpRequest, code: str) -> HttpResponse:
    """/docs/errors/<code>: what a problem's `type` leads to."""
    if code not in PROBLEMS:
        raise Http404
    kind = PROBLEMS[code]
    example = {
        "type": f"{settings.BASE_URL}/docs/errors/{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.explanation,
        "code": code,
        "request_id": "1f0c8e0a6b7d4a52b1d1f4c9a3e57d10",
    }
    given_by = [one for one in _operations() if code in dict(one.problems)]
    context = {"code": code, "problem": kind, "example": example, "operations": given_by}
    return render(request, "docs/error.html", context)


@cache
def _sections() -> list[Section]:
    shown: dict[str, list[Shown]] = {}
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            shown.setdefault(operation["tags"][0], []).append(_shown(path, method.upper(), operation))
    return [
        Section(tag["name"], tag["x-displayName"], tag["description"], shown[tag["name"]])
        for tag in document()["tags"]
    ]


def _operations() -> list[Shown]:
    return [one for section in _sections() for one in section.operations]


def _scopes() -> dict[str, str]:
    return document()["components"]["securitySchemes"][TOKEN_SCHEME]["flows"]["clientCredentials"]["scopes"]


def _shown(path: str, method: str, operation: dict[str, Any]) -> Shown:
    success = next(status for status in operation["responses"] if status < "300")
    named = [one[TOKEN_SCHEME] for one in operation["security"] if TOKEN_SCHEME in one]
    body = _body(operation.get("requestBody", {}))
    return Shown(
        id=operation["operationId"],
        method=method,
        path=path,
        summary=operation["summary"],
        words=operation["description"],
        scopes=[(scope, _scopes()[scope]) for scopes in named for scope in scopes],
        is_open=not named,
        parameters=[_parameter(resolve(one)) for one in operation.get("parameters", [])],
        body=body,
        variants=list(_variants(operation)),
        curl=_curl(path, method, operation, body.examples[0] if body else None),
        status=success,
        answer=_body(operation["responses"][success]),
        problems=[(code, PROBLEMS[code]) for code in _codes(operation)],
    )


def _codes(operation: dict[str, Any]) -> Iterator[str]:
    for answer in operation["responses"].values():
        schema = answer.get("content", {}).get("application/problem+json", {}).get("schema", {})
        for part in schema.get("allOf", []):
            yield from part.get("properties", {}).get("code", {}).get("enum", [])


def _parameter(found: dict[str, Any]) -> Row:
    return Row(found["name"], _kind(found["schema"]), found["required"], found["description"])


def _body(found: dict[str, Any]) -> Body | None:
    for content in found.get("content", {}).values():
        examples = [one["value"] for one in content.get("examples", {}).values()]
        examples += [content["example"]] if "example" in content else []
        return Body(list(_rows(content["schema"])), examples)
    return None


def _variants(operation: dict[str, Any]) -> Iterator[Variant]:
    """Of a member that is one of several objects: each has a scope and an example, in the same order."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    scopes = [scope for one in operation["security"] for scope in one.get(TOKEN_SCHEME, [])]
    for member in resolve(content.get("schema", {})).get("properties", {}).values():
        examples = content.get("examples", {}).items()
        for kind, scope, (cluster, example) in zip(member.get("oneOf", []), scopes, examples, strict=False):
            words = resolve(kind)["description"]
            yield Variant(cluster, scope, words, list(_rows(kind)), example["value"])


def _rows(schema: dict[str, Any], before: str = "") -> Iterator[Row]:
    """The members of an object, and those of the objects in it, by their full names."""
    found = resolve(schema)
    for name, member in found.get("properties", {}).items():
        is_required = name in found.get("required", [])
        # That what may be left out may also be null is said once, under the conventions
        shown = _kind(member) if is_required else _kind(member).removesuffix(" or null")
        yield Row(before + name, shown, is_required, member.get("description", ""))
        inner, are_many = _inner(member)
        if inner and not _is_money(inner):
            yield from _rows(inner, f"{before}{name}{'[]' if are_many else ''}.")


def _inner(member: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
    """The object in a member, if there is one, and whether there are many of them."""
    for one in member.get("anyOf", [member]):
        if "$ref" in one:
            return one, False
        if one.get("type") == "array":
            return _inner(one["items"])[0], True
    return None, False


def _is_money(schema: dict[str, Any]) -> bool:
    return schema.get("$ref") == "#/components/schemas/Money"


def _kind(schema: dict[str, Any]) -> str:
    """A schema's type in a few words."""
    if "anyOf" in schema:
        return " or ".join(filter(None, map(_kind, schema["anyOf"])))
    if not schema:
        return ""  # anything at all
    if "oneOf" in schema:
        return "object, by cluster"
    if "$ref" in schema:
        return "money" if _is_money(schema) else "object"
    if "enum" in schema:
        words = ", ".join(f"`{word}`" for word in schema["enum"])
        return f"one of {words}" if len(schema["enum"]) > 1 else words
    return _KINDS.get(schema["type"], lambda _: schema["type"])(schema)


def _list_kind(schema: dict[str, Any]) -> str:
    most = f", {schema['maxItems']} at most" if "maxItems" in schema else ""
    return f"list of {_kind(schema['items'])}{most}".replace("list of object", "list of objects")


def _number_kind(schema: dict[str, Any]) -> str:
    limits = f" from {schema['minimum']} to {schema['maximum']}" if "maximum" in schema else ""
    return f"number{limits}" + (f", {schema['default']} unless given" if "default" in schema else "")


def _text_kind(schema: dict[str, Any]) -> str:
    if "format" in schema:
        return _FORMATS[schema["format"]]
    if prefix := re.match(r"\^([a-z]{3})_\[", schema.get("pattern", "")):
        return f"id `{prefix.group(1)}_…`"
    return f"text, {schema['maxLength']} characters at most" if "maxLength" in schema else "text"


_KINDS = {
    "array": _list_kind,
    "integer": _number_kind,
    "string": _text_kind,
    "boolean": lambda _: "true or false",
}


def _curl(path: str, method: str, operation: dict[str, Any], example: Any) -> str:
    """A command that runs as it stands once $TOKEN, or the client's id and secret, are set."""
    place = re.sub(r"\{(\w+)\}", lambda found: _variable(operation, found.group(1)), path)
    parts = ["curl -s"]
    if operation["tags"] == ["oauth"]:
        parts += ['-u "$CLIENT_ID:$CLIENT_SECRET"'] if method == "POST" else []
        parts += [_form_field(name, value) for name, value in (example or {}).items()]
    else:
        is_plain = method == "GET" or (method == "POST" and example)
        parts += ['-H "Authorization: Bearer $TOKEN"', *([] if is_plain else [f"-X {method}"])]
    if example and operation["tags"] != ["oauth"]:
        text = compact(example)
        parts += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(text)}"]
    return " \\\n  ".join([" ".join(parts[:2]), *parts[2:], f'"$BASE_URL{place}"'])


def _variable(operation: dict[str, Any], name: str) -> str:
    found = next(one for one in map(resolve, operation["parameters"]) if one["name"] == name)
    return _VARIABLES.get(found["schema"].get("pattern", "")[1:4], "$ID")


def _form_field(name: str, value: str) -> str:
    return '-d "token=$TOKEN"' if name == "token" else f"--data-urlencode {shlex.quote(f'{name}={value}')}"
