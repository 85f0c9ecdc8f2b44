"""One call to the Graph API, whether it came by itself or inside a batch."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from portal.sandbox.graph.errors import GraphError, dead_token, invalid, no_token, unknown_object
from portal.sandbox.state import Page, World

OLDEST_VERSION = 22
NEWEST_VERSION = 26


@dataclass(slots=True)
class Call:
    """`path` has neither version nor slashes around it; body parameters win over those of the query."""

    method: str
    path: str
    params: dict[str, Any]
    token: str = ""


@dataclass(slots=True)
class Reply:
    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def check_version(number: int) -> None:
    """Refuse retired and unknown versions as Meta does."""
    if number > NEWEST_VERSION:
        raise GraphError(2500, f"Unknown path components: /v{number}.0")
    if number < OLDEST_VERSION:
        message = (
            "(#2635) You are calling a deprecated version of the Graph API."
            f" Please update to the latest version: v{NEWEST_VERSION}.0."
        )
        raise GraphError(2635, message)


def read_params(content_type: str, raw: bytes) -> dict[str, Any]:
    """A JSON object or a form. Raises `GraphError` 100 when it is neither."""
    if not raw:
        return {}
    try:
        if content_type == "application/x-www-form-urlencoded":
            return dict(parse_qsl(raw.decode(), keep_blank_values=True))
        params = json.loads(raw)
    except (ValueError, UnicodeDecodeError):
        raise invalid("The body is neither valid JSON nor a form") from None
    if not isinstance(params, dict):
        raise invalid("The body must be a JSON object")
    return params


def parameter(params: dict[str, Any], name: str) -> Any:
    """A structured parameter: forms and queries carry it as JSON text."""
    value = params.get(name)
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return json.loads(value)
        except ValueError:
            raise invalid(f"Param {name} must be valid JSON") from None
    return value


def authenticate(world: World, call: Call) -> Page:
    """The page whose token the call carries. Raises 104 (none), 190 (dead) or 100 (wrong proof)."""
    token = call.params.get("access_token") or call.token
    if not token:
        raise no_token()
    page = world.page_by_token(token) if isinstance(token, str) else None
    if page is None:
        raise dead_token()
    proof = call.params.get("appsecret_proof")
    if proof is None and page.require_proof:
        message = "API calls from the server require an appsecret_proof argument"
        raise GraphError(100, message, kind="GraphMethodException")
    if proof is not None and proof != page.proof():
        raise GraphError(
            100, "Invalid appsecret_proof provided in the API argument", kind="GraphMethodException"
        )
    return page


def check_object(call: Call, page: Page, name: str) -> None:
    """A page token reaches only its own page, as `/me` or by id."""
    if name not in ("me", page.id):
        raise unknown_object(name, call.method)
