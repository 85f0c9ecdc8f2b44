"""Sets up the simulated platform: a Page for each bank, a phone for each person."""

import secrets
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings

from notifications.channels.messenger.graph import code_of, credentials, error_of
from notifications.channels.messenger.utility import UTILITY_TEMPLATE, registrations
from portal.demo.http import call
from portal.demo.world import Bank

EXISTS = 2388024  # the platform's code for a template that it has


def page_secrets() -> dict[str, str]:
    """What a bank would copy from the platform's developer pages."""
    names = ("access_token", "app_secret", "verify_token")
    return {name: secrets.token_urlsafe(24) for name in names}


def open_page(bank: Bank) -> None:
    """The bank's Page, its webhook and its UTILITY template in each language."""
    page = bank.sender.external_id
    body: dict[str, Any] = {
        **bank.sender_secrets,
        "name": bank.partner.name,
        "webhook_url": _webhook(bank.sender.id),
        "require_proof": True,
        "rate_per_second": 300,
    }
    status, answer = call("PUT", f"{settings.SANDBOX_URL}/pages/{page}", body)
    if status not in (200, 201) or not answer["webhook"]["subscribed"]:
        raise RuntimeError(f"The sandbox did not take the page: {answer}")
    _register_templates(page, bank.sender_secrets)


def _register_templates(page: str, page_secrets: dict[str, str]) -> None:
    for template in registrations():
        status, answer = call("POST", f"{_templates(page)}?{urlencode(credentials(page_secrets))}", template)
        if status != 200 and code_of(error_of(answer) or {}, "error_subcode") != EXISTS:
            raise RuntimeError(f"The sandbox did not take the template: {answer}")


def move_page(page: str, sender_id: UUID, page_secrets: dict[str, str]) -> None:
    """Tells the platform where the portal is now, in templates as well; a Page that it does not know stays unknown."""
    address = f"{settings.SANDBOX_URL}/pages/{page}"
    if call("GET", address)[0] == 404:
        return
    status, answer = call("PUT", address, {"webhook_url": _webhook(sender_id)})
    if status != 200:
        raise RuntimeError(f"The sandbox did not take the page’s new address: {answer}")
    query = urlencode({**credentials(page_secrets), "name": UTILITY_TEMPLATE})
    call("DELETE", f"{_templates(page)}?{query}")  # they cannot be edited
    _register_templates(page, page_secrets)


def _templates(page: str) -> str:
    return f"{settings.SANDBOX_URL}/{settings.MESSENGER_GRAPH_VERSION}/{page}/message_templates"


def _webhook(sender_id: UUID) -> str:
    return f"{settings.BASE_URL}/hooks/messenger/{sender_id}"


def open_phone(bank: Bank, address: str, name: str) -> None:
    """A person who has already spoken with the bank's Page, and linked their account."""
    status, answer = call(
        "PUT",
        f"{settings.SANDBOX_URL}/people/{address}",
        {"page_id": bank.sender.external_id, "name": name, "linked": True},
    )
    if status not in (200, 201):
        raise RuntimeError(f"The sandbox did not take the phone: {answer}")
