"""Nothing a bank names leads inside: judged by the address a socket would really be opened to."""

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import aiohttp
import pytest

from portal.outbound import NotAllowed, check_url, is_public, session

INSIDE = [
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
    "64:ff9b::7f00:1", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "2002:7f00:1::", "2001:0:7f00:1::", "ff02::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1"]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://bank.example/hook", "https://bank.example:8443/hook", "ftp://bank.example", "https://", "bank.example",
        "https://user@bank.example/", "https://bank.example/#part", "https://127.0.0.1/", "https://[::1]/", "https://10.1",
        "https://2130706433/", "https://localhost/", "https://[fe80::1%25eth0]/", "https://[bad/",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_refused_with_a_sentence(url: str, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    with pytest.raises(NotAllowed, match=r"\.$"):
        check_url(url)


def test_a_usable_address_is_taken(settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    assert check_url("https://bank.example/hooks?a=1") == "https://bank.example/hooks?a=1"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f000001", "[::ffff:127.0.0.1]"])
def test_no_socket_is_opened_to_an_address_inside(host: str, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    seen: list[str] = []
    with_server(lambda port: fetch(f"http://{host}:{port}/"), seen)
    assert seen == []


def test_loopback_can_be_allowed_outside_production(settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    seen: list[str] = []
    assert with_server(lambda port: fetch(f"http://127.0.0.1:{port}/here"), seen) == 200
    assert seen == ["/here"]


def fetch(url: str) -> int:
    """The status, or 0 when no connection came about."""

    async def get() -> int:
        async with session(seconds=5) as http:
            try:
                async with http.get(url, allow_redirects=False) as response:
                    return response.status
            except (aiohttp.ClientError, OSError):
                return 0

    return asyncio.run(get())


def with_server(act: Any, seen: list[str]) -> int:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    try:
        return act(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
