"""Reads the settings' environment variables."""

import os
from urllib.parse import parse_qsl, unquote, urlsplit


def database(url: str, *, assume_role: str = "") -> dict[str, object]:
    """Django's description of the database that a `postgresql://` URL names (`?host=/dir` for a socket)."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    options: dict[str, object] = {key: value for key, value in query.items() if key not in ("host", "port")}
    if assume_role:
        options["assume_role"] = assume_role
    return {
        "ENGINE": "portal.tenancy.backend",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host") or parts.hostname or "",
        "PORT": str(parts.port or query.get("port") or ""),
        "OPTIONS": options,
        "CONN_MAX_AGE": None,  # a connection a thread; the backend replaces a dead one when it begins
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }


def words(name: str, default: str = "") -> list[str]:
    """The comma-separated words of a variable."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]
