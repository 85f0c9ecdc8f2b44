"""Reading JSON bodies of the sandbox's own API, field by field, with an error for each wrong one."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from portal.sandbox.problems import Problem

CHANNELS = ("messenger",)
FAULTY = (*CHANNELS, "bank")  # what can misbehave


async def read_object(request: web.Request) -> dict:
    """The request's JSON object. Raises `Problem` 400 for anything else."""
    try:
        body = await request.json()
    except (ValueError, UnicodeDecodeError):
        raise Problem(400, "invalid_request", "The body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise Problem(400, "invalid_request", "The body must be a JSON object.")
    return body


class Fields:
    """Typed access to one JSON object. Collects errors; `done()` raises them together as a 422.

    A field nobody asked for is an error too, so that a misspelt name never passes silently.
    """

    def __init__(self, body: dict) -> None:
        self.body = body
        self.asked: set[str] = set()
        self.errors: list[dict] = []

    def wrong(self, name: str, detail: str) -> None:
        self.errors.append({"pointer": f"/{name}", "detail": detail})

    def has(self, name: str) -> bool:
        return name in self.body

    def _value(self, name: str, required: bool) -> Any:
        self.asked.add(name)
        value = self.body.get(name)
        if value is None and required:
            self.wrong(name, "is required")
        return value

    def text(self, name: str, default: str = "", *, required: bool = False, longest: int = 500) -> str:
        value = self._value(name, required)
        if value is None:
            return default
        if not isinstance(value, str):
            self.wrong(name, "must be text")
            return default
        if required and not value.strip():
            self.wrong(name, "must not be empty")
        if len(value) > longest:
            self.wrong(name, f"must be at most {longest} characters")
        return value

    def whole(
        self, name: str, default: int | None = None, *, least: int = 0, most: int = 10**6
    ) -> int | None:
        value = self._value(name, False)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.wrong(name, f"must be a whole number from {least} to {most}")
            return default
        return value

    def flag(self, name: str, default: bool | None = False) -> bool | None:
        value = self._value(name, False)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.wrong(name, "must be true or false")
            return default
        return value

    def choice(self, name: str, allowed: tuple[str, ...], *, required: bool = True) -> str:
        value = self._value(name, required)
        if value is not None and value not in allowed:
            self.wrong(name, "must be one of " + ", ".join(allowed))
        return value if value in allowed else ""

    def many(self, name: str, default: list, fits: Callable[[Any], bool], words: str) -> list:
        value = self._value(name, False)
        if value is None:
            return default
        if not isinstance(value, list) or not all(fits(one) for one in value):
            self.wrong(name, f"must be a list of {words}")
            return default
        return value

    def mapping(self, name: str, default: dict) -> dict:
        value = self._value(name, False)
        if value is not None and not isinstance(value, dict):
            self.wrong(name, "must be an object")
        return value if isinstance(value, dict) else default

    def web_url(self, name: str, default: str = "") -> str:
        value = self.text(name, default, longest=2000)
        if value and not is_web_url(value):
            self.wrong(name, "must be an http or https address")
        return value

    def done(self) -> None:
        for name in self.body.keys() - self.asked:
            self.wrong(name, "is not a known field")
        if self.errors:
            first = self.errors[0]
            detail = f"{first['pointer'][1:]} {first['detail']}."
            raise Problem(422, "invalid_request", detail, errors=self.errors)


def is_web_url(value: str) -> bool:
    """An absolute http(s) URL with a host."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def known_channel(value: str | None) -> str:
    """The channel asked for in a query; all channels when empty. Raises 422 for one the sandbox lacks."""
    if value and value not in CHANNELS:
        detail = f"channel must be one of {', '.join(CHANNELS)}."
        error = {"pointer": "/channel", "detail": "is not simulated here"}
        raise Problem(422, "unknown_channel", detail, errors=[error])
    return value or ""
