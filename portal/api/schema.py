"""How an ApiView describes itself in the OpenAPI document."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes

from portal.api.errors import MEDIA_TYPE

TOKEN_SCHEME = "clientCredentials"  # noqa: S105 - a name in the document
_ERRORS = {
    "400": "invalid_request",
    "401": "invalid_token",
    "403": "insufficient_scope, or another refusal",
    "404": "not_found",
    "429": "rate_limited",
}
_CHANGING_ERRORS = {
    "409": "The state, or the idempotency key, does not allow it",
    "413": "payload_too_large",
    "415": "unsupported_media_type",
    "422": "The data does not fit",
}


class ApiSchema(AutoSchema):
    """Adds to every operation its scope, its problems and the idempotency key. A view that says nothing about
    its bodies takes and answers a JSON object.
    """

    def get_request_serializer(self) -> Any:
        """An object, for methods with a body."""
        return OpenApiTypes.OBJECT if self.method in ("POST", "PUT", "PATCH") else None

    def get_response_serializers(self) -> Any:
        """An object, whatever the success is called."""
        return {"2XX": OpenApiTypes.OBJECT}

    def get_operation_id(self) -> str:
        """The method and the view's name: `getGrantDetail`."""
        return f"{self.method.lower()}{type(self.view).__name__}"

    def get_auth(self) -> list[dict[str, list[str]]]:
        """The OAuth scope that the view asks for."""
        needed = getattr(self.view, "required_scopes", "")
        name = needed if isinstance(needed, str) else needed.get(self.method, "")
        return [{TOKEN_SCHEME: [name] if name else []}]

    def get_description(self) -> str:
        """The handler's own words, else the view's."""
        handler = getattr(self.view, self.method.lower(), None)
        return (handler and handler.__doc__) or type(self.view).__doc__ or ""

    def get_summary(self) -> str:
        """The description's first sentence."""
        return self.get_description().strip().split("\n")[0].split(". ")[0].rstrip(".")

    def get_tags(self) -> list[str]:
        """The first part of the path below /api/v1."""
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """The operation, with what all operations share."""
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        errors = _ERRORS | (_CHANGING_ERRORS if self.method != "GET" else {})
        for status, text in errors.items():
            operation["responses"].setdefault(status, _problem(text))
        if self.method == "POST":
            operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
        return operation


_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 255},
    "description": "The same key and body again give the first answer, with `Idempotent-Replayed: true`.",
}


def _problem(text: str) -> dict[str, Any]:
    return {
        "description": text,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
