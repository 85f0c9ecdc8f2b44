"""`python -m tests.faults.world '{"slug": 12, …}'`: banks with so many customers each, in a running demo.

Runs with the demo's own environment, makes everything by the real actions, and prints it as JSON.
"""

import json
import sys
from typing import Any

import django
from django.db import transaction

PASSWORD = "faults-only-pass-phrase"
CLUSTERS = ["BALANCES", "FRAUD_ALERTS"]


def main(wanted: dict[str, int]) -> dict[str, Any]:
    """By slug, what a test needs of each bank."""
    from portal.demo.world import make_staff

    staff = make_staff("faults.example", PASSWORD)
    return {slug: _bank(staff, place, slug, count) for place, (slug, count) in enumerate(wanted.items())}


def _bank(staff: Any, place: int, slug: str, count: int) -> dict[str, Any]:
    from portal.demo.platform import open_page, page_secrets
    from portal.demo.world import make_bank

    page = str(7000 + place)
    bank = make_bank(
        name=f"Bank {slug}",
        slug=slug,
        staff=staff,
        password=PASSWORD,
        page=page,
        secrets=page_secrets(),
        rate_per_second=300,
    )
    open_page(bank)
    for number in range(count):
        _customer(bank, page, number)
    live = bank.clients["live"]
    return {
        "page": page,
        "sender_id": str(bank.sender.id),
        "app_secret": bank.sender_secrets["app_secret"],
        "client_id": live.client_id,
        "client_secret": live.client_secret,
        "customers": [
            {"ref": one.customer_ref, "address": one.address, "grant_id": one.grant.id.hex}
            for one in bank.customers
        ],
    }


def _customer(bank: Any, page: str, number: int) -> None:
    from consents.records import Account
    from portal.demo.platform import open_phone
    from portal.demo.world import make_customer, make_person

    address = f"{page}{number:03}"
    person = make_person(f"{address}@people.example", f"Person {number}", PASSWORD)
    _keep_receipts_from_chat(person.user)
    open_phone(bank, address, f"Person {number}")
    make_customer(
        bank,
        customer_ref=f"CUST-{number}",
        address=address,
        accounts=[Account("acc-1", "•• 4821", "Current account")],
        clusters=CLUSTERS,
        person=person,
    )


def _keep_receipts_from_chat(user: Any) -> None:
    """What the tests count is notifications."""
    from consents.access import person_principal
    from consents.actions.discreet import set_discreet

    with transaction.atomic():
        actor = person_principal(user)
    set_discreet(is_discreet=True, actor=actor)


if __name__ == "__main__":
    django.setup()
    print(json.dumps(main(json.loads(sys.argv[1]))))
