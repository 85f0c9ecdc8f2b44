"""All routes, as Django's resolver has them, and the row that a new one seems to need."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.test import RequestFactory
from django.urls import URLPattern, get_resolver

from .matrix import THIRD_PARTY, WORDS, Door

DOORS_BY_PREFIX = {
    "api/v1/": Door.API,
    "me/": Door.PERSON,
    "partners/": Door.MEMBER,
    "staff/": Door.STAFF,
    "link/": Door.PERSON,
    "why/": Door.PERSON,
    "hooks/": Door.HOOK,
    "oauth/": Door.OAUTH,
}
# The last id of a path tells what it is about. A new one needs things of its kind in `stage.py` too.
THINGS = {
    "sender_id": "sender",
    "lac": "linked chat",
    "grt": "grant",
    "csi": "customer sign-in",
    "customer_ref": "test customer",
    "tsk": "task",
    "ntf": "notification",
    "agv": "agreement version",
    "agt": "agreement template",
    "ptn": "bank",
    "cli": "client",
    "secret": "client secret",
    "key": "client key",
    "snd": "member's sender",
    "whk": "endpoint",
    "dlv": "webhook delivery",
    "mem": "member",
    "inv": "invitation",
    "joi": "join request",
    "biv": "bank invitation",
    "session": "session",
    "tpl": "template",
    "tpv": "draft",
    "name": "template by name",
    "doc": "document",
}


def routes() -> dict[str, Callable[..., Any]]:
    """Each route that is ours, with its view."""
    found = dict(_walk(get_resolver().url_patterns, ""))
    return {route: view for route, view in found.items() if not route.startswith(tuple(THIRD_PARTY))}


def _walk(patterns: Any, prefix: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route, pattern.callback
        else:
            yield from _walk(pattern.url_patterns, route)


def guess_row(route: str, view: Callable[..., Any]) -> str:
    """A row to start from: what the route itself tells of its methods, door, scope and thing."""
    door = next((door for prefix, door in DOORS_BY_PREFIX.items() if route.startswith(prefix)), Door.PUBLIC)
    ids = [name for name in re.findall(r"<[a-z]+:([a-z_]+)>", route) if name not in WORDS]
    thing = THINGS.get(ids[-1], f"what {ids[-1]} names") if ids else ""
    scopes = getattr(getattr(view, "view_class", None), "required_scopes", "")
    needs = scopes if isinstance(scopes, str) else " or ".join(scopes.values())
    more = f", {needs!r}" if needs else ""
    return (
        f'Row("{route}", "{_methods(view)}", Door.{door.name}{more}{f", thing={thing!r}" if thing else ""}),'
    )


def _methods(view: Callable[..., Any]) -> str:
    if handlers := getattr(view, "view_class", None):
        return " ".join(
            name.upper() for name in ("get", "post", "patch", "delete") if hasattr(handlers, name)
        )
    try:
        answer = view(RequestFactory().generic("OPTIONS", "/"))
    except Exception:  # it took the request to be one it answers
        return "GET"
    return answer.headers.get("Allow", "GET").replace(",", "")
