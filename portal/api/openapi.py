"""The OpenAPI 3.1 document of /api/v1, and the pages that explain the API to people."""

import json
from functools import cache
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator

from portal.api.problems import PROBLEMS
from portal.api.schema import TOKEN_SCHEME

_TEXT = {"type": "string"}
_FIELD_ERROR = {"type": "object", "properties": {"pointer": _TEXT, "code": _TEXT, "detail": _TEXT}}
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "code": {"type": "string", "enum": sorted(PROBLEMS)},
        "request_id": _TEXT,
        "errors": {"type": "array", "items": _FIELD_ERROR},
    },
}


@cache
def document() -> dict[str, Any]:
    """The document as data; it changes only with the code."""
    answer = SchemaGenerator().get_schema(request=None, public=True)
    operations = [operation for path in answer["paths"].values() for operation in path.values()]
    scopes = {
        name
        for operation in operations
        for needed in operation.get("security", [])
        for name in needed.get(TOKEN_SCHEME, [])
    }
    flow = {"tokenUrl": f"{settings.BASE_URL}/oauth/token", "scopes": {name: name for name in sorted(scopes)}}
    components = answer.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    components["securitySchemes"] = {TOKEN_SCHEME: {"type": "oauth2", "flows": {"clientCredentials": flow}}}
    answer["servers"] = [{"url": settings.BASE_URL}]
    return answer


def openapi_json(request: HttpRequest) -> HttpResponse:
    """GET /api/v1/openapi.json, for everybody."""
    return HttpResponse(json.dumps(document()), content_type="application/json")


def api_page(request: HttpRequest) -> HttpResponse:
    """/docs/api: every operation and every problem, as plain HTML."""
    operations = [
        {"method": method.upper(), "path": path, "id": operation["operationId"]} | _shown(operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]
    context = {"operations": operations, "problems": PROBLEMS.items(), "base_url": settings.BASE_URL}
    return render(request, "docs/api.html", context)


def error_page(request: HttpRequest, code: str) -> HttpResponse:
    """/docs/errors/<code>: what a problem's `type` leads to."""
    if code not in PROBLEMS:
        raise Http404
    return render(request, "docs/error.html", {"code": code, "problem": PROBLEMS[code]})


def _shown(operation: dict[str, Any]) -> dict[str, Any]:
    scopes = [name for needed in operation.get("security", []) for name in needed.get(TOKEN_SCHEME, [])]
    return {
        "text": operation.get("description", ""),
        "scope": scopes[0] if scopes else "",
        "parameters": operation.get("parameters", []),
    }
