"""The demo's small story: two banks, four people (one of them without a bank), their first messages sent for real."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from partners.access import member_principal
from partners.actions.agreements import offer_agreement, terms_of
from partners.actions.partners import register_partner
from partners.actions.review import recommend_bank
from partners.actions.senders import open_secrets
from partners.agreement_caps import agreement_in_force
from partners.models import Sender
from portal.accounts.actions import create_user_with_totp
from portal.demo.bank_site import accounts_of, move_bank_sites, open_bank_site
from portal.demo.http import call, fetch_token
from portal.demo.platform import move_page, open_page, open_phone, page_secrets
from portal.demo.verification import submit_bank
from portal.demo.world import Bank, SignIn, Staff, as_json, make_bank, make_customer, make_person, make_staff
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

PASSWORD = "demo-only-pass-phrase"  # noqa: S105
BANKS = (
    ("Norden Bank", "norden", "1001", ["BALANCES", "TRANSACTIONS", "RECEIPTS", "SHIPMENTS", "FRAUD_ALERTS", "ACCOUNT_SERVICING"]),
    ("Harbour Credit Union", "harbour", "1002", ["BALANCES", "FRAUD_ALERTS", "ACCOUNT_SERVICING"]),
)  # fmt: skip
PEOPLE = (
    ("ana@people.example", "Ana Duarte", "norden", "2001", "CUST-1001", "4821", ["BALANCES", "FRAUD_ALERTS", "RECEIPTS", "SHIPMENTS"]),
    ("ben@people.example", "Ben Okafor", "norden", "2002", "CUST-1002", "7730", ["BALANCES", "TRANSACTIONS", "FRAUD_ALERTS"]),
    ("ana@people.example", "Ana Duarte", "harbour", "3001", "H-55012", "0917", ["BALANCES", "FRAUD_ALERTS"]),
    ("mei@people.example", "Mei Tanaka", "harbour", "3002", "H-55044", "6604", ["BALANCES", "ACCOUNT_SERVICING"]),
)  # fmt: skip
NEWCOMER = (
    "carla@people.example",
    "Carla Nieto",
    "CUST-1003",
    "5512",
)  # a customer of Norden's, not connected


def tell_story() -> Path:
    """Makes everything and writes `demo.json`; returns its path. What is already there is left as it is, but for
    addresses that have moved.
    """
    path = Path(os.environ.get("DEMO_DIR", "var/demo")) / "demo.json"
    if path.exists():
        _follow_ports(path)
        return path
    staff = make_staff("parley.example", PASSWORD)
    banks = [_bank(staff, *row) for row in BANKS]
    people = _customers({bank.partner.slug: bank for bank in banks})
    people[NEWCOMER[0]] = make_person(*NEWCOMER[:2], PASSWORD)
    open_bank_site(banks[0], _customers_of(banks[0].partner.slug))
    _first_messages(banks)
    _offer_more(banks[1], staff)
    _bank_in_review(staff)
    _write(path, _as_json(staff, banks, list(people.values())))
    return path


def _write(path: Path, found: dict[str, Any]) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(found, indent=2) + "\n")
    temporary.chmod(0o600)
    temporary.rename(path)


def _follow_ports(path: Path) -> None:
    """The demo was started on other ports: the platform has to call us there, and so has whoever reads the file."""
    found = json.loads(path.read_text())
    moved = found | {"base_url": settings.BASE_URL, "sandbox_url": settings.SANDBOX_URL}
    if moved == found:
        return
    with scope(Principal.system()), transaction.atomic():
        senders = [(one, open_secrets(one)) for one in Sender.objects.all()]
    for sender, known in senders:
        if known is not None:
            move_page(sender.external_id, sender.id, known)
    move_bank_sites()
    _write(path, moved)


def _bank(staff: Staff, name: str, slug: str, page: str, clusters: list[str]) -> Bank:
    bank = make_bank(
        name=name,
        slug=slug,
        staff=staff,
        password=PASSWORD,
        page=page,
        secrets=page_secrets(),
        clusters=clusters,
    )
    open_page(bank)
    return bank


def _customers(banks: dict[str, Bank]) -> dict[str, SignIn]:
    people: dict[str, SignIn] = {}
    for email, name, slug, address, reference, digits, clusters in PEOPLE:
        person = people.get(email) or make_person(email, name, PASSWORD)
        people[email] = person
        open_phone(banks[slug], address, name)
        make_customer(
            banks[slug],
            customer_ref=reference,
            address=address,
            accounts=accounts_of(digits),
            clusters=clusters,
            person=person,
        )
    return people


def _customers_of(slug: str) -> list[tuple[str, str, str]]:
    """Whom the bank's own site knows: reference, name, digits."""
    _, name, reference, digits = NEWCOMER
    known = [(ref, who, number) for _, who, bank, _, ref, number, _ in PEOPLE if bank == slug]
    return [*known, (reference, name, digits)]


