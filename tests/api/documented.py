"""An HTTP client that holds every answer to the OpenAPI document."""

import copy
import json
import re
from functools import cache
from typing import Any

from django.test import Client
from jsonschema import Draft202012Validator

from portal.api.openapi import document, resolve


class DocumentedClient(Client):
    """Calls like Django's; an answer whose status, type, headers or body the document does not know fails."""

    def request(self, **request: Any) -> Any:
        answer = super().request(**request)
        check(request["REQUEST_METHOD"], request["PATH_INFO"], answer)
        return answer


def check(method: str, path: str, answer: Any) -> None:
    """Fails when the answer is not as documented. Addresses that the document does not know are not judged."""
    operation = find_operation(path, "GET" if method == "HEAD" else method)
    if operation is None or answer.status_code == 405:
        return
    name = operation["operationId"]
    assert str(answer.status_code) in operation["responses"], f"{name}: {answer.status_code} {answer.content}"
    known = operation["responses"][str(answer.status_code)]
    for header, reference in known.get("headers", {}).items():
        assert header in answer.headers or not resolve(reference)["required"], f"{name}: no {header}"
    if "content" not in known or method == "HEAD":
        assert answer.content == b""
        return
    media_type = answer.headers["Content-Type"]
    assert media_type in known["content"], f"{name}: {media_type}"
    assert errors_of(known["content"][media_type]["schema"], json.loads(answer.content)) == []


def find_operation(path: str, method: str) -> dict[str, Any] | None:
    """What the document says of a call."""
    for template, methods in document()["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
            return methods.get(method.lower())
    return None


def errors_of(schema: dict[str, Any], value: Any) -> list[str]:
    """Where a value is not of the schema. Members that are not documented count as wrong here."""
    validator = Draft202012Validator({**schema, "components": _closed()})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


@cache
def _closed() -> dict[str, Any]:
    components = copy.deepcopy(document()["components"])
    for schema in components["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return components
