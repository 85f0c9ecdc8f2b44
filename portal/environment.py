"""Reads the settings' environment variables. What cannot be read becomes a fault, which `portal/checks.py` shows."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

# Begins the secrets that the demo makes up, so that they are known again where they must not be.
DEMO_MARK = "parley-demo-"


class Environment:
    """Variables by name; one set to nothing counts as not set.

    `read` collects the names that were asked for, `faults` a sentence for each value that cannot be used. A value
    that might be a secret is never part of a sentence.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.read: set[str] = set()
        self.faults: list[str] = []

    def has(self, name: str) -> bool:
        """Whether it is set."""
        return bool(self._variables.get(name))

    def text(self, name: str, default: str = "") -> str:
        """Its value, or the default."""
        self.read.add(name)
        return self._variables.get(name) or default

    def words(self, name: str, default: str = "") -> list[str]:
        """Its comma-separated words."""
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        """One of the choices."""
        text = self.text(name, default)
        if text in choices:
            return text
        self.faults.append(f"{name} is “{text}”: set it to {' or '.join(choices)}.")
        return default

    def is_on(self, name: str) -> bool:
        """Whether a switch is on: 1 is on, 0 and nothing are off."""
        return self.choice(name, ("0", "1"), "0") == "1"

    def number(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number from `least` to `most`."""
        text = self.text(name, str(default))
        if text.isascii() and text.isdigit() and least <= int(text) <= most:
            return int(text)
        self.faults.append(f"{name} is “{text}”: set it to a whole number from {least} to {most}.")
        return default

    def database(self, name: str, default: str = "", *, assume_role: str = "") -> dict[str, object]:
        """Django's description of the database that a `postgresql://` URL names (`?host=/dir` for a socket)."""
        parts = urlsplit(self.text(name, default))
        query = dict(parse_qsl(parts.query))
        options: dict[str, object] = {
            key: value for key, value in query.items() if key not in ("host", "port")
        }
        options["prepare_threshold"] = 1  # for portal.tenancy.prepared; all else binds on the client
        if assume_role:
            options["assume_role"] = assume_role
        try:
            port = str(parts.port or query.get("port") or "")
        except ValueError:
            port = "?"
        if parts.scheme not in ("postgresql", "postgres") or len(parts.path) < 2 or port == "?":
            self.faults.append(
                f"{name} cannot be read: set it to postgresql://role:password@host:port/database."
            )
        return {
            "ENGINE": "portal.tenancy.backend",
            "NAME": unquote(parts.path.lstrip("/")) or "?",
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": query.get("host") or parts.hostname or "",
            "PORT": port,
            "OPTIONS": options,
            "CONN_MAX_AGE": None,  # a connection a thread; the backend replaces a dead one when it begins
            "DISABLE_SERVER_SIDE_CURSORS": True,
        }
