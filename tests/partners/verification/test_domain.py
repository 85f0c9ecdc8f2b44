"""A domain is proven by what its name servers or its web site say, asked in public only, and by nobody's word but the
staff's, who say how they know.
"""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from partners.domain_checks import check_dns, check_file
from partners.models import Partner
from partners.verification_items import challenge_of
from portal.audit.models import AuditEvent

from .conftest import CASE, HOME, as_system, state, text_of

PAGE = f"{HOME}/domain"


@pytest.fixture
def names(settings: Any) -> Iterator[dict[str, list[str] | None]]:
    """Name servers of our own: what each name's TXT records are; None where they break down."""
    known: dict[str, list[str] | None] = {}
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            wire, client = server.recvfrom(4096)
            if not wire:
                return
            asked = dns.message.from_wire(wire)
            answer = dns.message.make_response(asked)
            answer.flags |= dns.flags.RA
            name = asked.question[0].name.to_text().rstrip(".")
            texts = known.get(name, [])
            if texts is None:
                answer.set_rcode(dns.rcode.SERVFAIL)
            elif texts:
                quoted = [f'"{text}"' for text in texts]
                answer.answer.append(dns.rrset.from_text(asked.question[0].name, 60, "IN", "TXT", *quoted))
            else:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            server.sendto(answer.to_wire(), client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    settings.DNS_SERVER = f"127.0.0.1:{server.getsockname()[1]}"
    yield known
    server.sendto(b"", server.getsockname())
    thread.join(timeout=5)
    server.close()


@pytest.fixture
def site(settings: Any) -> Iterator[SimpleNamespace]:
    """A web site of our own: its status, its body, and what it was asked for."""
    found = SimpleNamespace(status=200, body=b"", asked=[])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            self.send_response(found.status)
            if found.status == 302:
                self.send_header("Location", "http://127.0.0.1/elsewhere")
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    found.domain = f"127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()


def test_a_txt_record_proves_it(desk: Any, names: dict[str, Any]) -> None:
    http, challenge = desk.http["owner"], challenge_of(desk.bank)
    page = text_of(http.get(PAGE))
    assert challenge in page
    assert "_parley-challenge.fresh.example" in page

    not_yet = text_of(http.post(PAGE, {"way": "dns"}, follow=True))
    assert "There is no TXT record at _parley-challenge.fresh.example yet." in not_yet
    assert not state(desk)[1].is_domain_proven

    names["_parley-challenge.fresh.example"] = ["v=spf1 -all", challenge]
    assert "The domain is proven." in text_of(http.post(PAGE, {"way": "dns"}, follow=True))
    assert (state(desk)[1].proven_by, state(desk)[1].is_domain_proven) == ("dns", True)

    del names["_parley-challenge.fresh.example"]
    again = text_of(desk.http["first"].post(f"{CASE}/domain", {"way": "dns"}, follow=True))
    assert "Last check" in again
    assert "There is no TXT record" in again
    assert state(desk)[1].is_domain_proven  # the record may go once it was seen


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (["parley-challenge=0000"], "holds something else"),
        (None, "the name servers gave no usable answer"),
    ],
)
def test_what_else_the_name_servers_may_say(names: dict[str, Any], texts: Any, sentence: str) -> None:
    names["_parley-challenge.fresh.example"] = texts
    assert sentence in check_dns("fresh.example", "parley-challenge=1")


def test_each_bank_and_domain_has_a_text_of_its_own(desk: Any) -> None:
    first = challenge_of(desk.bank)
    assert challenge_of(Partner(id=desk.bank.id, domain="other.example")) != first
    assert challenge_of(Partner(domain=desk.bank.domain)) != first


def test_a_file_proves_it(desk: Any, site: SimpleNamespace) -> None:
    with as_system():
        Partner.objects.filter(pk=desk.bank.pk).update(domain=site.domain)
        desk.bank.refresh_from_db()
    site.body = challenge_of(desk.bank).encode() + b"\n"
    answer = desk.http["owner"].post(PAGE, {"way": "file"}, follow=True)
    assert "The domain is proven." in text_of(answer)
    assert site.asked == ["/.well-known/parley-challenge"]
    assert state(desk)[1].proven_by == "file"


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (200, b"parley-challenge=0000", "holds something else"),
        (404, b"", "answered 404; it must be 200"),
        (302, b"", "answered 302; it must be 200, without a redirect"),
    ],
)
def test_what_else_a_web_site_may_say(site: SimpleNamespace, status: int, body: bytes, sentence: str) -> None:
    site.status, site.body = status, body
    assert sentence in check_file(site.domain, "parley-challenge=1")
    assert len(site.asked) == 1


@pytest.mark.parametrize("domain", ["10.0.0.1", "127.0.0.1", "localhost", "169.254.169.254", "[::1]"])
def test_a_domain_that_points_inside_is_never_asked(settings: Any, domain: str) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    assert check_file(domain, "x") == "The address must be on the public internet."


def test_a_name_that_leads_inside_is_refused_at_the_socket(settings: Any) -> None:
    """To the resolver this number is a name."""
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    assert "not on the public internet, so nothing was asked" in check_file("0x7f.1", "x")


def test_a_domain_inside_is_told_to_the_bank_and_stays_unproven(desk: Any, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    with as_system():
        Partner.objects.filter(pk=desk.bank.pk).update(domain="10.0.0.1")
    answer = desk.http["owner"].post(PAGE, {"way": "file"}, follow=True)
    assert "The address must be on the public internet." in text_of(answer)
    assert not state(desk)[1].is_domain_proven


def test_staff_vouch_for_a_domain_only_with_a_reason_that_is_kept(desk: Any) -> None:
    page, http = f"{CASE}/domain/by-hand", desk.http["first"]
    assert http.post(page, {"reason": " "}).status_code == 422
    assert desk.http["owner"].post(page, {"reason": "Trust me."}).status_code == 404
    assert desk.http["auditor"].post(page, {"reason": "Seen."}).status_code == 403
    assert http.post(page, {"reason": "Called the registrar."}).status_code == 302
    assert state(desk)[1].proven_by == "hand"
    assert "Proven by hand" in text_of(http.get(CASE))
    assert "“Called the registrar.”" in text_of(http.get(CASE))
    with as_system():
        event = AuditEvent.objects.get(code="domain.proven")
    assert (event.actor_id, event.data) == (desk.first.id, {"reason": "Called the registrar."})
