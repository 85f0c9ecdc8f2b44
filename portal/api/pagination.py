"""Lists: newest first, a page at a time, by keyset. A page stays right while rows are added before it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request

from portal.api.errors import Problem

DEFAULT_LIMIT = 25
LARGEST_LIMIT = 100


def page(request: Request, rows: QuerySet[Any], show: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """The answer's body: {"data": […], "next_cursor": text or null}. `rows` have a UUIDv7 `id`.

    Reads `limit` (1 to 100) and `cursor` from the query; raises `invalid_request` when one is wrong.
    """
    limit = _limit(request.query_params.get("limit"))
    if cursor := request.query_params.get("cursor"):
        rows = rows.filter(id__lt=_read_cursor(cursor))
    found: list[Any] = list(rows.order_by("-id")[: limit + 1])
    more = len(found) > limit
    return {
        "data": [show(row) for row in found[:limit]],
        "next_cursor": _cursor(found[limit - 1].id) if more else None,
    }


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= LARGEST_LIMIT):
        raise Problem("invalid_request", f"`limit` is a number from 1 to {LARGEST_LIMIT}.")
    return int(text)


def _cursor(last: UUID) -> str:
    return urlsafe_b64encode(last.bytes).rstrip(b"=").decode()


def _read_cursor(text: str) -> UUID:
    try:
        return UUID(bytes=urlsafe_b64decode(text.encode("ascii") + b"=="))
    except ValueError as error:
        raise Problem("invalid_request", "`cursor` is not one that this list gave.") from error
