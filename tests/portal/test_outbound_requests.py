"""What speaks through `requests` obeys the same rules."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from portal.outbound import LARGEST_ANSWER
from portal.outbound_requests import OutboundSession


@pytest.fixture
def server() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_moved = self.path == "/moved"
            self.send_response(302 if is_moved else 200)
            self.send_header("Location", "/")
            self.send_header("Set-Cookie", "a=b")
            self.end_headers()
            self.wfile.write(b"x" * (LARGEST_ANSWER + 10) if self.path == "/large" else self.command.encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body + b" " + self.headers["Authorization"].encode())

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, args=[0.01], daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()


def test_an_exchange_is_what_requests_expects(server: str, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    with OutboundSession() as http:
        answer = http.get(server)
        assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "GET", "")
        assert len(http.get(f"{server}/large").content) == LARGEST_ANSWER
        posted = http.post(server, data={"a": "b c"}, auth=("me", "secret"))
        assert posted.text == "a=b+c Basic bWU6c2VjcmV0"
        assert not http.cookies
        with pytest.raises(requests.TooManyRedirects):
            http.get(f"{server}/moved")


@pytest.mark.parametrize("url", ["https://10.0.0.1/", "https://localhost/", "http://bank.example/"])
def test_nothing_leads_inside(url: str, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    with OutboundSession() as http, pytest.raises(requests.ConnectionError):
        http.get(url)


def test_loopback_is_inside(server: str, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    with OutboundSession() as http, pytest.raises(requests.ConnectionError, match="https:"):
        http.get(server)


def test_all_exchanges_of_a_session_share_its_time(server: str, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    settings.OUTBOUND_PATIENCE = 0.5
    with OutboundSession() as http:
        assert http.get(server).status_code == 200

        def ask_for_ever() -> None:
            while True:
                http.get(server)

        with pytest.raises(requests.ConnectionError):
            ask_for_ever()
