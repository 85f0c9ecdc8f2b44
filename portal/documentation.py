"""What the OpenAPI document says beyond the API's views: tags, scopes and the authorization server."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings

from partners import serializers
from partners.clusters import SCOPES
from portal.api.json_schema import Schemas
from portal.api.schema import TOKEN_SCHEME, headers, refusals

TAGS = {
    "oauth": ("Access tokens", "By client credentials (RFC 6749)."),
    "me": ("Who you are", "Whom a token stands for."),
    "grants": ("Grants", "What people allow, and until when."),
    "notifications": ("Notifications", "Sending, and what became of it."),
    "sandbox": ("Sandbox", "Test customers and their simulated phones."),
    "tasks": ("Tasks", "Work that goes on after the answer."),
    "templates": ("Templates", "The wording of messages."),
    "usage": ("Usage", "How much was sent, by day."),
    "audit-events": ("Audit trail", "Who did what, when."),
    "webhook-endpoints": ("Webhooks", "Where you hear of events (Standard Webhooks)."),
}
BASIC = "clientSecretBasic"
_PROOF = (
    "The client proves itself by HTTP Basic (`client_secret_basic`), by `client_id` and `client_secret` in the"
    " form (`client_secret_post`), or by a signed JWT (`private_key_jwt`, RFC 7523): exactly one of them."
)
_FORM = "application/x-www-form-urlencoded"
_FORM_TEXT = {"grant_type": "client_credentials", "scope": "notify:balances notifications:read"}


def complete(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """drf-spectacular's hook: adds all of it to the document."""
    taken, given = Schemas(is_closed=False), Schemas(is_closed=False)
    result["paths"] = _oauth_paths(taken, given) | result["paths"]
    result["tags"] = list(_tags(result["paths"]))
    components = result["components"]
    components["schemas"] |= taken.components | given.components
    components["securitySchemes"] = _security_schemes()
    return result


def _tags(paths: dict[str, Any]) -> Iterator[dict[str, str]]:
    used = dict.fromkeys(one["tags"][0] for methods in paths.values() for one in methods.values())
    for name in [*TAGS, *(name for name in used if name not in TAGS)]:
        title, words = TAGS.get(name, (name.capitalize(), ""))
        if name in used:
            yield {"name": name, "description": words, "x-displayName": title}


def _security_schemes() -> dict[str, Any]:
    flow = {"tokenUrl": f"{settings.BASE_URL}/oauth/token", "scopes": SCOPES}
    return {
        TOKEN_SCHEME: {"type": "oauth2", "description": _PROOF, "flows": {"clientCredentials": flow}},
        BASIC: {"type": "http", "scheme": "basic", "description": "The client's id and secret."},
    }


def _oauth_paths(taken: Schemas, given: Schemas) -> dict[str, Any]:
    question, error = taken.of(serializers.TokenQuestion), given.of(serializers.OAuthError)
    token = _endpoint(
        "Get an access token",
        "Opaque, and valid for ten minutes. Ask for a new one when it ends; there are no refresh tokens. "
        + _PROOF,
        form=taken.of(serializers.TokenForm),
        example=_FORM_TEXT,
        answer=_json("A token.", given.of(serializers.TokenAnswer), serializers.TOKEN),
        error=error,
    )
    revoke = _endpoint(
        "End an access token",
        "Works at once, for the client's own tokens. A token that is not known is answered the same way.",
        form=question,
        example={"token": serializers.TOKEN["access_token"]},
        answer={"description": "It is not valid, whatever it was."},
        error=error,
    )
    introspect = _endpoint(
        "See what a token stands for",
        "Only the client's own tokens are known here.",
        form=question,
        example={"token": serializers.TOKEN["access_token"]},
        answer=_json("What is known.", given.of(serializers.Introspection), serializers.INTROSPECTION),
        error=error,
    )
    metadata = {
        "operationId": "getServerMetadata",
        "summary": "See what the authorization server can do",
        "description": "For OAuth libraries that set themselves up (RFC 8414).",
        "tags": ["oauth"],
        "security": [],
        "responses": {"200": _json("The metadata.", given.of(serializers.ServerMetadata))},
    }
    return {
        "/oauth/token": {"post": token | {"operationId": "postToken"}},
        "/oauth/revoke": {"post": revoke | {"operationId": "postRevoke"}},
        "/oauth/introspect": {"post": introspect | {"operationId": "postIntrospect"}},
        "/.well-known/oauth-authorization-server": {"get": metadata},
    }


def _endpoint(
    summary: str,
    description: str,
    *,
    form: dict[str, Any],
    example: dict[str, str],
    answer: dict[str, Any],
    error: dict[str, Any],
) -> dict[str, Any]:
    refused = _json("The request, or the scope, does not fit.", error)
    unknown = _json("The client did not prove itself.", error)
    unknown["headers"] |= headers("WWW-Authenticate")
    return {
        "summary": summary,
        "description": description,
        "tags": ["oauth"],
        "security": [{BASIC: []}, {}],
        "requestBody": {"required": True, "content": {_FORM: {"schema": form, "example": example}}},
        "responses": {
            "200": answer,
            "400": refused,
            "401": unknown,
            **refusals({"payload_too_large"}),
            "503": _json("Try again in a few seconds.", error),
        },
    }


def _json(words: str, schema: dict[str, Any], example: Any = None) -> dict[str, Any]:
    content = {"schema": schema} | ({"example": example} if example else {})
    return {
        "description": words,
        "headers": headers("X-Request-Id"),
        "content": {"application/json": content},
    }
