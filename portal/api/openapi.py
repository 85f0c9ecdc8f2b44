"""The OpenAPI 3.1 document of /api/v1."""

import json
import re
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from portal.api.idempotency import KEY_PATTERN
from portal.api.problems import PROBLEMS

_TEXT = {"type": "string"}
_FIELD_ERROR = {
    "type": "object",
    "properties": {
        "pointer": {
            "type": "string",
            "description": "Where: a JSON pointer (RFC 6901) into the body; for a parameter, `/` and its name.",
        },
        "code": {"type": "string", "description": "Such as `required`, `invalid` or `unknown_field`."},
        "detail": {"type": "string", "description": "What would be right."},
    },
    "required": ["pointer", "code", "detail"],
}
_PROBLEM = {
    "type": "object",
    "description": "Why a request was refused (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "A page that explains the code."},
        "title": _TEXT,
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What was wrong this time."},
        "code": {"type": "string", "enum": list(PROBLEMS), "description": "Stable: decide by it."},
        "request_id": {"type": "string", "description": "Quote it when you ask us."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
    },
}
_HEADERS = {
    "X-Request-Id": (_TEXT, "The request's id, also in the log and in problems."),
    "RateLimit-Policy": (_TEXT, 'The client\'s limit: `"client";q=200;w=1` is 200 requests in a second.'),
    "RateLimit": (_TEXT, 'What is left: `"client";r=199;t=1`, all of it again in `t` seconds.'),
    "Retry-After": ({"type": "integer"}, "Seconds to wait."),
    "Idempotent-Replayed": (
        {"type": "string", "const": "true"},
        "Only on an answer that was given before to the same key and body.",
    ),
    "WWW-Authenticate": (_TEXT, "What the token lacks (RFC 6750)."),
}
_OPTIONAL = {"Idempotent-Replayed", "WWW-Authenticate", "RateLimit", "RateLimit-Policy"}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": f"^{KEY_PATTERN}$"},
    "description": "Makes it safe to send again: the same key and body get the first answer for 24 hours at"
    " least. Use a new one, such as a UUID, for each thing you want done.",
}


class _Generator(SchemaGenerator):
    """Calls the first id in a path `id`; in the code it is named after its prefix."""

    def coerce_path(self, path: str, method: str, view: Any) -> str:
        return re.sub(r"\{[a-z]{3}\}", "{id}", path, count=1)


@cache
def document() -> dict[str, Any]:
    """The document as data; it changes only with the code."""
    answer = _Generator(urlconf="portal.urls").get_schema(request=None, public=True)
    components = answer["components"]
    components["schemas"] |= {"Problem": _PROBLEM, "FieldError": _FIELD_ERROR}
    components["parameters"] = {"IdempotencyKey": _IDEMPOTENCY_KEY}
    components["headers"] = {
        name: {"description": words, "schema": schema, "required": name not in _OPTIONAL}
        for name, (schema, words) in _HEADERS.items()
    }
    answer["servers"] = [{"url": settings.BASE_URL}]
    return answer


@require_safe
def openapi_json(request: HttpRequest) -> HttpResponse:
    """GET /api/v1/openapi.json, for everybody."""
    return HttpResponse(json.dumps(document()), content_type="application/json")


def resolve(found: dict[str, Any]) -> dict[str, Any]:
    """What a reference in the document refers to; anything else is itself."""
    while "$ref" in found:
        target: Any = document()
        for part in found["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        found = target
    return found
