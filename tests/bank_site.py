"""Norden's own sign-in for its customers, on the sandbox; and people on their way through it."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.core.cache import cache

from partners.actions.customer_sign_in import (
    note_customer_sign_in_check,
    save_customer_sign_in,
    switch_customer_sign_in,
)
from partners.customer_sign_in import return_url
from partners.models import CustomerSignIn
from partners.oidc.discovery import look_at
from portal.tenancy.principal import Principal

SYSTEM = Principal.system()
SECRET = "a secret: of the bank’s, with + and %"
ACCOUNTS = [{"ref": "acc-9-1", "mask": "•• 9001", "type": "Current account"}]


class BankSite:
    """One bank's site. What a test does to it is undone by `reset`."""

    def __init__(self, http: httpx.Client, bank_id: str) -> None:
        self.http, self.bank_id = http, bank_id
        self.issuer = f"{str(http.base_url).rstrip('/')}/banks/{bank_id}"

    def reset(self) -> None:
        """Well, with the customers of the world and CUST-9, whom nobody has connected."""
        customers = [
            {"ref": ref, "name": f"Customer {ref}", "accounts": ACCOUNTS} for ref in ("CUST-1", "CUST-9")
        ]
        self.put(
            name="Norden Bank",
            client_id="parley",
            client_secret=SECRET,
            redirect_uris=[return_url("norden"), return_url("harbour")],
            customers=customers,
            claims={},
        )
        self.fails("none")

    def put(self, **fields: Any) -> None:
        """Changes these fields."""
        assert self.http.put(f"/banks/{self.bank_id}", json=fields).is_success

    def fails(self, mode: str, **more: Any) -> None:
        """Puts a fault in force."""
        fault = {"channel": "bank", "sender": self.bank_id, "mode": mode, **more}
        assert self.http.post("/faults", json=fault).is_success

    def sign_in(self, url: str, customer: str) -> str:
        """What a browser does where the portal sent it; the path it comes back to. No customer cancels."""
        page = self.http.get(url)
        assert page.status_code == 200, page.text
        hidden = re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">', page.text)
        typed = {name: unescape(value) for name, value in hidden} | {"customer": customer}
        answer = self.http.post(url, data=typed)
        assert answer.status_code == 303, answer.text
        back = urlsplit(answer.headers["Location"])
        return f"{back.path}?{back.query}"


def set_up(bank: Any, site: BankSite, environment: str = "live", **more: Any) -> CustomerSignIn:
    """By the real actions, checked and turned on. `told` is what the check said, where it cannot be asked."""
    told = more.pop("told", None)
    whose: dict[str, Any] = {"partner_id": bank.partner.id, "environment": environment, "actor": SYSTEM}
    typed = {"issuer": site.issuer, "client_id": "parley", "secret": SECRET, "scopes": "openid"}
    typed |= {"customer_ref_claim": "sub", "accounts_claim": "accounts"} | more
    save_customer_sign_in(**whose, **typed)
    findings, host = told or look_at(typed["issuer"])
    note_customer_sign_in_check(**whose, issuer=typed["issuer"], findings=findings, host=host)
    return switch_customer_sign_in(**whose, is_on=True)


@pytest.fixture
def site(phones: str, settings: Any) -> Iterator[BankSite]:
    """Within reach of a portal that may ask this machine."""
    settings.OUTBOUND_ALLOW_LOOPBACK = True
    cache.clear()  # tries are counted there
    with httpx.Client(base_url=phones, timeout=10) as http:
        found = BankSite(http, "norden")
        found.reset()
        yield found
        found.reset()
