"""A bank's question and a person's answer, over HTTP."""

import html
import re
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.test import Client

from consents.actions.link import link_account
from consents.models import ConsentRecord, Grant, GrantRequest, Person
from consents.records import disclosure_place
from portal.audit.models import AuditEvent
from portal.demo.world import SignIn, make_person
from portal.ids import parse_public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import open_sealed
from portal.vault.keys import data_key_for
from tests.conftest import PASSWORD

SYSTEM = Principal.system()
BODY: dict[str, Any] = {
    "customer_ref": "CUST-77",
    "clusters": ["BALANCES", "FRAUD_ALERTS", "RECEIPTS"],
    "accounts": [
        {"ref": "acc-77-1", "mask": "•• 4821", "type": "Current account"},
        {"ref": "acc-77-2", "mask": "•• 1284", "type": "Credit card"},
    ],
    "duration_days": 180,
    "redirect_uri": "https://www.norden.example/back?from=parley",
    "state": "s 1/ä",
}
# Rules 1 to 11 of what consent has to be, by the words that keep them on whatever page asks for it. The first is a page's
# own; the eighth is about banks that were stopped: they get no page.
RULES = {
    "2: who asks": ["Norden Bank asks. Its full name is Norden Bank plc, its domain norden.example."],
    "2: which service": ["Parley, the service you are looking at, carries the messages to your chat."],
    "2: which kinds, down to their fields": [
        "Balances",
        "How much money is in your accounts, so that you know where you stand.",
        "It holds: which account, by its last digits; the money you can spend; the balance that is booked;",
    ],
    "2: which accounts, none of the future": ["Accounts you open later are not included."],
    "2: only as reasonably necessary": [
        "use your data only as reasonably necessary to send you the messages that you choose here."
    ],
    "2: who vouches for the bank": [
        "Parley has verified that this domain is the bank’s, and its licence: Office of the Comptroller",
        "Norden Bank has signed that it keeps to this: agreement AGR-NORDEN.",
    ],
    "3, 7 and 11: how to stop, by two ways, free, where it is found": [
        "At any time, at once and free, in either of two ways:",
        "On your page Connected banks: open Norden Bank and disconnect it.",
        "In the chat: write STOP.",
    ],
    "4: asked again every 90 days": ["Every 90 days we ask by one tap whether you still want this."],
    "5: warned before the end": ["We tell you 30 and 7 days before it ends. It can then be renewed"],
    "6: nothing beyond what is chosen": ["sends what you choose, and only that."],
    "9: no advertising, no sale": ["Never for advertising, and it is never sold."],
    "10: what is kept": ["What you decided here is kept as proof for you"],
    "2: nobody else sees it": ["Nobody. The messenger that you choose delivers it."],
    "3: where to complain": ["Complain to Norden Bank, or to Parley on your page Complaints"],
}


def broken_rules(words: str, own: dict[str, list[str]]) -> list[str]:
    """What a page does not say of all that the rules ask for, and of its `own`, each with its rule."""
    asked_for = [*RULES.items(), *own.items()]
    return [f"{rule}: {one}" for rule, told in asked_for for one in told if one not in words]


class Asked:
    """A question that somebody answers in their browser."""

    def __init__(self, api: Any, who: SignIn, **changed: Any) -> None:
        self.api, self.http = api, signed_in(who)
        answer = api.post("/grant-requests", {**BODY, **changed})
        assert answer.status_code == 201, answer.content
        self.id = answer.json()["id"]
        self.path = f"/authorize/{self.id}"

    @property
    def row(self) -> GrantRequest:
        with scope(SYSTEM), transaction.atomic():
            return GrantRequest.objects.get(pk=parse_public_id("req", self.id))

    def open(self) -> Any:
        return self.http.get(self.path)

    def answer(self, answer: str = "allow", page: Any = None, **chosen: Any) -> Any:
        """Fills in the page as it was shown, and presses a button."""
        page = page or self.open()
        form = {"seen": value_of(page, "seen"), "chat": value_of(page, "chat")}
        form |= {"kinds": ["BALANCES"], "accounts": ["acc-77-1"], "period": "90", **chosen}
        return self.http.post(self.path, {"answer": answer, **form})

    @property
    def state(self) -> dict[str, Any]:
        """What the bank is told."""
        return self.api.get(f"/grant-requests/{self.id}").json()


def signed_in(who: SignIn) -> Client:
    http = Client()
    http.force_login(who.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return http


def newcomer(world: Any, name: str = "zoe", address: str | None = "2077") -> SimpleNamespace:
    """Somebody who is no bank's customer yet; with `address`, their chat with Norden is linked."""
    person = make_person(f"{name}@people.example", name.title(), PASSWORD)
    with scope(SYSTEM), transaction.atomic():
        row = Person.objects.create(user=person.user)
    if address:
        link_account(sender=world.bank.sender, person_id=row.id, address=address, actor=SYSTEM)
    return SimpleNamespace(person=person, person_id=row.id)


def value_of(page: Any, name: str) -> str:
    """Of a hidden field; "" without one."""
    found = re.search(rf'type="hidden" name="{name}" value="([^"]*)"', page.content.decode())
    return found[1] if found else ""


def inputs(page: Any, name: str) -> dict[str, bool]:
    """Values that can be chosen, and whether they are."""
    found = re.findall(
        rf'<input type="(?:checkbox|radio)"[^>]* name="{name}" value="([^"]*)"( checked)?>',
        page.content.decode(),
    )
    return {html.unescape(value): bool(checked) for value, checked in found}


def said(page: Any) -> str:
    """What the page says, without its tags."""
    main = page.content.decode().partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def grants_of(person_id: UUID) -> list[Grant]:
    with scope(SYSTEM), transaction.atomic():
        return list(Grant.objects.filter(person_id=person_id).order_by("id"))


def kept(grant: Grant) -> tuple[ConsentRecord, str]:
    """The record of a grant, and what it says was shown."""
    with scope(SYSTEM), transaction.atomic():
        record = ConsentRecord.objects.get(pk=grant.record_id)
        key = data_key_for(grant.partner_id, grant.person_id)
    return record, open_sealed(key, record.disclosure, aad=disclosure_place(record.id)).decode()


def refusals(asked: Asked) -> list[str]:
    """The reasons in the trail, oldest first."""
    with scope(SYSTEM), transaction.atomic():
        rows = AuditEvent.objects.filter(code="grant_request.refused", target_id=asked.row.id)
        return [event.data["reason"] for event in rows.order_by("id")]


def days_between(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() / 86_400
