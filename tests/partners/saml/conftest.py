"""Norden's own SAML provider, running; and people on their way through it."""

import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.core.cache import cache
from django.test import Client

from partners.actions.sso import change_sign_on_mode, link_to_bank, note_sign_on_check, save_saml_sign_on
from partners.models import SignOn
from partners.saml.certificates import check_certificates
from partners.saml.described import read_metadata
from partners.sso.provider import Identity
from tests.partners.sso.conftest import SYSTEM, begin, started, subject_of

_http = httpx.Client()


class Running:
    """The provider, as the tests see it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.entity_id = f"{self.url}/metadata"

    def control(self, **faults: Any) -> None:
        """Faults for the sign-ins that follow."""
        assert _http.post(f"{self.url}/control", json=faults).status_code == 200

    def metadata(self) -> str:
        """Its own description."""
        return _http.get(self.entity_id).text

    def certificates(self) -> dict[str, str]:
        """By the name of their key, in base64."""
        return _http.get(f"{self.url}/certificates").json()

    def ask(self, url: str) -> httpx.Response:
        """What a browser sees where the portal sent it."""
        return _http.get(url)

    def sign_in(self, url: str, email: str) -> tuple[str, dict[str, str]]:
        """What a browser does at the address that the portal sent it to; the path it posts to, and what."""
        asked = hidden(self.ask(url).text)
        page = _http.post(url, data=asked | {"email": email}).text
        action = re.search(r'action="([^"]+)"', page)
        assert action is not None
        return urlsplit(html.unescape(action[1])).path, hidden(page)


def hidden(page: str) -> dict[str, str]:
    """The fields of a form that nobody types."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page)
    return {name: html.unescape(value) for name, value in found}


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    with started(Path(__file__).with_name("provider.py")) as port:
        yield Running(port)


@pytest.fixture
def idp(running: Running, settings: Any) -> Running:
    """Calm, and an address that may be named."""
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    cache.clear()  # allauth counts the tries of an address there
    running.control()
    return running


@pytest.fixture
def set_up(idp: Running) -> Callable[..., SignOn]:
    """Makes a bank's sign-on, by the real actions."""

    def set_up(bank: Any, mode: str = "on", **more: Any) -> SignOn:
        issuer, sso_url, certificates = read_metadata(idp.metadata())
        given = {
            "issuer": issuer,
            "sso_url": sso_url,
            "certificates": certificates,
            "trusts_second_step": False,
        }
        given |= {"second_step_acr": "", "domains": [bank.partner.domain]} | more
        partner_id = bank.partner.id
        found = save_saml_sign_on(partner_id=partner_id, actor=SYSTEM, **given)
        findings = check_certificates(found.certificates)
        note_sign_on_check(partner_id=partner_id, issuer=given["issuer"], findings=findings, actor=SYSTEM)
        breaker = bank.members[0].user.pk if mode == "required" else None
        return change_sign_on_mode(partner_id=partner_id, mode=mode, break_glass=breaker, actor=SYSTEM)

    return set_up


def post(path: str, fields: dict[str, str]) -> Any:
    """As a browser posts from another site: without the session's cookie, nor a token of ours."""
    return Client(enforce_csrf_checks=True).post(path, fields)


def through(http: Client, bank: Any, idp: Running, email: str, query: str = "") -> Any:
    """The answer to coming back from the bank."""
    answer = post(*idp.sign_in(begin(http, bank, query), email))
    return http.get(answer.headers["Location"]) if answer.status_code == 303 else answer


def link(bank: Any, idp: Running, user: Any, email: str = "") -> None:
    """As if the member had confirmed it on the page."""
    email = email or user.email
    identity = Identity(str(bank.partner.id), idp.entity_id, subject_of(email), email, "", False, 0, "saml")
    link_to_bank(identity=identity, user=user)
