"""Norden's own identity provider, running; and people on their way through it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from django.core.cache import cache
from django.test import Client

from partners.actions.sso import change_sign_on_mode, link_to_bank, note_sign_on_check, save_sign_on
from partners.models import SignOn
from partners.oidc.discovery import check_provider
from partners.sso.provider import Identity
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

from .provider import CLIENT, SECRET

SYSTEM = Principal.system()
PAGE = "/partners/norden/sign-on"
_http = httpx.Client()


class Running:
    """The provider, as the tests see it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def control(self, **faults: Any) -> None:
        """Faults for the sign-ins that follow."""
        assert _http.post(f"{self.url}/control", json=faults).status_code == 200

    def sign_in(self, url: str, email: str) -> str:
        """What a browser does at the address that the portal sent it to; the path it comes back to."""
        assert _http.get(url).status_code == 200
        asked = dict(parse_qsl(urlsplit(url).query))
        answer = _http.post(f"{self.url}/authorize", data=asked | {"email": email})
        back = urlsplit(answer.headers["Location"])
        return f"{back.path}?{back.query}"


@contextmanager
def started(script: Path) -> Iterator[int]:
    """A provider in a process of its own; its port."""
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    with started(Path(__file__).with_name("provider.py")) as port:
        yield Running(port)


@pytest.fixture
def provider(running: Running, settings: Any) -> Running:
    """Calm, and within reach of a portal that may ask this machine."""
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    cache.clear()  # allauth counts the tries of an address there
    running.control()
    return running


@pytest.fixture
def set_up(provider: Running) -> Callable[..., SignOn]:
    """Makes a bank's sign-on, by the real actions."""

    def set_up(bank: Any, mode: str = "on", **more: Any) -> SignOn:
        given = {"issuer": provider.url, "client_id": CLIENT, "secret": SECRET, "trusts_second_step": False}
        given |= {"second_step_acr": "", "domains": [bank.partner.domain]} | more
        partner_id = bank.partner.id
        save_sign_on(partner_id=partner_id, actor=SYSTEM, **given)
        findings = check_provider(provider.url)
        note_sign_on_check(partner_id=partner_id, issuer=provider.url, findings=findings, actor=SYSTEM)
        breaker = bank.members[0].user.pk if mode == "required" else None
        return change_sign_on_mode(partner_id=partner_id, mode=mode, break_glass=breaker, actor=SYSTEM)

    return set_up


def begin(http: Client, bank: Any, query: str = "") -> str:
    """Where the portal sends whoever begins."""
    answer = http.get(f"/accounts/bank/{bank.partner.id}/{query}")
    assert answer.status_code == 302, answer.content
    return answer.headers["Location"]


def through(http: Client, bank: Any, provider: Running, email: str, query: str = "") -> Any:
    """The answer to coming back from the bank."""
    return http.get(provider.sign_in(begin(http, bank, query), email))


def link(bank: Any, provider: Running, user: Any, email: str = "") -> None:
    """As if the member had confirmed it on the page."""
    subject = subject_of(email or user.email)
    identity = Identity(str(bank.partner.id), provider.url, subject, email or user.email, "", False, 0)
    link_to_bank(identity=identity, user=user)


def subject_of(email: str) -> str:
    """The provider's own name for whoever types this address."""
    import hashlib

    return hashlib.sha256(email.encode()).hexdigest()[:20]


def trail(code: str) -> list[Any]:
    """The events of a kind, oldest first."""
    from django.db import transaction

    from portal.audit.models import AuditEvent

    with scope(SYSTEM), transaction.atomic():
        return list(AuditEvent.objects.filter(code=code).order_by("id"))
