"""Lists: newest first, a page at a time, by keyset. A page stays right while rows are added before it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypedDict, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from portal.api.shapes import Pattern, Whole

T = TypeVar("T")
DEFAULT_LIMIT = 25
LARGEST_LIMIT = 100


def _read_cursor(text: str) -> UUID:
    return UUID(bytes=urlsafe_b64decode(text + "=="))


CURSOR = Pattern("[A-Za-z0-9_-]{22}", "This must be a cursor that this list gave.", 22, parse=_read_cursor)


class PageQuery(TypedDict, total=False):
    """What every list takes."""

    limit: Annotated[int, Whole(1, LARGEST_LIMIT, DEFAULT_LIMIT), "How many to a page."]
    cursor: Annotated[UUID, CURSOR, "The `next_cursor` of the page before."]


class Page(TypedDict, Generic[T]):
    """A part of a list, newest first."""

    data: list[T]
    next_cursor: Annotated[str | None, CURSOR, "Ask for the next page with it; null on the last."]


def page(query: PageQuery, rows: QuerySet[Any], show: Callable[[list[Any]], list[T]]) -> Page[T]:
    """The page that was asked for. `show` writes its rows, all at once; they have a UUIDv7 `id`."""
    limit = query.get("limit", DEFAULT_LIMIT)
    if cursor := query.get("cursor"):
        rows = rows.filter(id__lt=cursor)
    found: list[Any] = list(rows.order_by("-id")[: limit + 1])
    more = len(found) > limit
    return {
        "data": show(found[:limit]),
        "next_cursor": cursor_after(found[limit - 1].id) if more else None,
    }


def cursor_after(last: UUID) -> str:
    """Where the next page begins: behind the row of this id."""
    return urlsafe_b64encode(last.bytes).rstrip(b"=").decode()