def balance(account: str, amount: str) -> dict[str, Any]:
    """Typed data of the cluster BALANCES, as of now."""
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"account": account, "available": {"value": amount, "currency": "USD"}, "as_of": now}


def _first_messages(banks: list[Bank]) -> None:
    for bank in banks:
        live = bank.clients["live"]
        token = fetch_token(settings.BASE_URL, live.client_id, live.client_secret)
        for place, customer in enumerate(bank.customers):
            body = {
                "customer_ref": customer.customer_ref,
                "template": "balance_update",
                "data": balance(customer.accounts[0].ref, f"{1234 + 411 * place}.50"),
            }
            status, answer = call(
                "POST",
                f"{settings.BASE_URL}/api/v1/notifications",
                body,
                {"Authorization": f"Bearer {token}"},
            )
            if status != 202:
                raise RuntimeError(f"The first message was refused: {answer}")


def _offer_more(bank: Bank, staff: Staff) -> None:
    """An amendment for the bank to compare, counter or sign, which its people would be asked about."""
    with scope(Principal.system()), transaction.atomic():
        current = agreement_in_force(bank.partner.id)
    if current is None:
        raise RuntimeError("The bank has no agreement to amend.")
    terms = replace(terms_of(current), clusters=[*current.clusters, "RECEIPTS"], notice_days=60)
    comments = {"2.1": "You asked for receipts.", "5.1": "Two months, as with other banks."}
    offer_agreement(partner_id=bank.partner.id, terms=terms, comments=comments, actor=staff.reviewer)


def _bank_in_review(staff: Staff) -> None:
    """A third bank has handed in its verification, and one colleague recommends it: it waits for a second look."""
    owner, _ = create_user_with_totp(email="owner@lakeside.example", password=PASSWORD, name="Lena Lake")
    name, slug = "Lakeside Savings", "lakeside"
    partner = register_partner(name=name, slug=slug, owner=owner, domain="lakeside.example")
    with transaction.atomic():
        acting, _ = member_principal(owner, slug)
    submit_bank(partner, acting, staff.reviewer)
    words = "The extract names two more managers than the portal’s team has; they need not be in it."
    recommend_bank(partner_id=partner.id, actor=staff.reviewer, words=words)


def _as_json(staff: Staff, banks: list[Bank], people: list[SignIn]) -> dict[str, Any]:
    return {
        "base_url": settings.BASE_URL,
        "sandbox_url": settings.SANDBOX_URL,
        "staff": [_sign_in(one) for one in (staff.first, staff.second)],
        "partners": [_partner(bank) for bank in banks],
        "people": [{"email": one.email, "password": one.password} for one in people],
    }


def _sign_in(one: SignIn) -> dict[str, str]:
    return {"email": one.email, "password": one.password, "totp_secret": one.totp_secret}


def _partner(bank: Bank) -> dict[str, Any]:
    return {
        "id": public_id("ptn", bank.partner.id),
        "name": bank.partner.name,
        "slug": bank.partner.slug,
        "members": [{**_sign_in(one), "role": one.role} for one in bank.members],
        "clients": [
            {
                "environment": client.environment,
                "client_id": client.client_id,
                "client_secret": client.client_secret,
                "scopes": client.scopes,
            }
            for client in bank.clients.values()
        ],
        "customers": [
            {
                "customer_ref": one.customer_ref,
                "person_email": one.person.email,
                "grant_id": public_id("grt", one.grant.id),
                "clusters": one.clusters,
                "accounts": as_json(one.accounts),
                "channel": "messenger",
                "address": one.address,
            }
            for one in bank.customers
        ],
    }
