"""Where the demo's web and sandbox listen, and whether they may and do."""

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from portal.demo.refusal import Refusal

HOST = "127.0.0.1"
ANSWER_SECONDS = 2


@dataclass(frozen=True)
class Addresses:
    """The web's port; the sandbox takes the next one."""

    port: int

    @classmethod
    def chosen(cls, surroundings: Mapping[str, str]) -> "Addresses":
        """From `PORT`, 8000 when it is not set."""
        given = surroundings.get("PORT") or "8000"
        if not given.isdecimal() or not 1 <= int(given) <= 65534:
            raise Refusal(f"PORT={given} is no port: give a number from 1 to 65534.", exit_code=2)
        return cls(int(given))

    @property
    def sandbox_port(self) -> int:
        return self.port + 1

    @property
    def web(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def sandbox(self) -> str:
        return f"http://{HOST}:{self.sandbox_port}"

    def check_free(self) -> None:
        """Raises Refusal when another program listens on either port."""
        for port in (self.port, self.sandbox_port):
            if not _can_bind(port):
                raise Refusal(
                    f"Port {port} is taken by another program (or not ours to take). Stop it, or choose"
                    f" another pair, as in: make demo PORT={self.port + 100}",
                    exit_code=2,
                )


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # a closed connection's remains are no listener
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def answers(port: int, path: str) -> bool:
    """Whether a GET of `path` is answered with 200."""
    connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
