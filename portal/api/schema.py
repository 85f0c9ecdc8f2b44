"""How a handler of an ApiView says what it takes and gives, and how the OpenAPI document repeats it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypedDict, TypeVar, get_type_hints

from django.http import Http404
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from rest_framework.request import Request
from rest_framework.response import Response
from uritemplate import variables

from portal.api.errors import MEDIA_TYPE
from portal.api.json_schema import Schemas
from portal.api.problems import PROBLEMS
from portal.api.shapes import Invalid, Schema, Shape, read, taken_apart

A = TypeVar("A")
TOKEN_SCHEME = "clientCredentials"  # noqa: S105 (a name in the document)
ALWAYS = ("invalid_token", "rate_limited", "internal_error")
WITH_BODY = ("invalid_request", "payload_too_large", "unsupported_media_type")


@dataclass(frozen=True)
class Operation:
    """What a handler takes and gives. `scopes` are those of which one is needed; `examples` are bodies."""

    status: int = 200
    answer: Any = None
    body: Any = None
    query: Any = None
    path: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    examples: dict[str, Any] = field(default_factory=dict)
    answer_example: Any = None


def operation(
    *,
    status: int = 200,
    problems: tuple[str, ...] = (),
    scopes: tuple[str, ...] = (),
    examples: dict[str, Any] | None = None,
    answer_example: Any = None,
) -> Callable[[Callable[..., A]], Callable[..., Response]]:
    """Makes a handler's type hints its contract: `body` and `query` are read as theirs (`invalid_request` when
    they do not fit), every other argument is an id in the path (`not_found`), what it returns is the answer.
    """

    def describe(handler: Callable[..., A]) -> Callable[..., Response]:
        path = get_type_hints(handler, include_extras=True)
        path.pop("request")
        known = Operation(
            status=status,
            answer=path.pop("return"),
            body=path.pop("body", None),
            query=path.pop("query", None),
            path=path,
            problems=problems,
            scopes=scopes,
            examples=examples or {},
            answer_example=answer_example,
        )

        @wraps(handler)
        def run(view: Any, request: Request, **ids: str) -> Response:
            given = {name: _read_id(path[name], text) for name, text in ids.items()}
            if known.query:
                given["query"] = read(known.query, request.query_params, ignore_unknown=True)
            if known.body:
                given["body"] = read(known.body, request.data)
            elif request.method in ("POST", "PUT", "PATCH"):
                read(Nothing, request.data)
            return Response(handler(view, request, **given), status=status)

        run.operation = known  # type: ignore[attr-defined]
        return run

    return describe


def _read_id(hint: Any, text: str) -> Any:
    try:
        return _shape(hint).read(text)
    except Invalid as error:
        raise Http404 from error


def _shape(hint: Any) -> Shape:
    return next(note for note in taken_apart(hint)[1] if isinstance(note, Shape))


class Nothing(TypedDict):
    """The body of a call that takes none."""


class ApiSchema(AutoSchema):
    """The part of the document that is about one handler of an ApiView."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> dict[str, Any]:
        """The OpenAPI operation object; registers the schemas it names."""
        handler = getattr(self.view, method.lower())
        known = getattr(handler, "operation", Operation(answer=dict))
        taken, given = Schemas(is_closed=True), Schemas(is_closed=False)
        summary, _, more = (handler.__doc__ or "").strip().partition("\n")
        scopes = known.scopes or _own_scope(self.view, method)
        answer: dict[str, Any] = {
            "operationId": f"{method.lower()}{type(self.view).__name__.removesuffix('View')}",
            "summary": summary.rstrip("."),
            "description": " ".join(more.split()) or summary,
            "tags": [path.removeprefix(path_prefix.lstrip("^")).strip("/").split("/")[0]],
            "parameters": list(_parameters(known, taken, path, method)),
            "security": [{TOKEN_SCHEME: [scope]} for scope in scopes] or [{TOKEN_SCHEME: []}],
            "responses": {str(known.status): _success(known, given, method)},
        }
        if known.body:
            answer["requestBody"] = _body(known, taken)
        answer["responses"] |= refusals(_codes(known, method, bool(scopes)))
        for name, schema in (taken.components | given.components).items():
            registry.register_on_missing(ResolvedComponent(name, ResolvedComponent.SCHEMA, schema, name))
        return answer


def _own_scope(view: Any, method: str) -> tuple[str, ...]:
    needed = view.required_scopes
    scope = needed if isinstance(needed, str) else needed.get(method, "")
    return (scope,) if scope else ()


def _parameters(known: Operation, schemas: Schemas, path: str, method: str) -> Iterable[dict[str, Any]]:
    hints = known.path.values() or [str] * len(variables(path))
    for name, hint in zip(variables(path), hints, strict=True):
        yield _parameter(name, "path", schemas.of(hint), is_required=True)
    if known.query:
        for name, hint in get_type_hints(known.query, include_extras=True).items():
            is_required = name in known.query.__required_keys__
            yield _parameter(name, "query", schemas.of(hint), is_required=is_required)
    if method == "POST":
        yield {"$ref": "#/components/parameters/IdempotencyKey"}


def _parameter(name: str, place: str, schema: Schema, *, is_required: bool) -> dict[str, Any]:
    words = schema.pop("description", "")
    return {"name": name, "in": place, "required": is_required, "schema": schema, "description": words}


def _body(known: Operation, schemas: Schemas) -> dict[str, Any]:
    examples = {name: {"value": value} for name, value in known.examples.items()}
    content = {"schema": schemas.of(known.body)} | ({"examples": examples} if examples else {})
    is_required = bool(known.body.__required_keys__ or getattr(known.body, "exactly_one", ()))
    return {"required": is_required, "content": {"application/json": content}}


def _success(known: Operation, schemas: Schemas, method: str) -> dict[str, Any]:
    content = {"schema": schemas.of(known.answer)}
    if known.answer_example is not None:
        content["example"] = known.answer_example
    names = ["RateLimit", "RateLimit-Policy", *(["Idempotent-Replayed"] if method == "POST" else [])]
    return {
        "description": "Done.",
        "headers": headers("X-Request-Id", *names),
        "content": {"application/json": content},
    }


def _codes(known: Operation, method: str, has_scope: bool) -> set[str]:
    codes = {*ALWAYS, *known.problems}
    codes |= {"insufficient_scope"} if has_scope else set()
    codes |= {"not_found"} if known.path else set()
    codes |= {"invalid_request"} if known.query else set()
    codes |= set(WITH_BODY) if method in ("POST", "PUT", "PATCH") else set()
    return codes | ({"idempotency_key_reused"} if method == "POST" else set())


def refusals(codes: set[str]) -> dict[str, Any]:
    """The OpenAPI responses, by status, that carry these problems."""
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes, key=list(PROBLEMS).index):
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    return {str(status): _refusal(status, found) for status, found in sorted(by_status.items())}


def _refusal(status: int, codes: list[str]) -> dict[str, Any]:
    names = ["X-Request-Id"]
    names += ["WWW-Authenticate"] if {"invalid_token", "insufficient_scope"} & set(codes) else []
    names += ["Retry-After", "RateLimit", "RateLimit-Policy"] if status == 429 else []
    narrowed = {"properties": {"status": {"const": status}, "code": {"enum": codes}}}
    schema = {"allOf": [{"$ref": "#/components/schemas/Problem"}, narrowed]}
    return {
        "description": "; ".join(PROBLEMS[code].title for code in codes) + ".",
        "headers": headers(*names),
        "content": {MEDIA_TYPE: {"schema": schema}},
    }


def headers(*names: str) -> dict[str, Any]:
    """References to the headers of the document's components."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
