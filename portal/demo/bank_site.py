"""Norden's own sign-in for customers, on the sandbox: somebody new can begin there."""

import secrets
from typing import Any

from django.conf import settings
from django.db import transaction

from consents.records import Account
from partners.actions.customer_sign_in import (
    note_customer_sign_in_check,
    save_customer_sign_in,
    switch_customer_sign_in,
)
from partners.customer_sign_in import return_url
from partners.models import CustomerSignIn
from partners.oidc.discovery import look_at
from portal.demo.http import call
from portal.demo.world import Bank, as_json
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

CLIENT = "parley"
SYSTEM = Principal.system()


def accounts_of(digits: str) -> list[Account]:
    """The two accounts of somebody in the story."""
    return [
        Account(f"acc-{digits}-1", f"•• {digits}", "Current account"),
        Account(f"acc-{digits}-2", f"•• {digits[::-1]}", "Credit card"),
    ]


def open_bank_site(bank: Bank, customers: list[tuple[str, str, str]]) -> None:
    """The bank's site knows these customers (reference, name, digits), and its sign-in is set up and on."""
    secret = secrets.token_urlsafe(24)
    known = [
        {"ref": ref, "name": name, "accounts": as_json(accounts_of(digits))}
        for ref, name, digits in customers
    ]
    slug = bank.partner.slug
    _tell(slug, {"name": bank.partner.name, "client_id": CLIENT, "client_secret": secret, "customers": known})
    _set_up(CustomerSignIn(partner=bank.partner, environment="live"), slug, secret)


def move_bank_sites() -> None:
    """The portal or the sandbox has other ports than before; a bank that the sandbox does not know stays so."""
    with scope(SYSTEM), transaction.atomic():
        found = list(CustomerSignIn.objects.select_related("partner"))
    for sign_in in found:
        if call("GET", _site(sign_in.partner.slug))[0] == 200:
            _set_up(sign_in, sign_in.partner.slug, "")


def _set_up(sign_in: CustomerSignIn, slug: str, secret: str) -> None:
    _tell(slug, {"redirect_uris": [return_url(slug)]})
    issuer = _site(slug)
    whose: dict[str, Any] = {"partner_id": sign_in.partner.id, "environment": sign_in.environment}
    save_customer_sign_in(
        **whose,
        issuer=issuer,
        client_id=CLIENT,
        secret=secret,
        scopes="openid",
        customer_ref_claim="sub",
        accounts_claim="accounts",
        actor=SYSTEM,
    )
    findings, host = look_at(issuer)
    note_customer_sign_in_check(**whose, issuer=issuer, findings=findings, host=host, actor=SYSTEM)
    switch_customer_sign_in(**whose, is_on=True, actor=SYSTEM)


def _tell(slug: str, body: dict[str, Any]) -> None:
    status, answer = call("PUT", _site(slug), body)
    if status not in (200, 201):
        raise RuntimeError(f"The sandbox did not take the bank’s site: {answer}")


def _site(slug: str) -> str:
    return f"{settings.SANDBOX_URL}/banks/{slug}"
