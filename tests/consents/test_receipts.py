"""A receipt of each decision: by e-mail, in the chat, and as page, PDF and JSON, also long after."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import transaction
from django.test import Client
from django.utils import timezone

from consents.actions.expire import expire_grants
from consents.actions.reconfirm import reconfirm_grant
from consents.models import ConsentRecord, Customer, Grant, LinkedAccount
from consents.records import Account
from notifications.models import Reply
from portal.demo.world import make_customer
from portal.ids import public_id
from portal.mail.outbox import send_due_mail
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.keys import destroy_keys
from tests.notifications.conftest import Api
from tests.partners.agreements.test_pdf import streams

from .conftest import words

pytestmark = pytest.mark.django_db
SYSTEM = Principal.system()


def mails_after(act: Callable[[], Any]) -> list[Any]:
    """What is sent because of it, and of nothing before."""
    send_due_mail()
    mail.outbox.clear()
    act()
    send_due_mail()
    return list(mail.outbox)


def person(story: Any) -> Principal:
    return Principal(Kind.PERSON, id=story.person.user.pk, person_id=story.person_id)


def page_of(story: Any) -> str:
    return f"/me/grants/{public_id('grt', story.grant.id)}"


def receipt_of(story: Any) -> str:
    return f"{page_of(story)}/receipts/{public_id('rec', story.grant.record_id)}"


@pytest.fixture
def ana(world: Any, signed_in: Callable[[Any], Client]) -> Client:
    return signed_in(world.ana)


def test_allowing_is_receipted_by_mail_in_words_and_without_accounts(world: Any) -> None:
    stories: list[Any] = []
    (sent,) = mails_after(lambda: stories.append(with_harbour(world)))
    assert (sent.to, sent.subject) == (["ana@people.example"], "Your receipt: what Harbour may send you")
    (html,) = (part.content for part in sent.alternatives)
    until = f"{stories[0].grant.expires_at.day} {stories[0].grant.expires_at:%B %Y}"
    for text in (sent.body, html):
        for phrase in ("Balances", "write STOP in the chat", until, receipt_of(stories[0]), "/me/complaints"):
            assert phrase in text
        assert "7730" not in text


def with_harbour(world: Any) -> Any:
    """Ana allows another bank something."""
    accounts = [Account("acc-ana-h", "•• 7730", "Current account")]
    return make_customer(
        world.other, customer_ref="H-1", address="3010", accounts=accounts, clusters=["BALANCES"],
        person=world.ana.person,
    )  # fmt: skip


def test_each_way_of_ending_is_receipted_with_what_stopped_and_when(world: Any, ana: Client) -> None:
    api = Api(world.bank.clients["live"])
    (by_person,) = mails_after(lambda: ana.post(f"{page_of(world.ana)}/disconnect"))
    grant = public_id("grt", world.ben.grant.id)
    (by_bank,) = mails_after(lambda: api.post(f"/grants/{grant}/revoke", {"reason": "account closed"}))
    with time_machine.travel(timezone.now() + timedelta(days=366)):
        (by_clock,) = mails_after(expire_grants)
    found = [(one.to, one.subject) for one in (by_person, by_bank, by_clock)]
    assert found == [
        (["ana@people.example"], "You disconnected Norden Bank"),
        (["ben@people.example"], "Norden Bank ended your connection"),
        (["charlie@people.example"], "Your connection with Harbour came to its end"),
    ]
    with scope(SYSTEM), transaction.atomic():
        ended = Grant.objects.get(pk=world.ana.grant.id).ended_at
    assert f"Since {ended.day} {ended:%B %Y, %H:%M:%S} UTC nothing more begins" in by_person.body
    assert "- Balances" in by_person.body
    assert "account closed" not in by_bank.body
    assert f"{page_of(world.ana)}/receipts/end" in by_person.body


def test_confirming_gives_a_receipt_and_pausing_none(world: Any, ana: Client) -> None:
    assert mails_after(lambda: ana.post(f"{page_of(world.ana)}/pause")) == []
    assert mails_after(lambda: ana.post(f"{page_of(world.ana)}/resume")) == []
    (sent,) = mails_after(lambda: ana.post(f"{page_of(world.ana)}/reconfirm"))
    with scope(SYSTEM), transaction.atomic():
        latest = Grant.objects.get(pk=world.ana.grant.id).record_id
    assert public_id("rec", latest) in sent.body
    page = words(ana.get(f"{page_of(world.ana)}/receipts/{public_id('rec', latest)}"))
    assert "You confirmed or changed what Norden Bank may send you" in page


def test_the_chat_is_told_where_the_messenger_lets_us(world: Any) -> None:
    def replies() -> int:
        with scope(SYSTEM), transaction.atomic():
            return Reply.objects.count()

    before = replies()
    reconfirm_grant(grant_id=world.ana.grant.id, actor=person(world.ana))
    assert replies() == before + 1
    with scope(SYSTEM), transaction.atomic():
        long_ago = timezone.now() - timedelta(days=2)
        LinkedAccount.objects.filter(pk=world.ana.grant.account_id).update(last_inbound_at=long_ago)
    reconfirm_grant(grant_id=world.ana.grant.id, actor=person(world.ana))
    assert replies() == before + 1


def test_nobody_is_written_to_about_test_customers(world: Any, phones: str) -> None:
    sandbox = Api(world.bank.clients["sandbox"])
    account = {"ref": "acc-test", "mask": "•• 0001", "type": "Current account"}
    body = {"customer_ref": "TEST-1", "clusters": ["BALANCES"], "accounts": [account]}
    sent = mails_after(lambda: sandbox.post("/sandbox/customers", body))
    with scope(SYSTEM), transaction.atomic():
        assert Grant.objects.filter(environment="sandbox").count() == 1
    assert sent == []


def test_the_page_shows_everything_that_was_decided(world: Any, ana: Client) -> None:
    page = words(ana.get(receipt_of(world.ana)))
    for phrase in (
        "You allowed Norden Bank to send you messages",
        "Current account •• 4821",
        "Fraud alerts: Payments that look wrong",
        "Nobody. Messenger carries the messages.",
        "90 days, by the bank’s agreement",
        "AGR-NORDEN v1",
        "What you were shown Norden Bank asks to write to you",
        public_id("rcp", world.ana.grant.record_id),
        receipt_of(world.ana),
    ):
        assert phrase in page
    assert receipt_of(world.ana) in ana.get(page_of(world.ana)).content.decode()


def test_the_json_has_the_fields_of_the_standard(world: Any, ana: Client) -> None:
    found = json.loads(ana.get(f"{receipt_of(world.ana)}/json").content)
    with scope(SYSTEM), transaction.atomic():
        record = ConsentRecord.objects.get(pk=world.ana.grant.record_id)
        pairwise = Customer.objects.get(person_id=world.ana.person_id).pairwise_id
    assert found["schema_version"] == "27560:2023"
    assert found["record_id"] == public_id("rec", record.id)
    assert found["pii_principal_id"] == str(pairwise)
    assert found["event"]["event_state"] == "ConsentGiven"
    processing = {one["pii_information"][0]["pii_type"]: one for one in found["pii_processing"]}
    assert set(processing) == {"BALANCES", "FRAUD_ALERTS", "RECEIPTS"}
    alerts = processing["FRAUD_ALERTS"]
    assert (alerts["purpose"], alerts["recipient_third_parties"]) == ("FRAUD_PREVENTION", ["messenger"])
    assert alerts["retention_period"] == f"P{record.retention_days}D"
    assert alerts["jurisdictions"] == [record.jurisdiction]
    ours = found["parley"]
    assert hashlib.sha256(ours["disclosure"].encode()).hexdigest() == ours["disclosure_sha256"]
    assert ours["accounts"] == [{"mask": "•• 4821", "type": "Current account"}]


def test_the_pdf_is_the_same_each_time_and_holds_the_json(world: Any, ana: Client) -> None:
    first, again = (ana.get(f"{receipt_of(world.ana)}/pdf") for _ in range(2))
    assert first["Content-Type"] == "application/pdf"
    assert first.content == again.content
    attached = next(one for one in streams(first.content) if one.startswith(b"{"))
    assert json.loads(attached) == json.loads(ana.get(f"{receipt_of(world.ana)}/json").content)


def test_an_old_bookmark_still_opens_after_the_end_and_after_erasure(world: Any, ana: Client) -> None:
    assert ana.get(f"{page_of(world.ana)}/receipts/end").status_code == 404
    ana.post(f"{page_of(world.ana)}/disconnect")
    assert "You allowed Norden Bank" in words(ana.get(receipt_of(world.ana)))
    end = words(ana.get(f"{page_of(world.ana)}/receipts/end"))
    assert "You disconnected Norden Bank" in end
    assert "What stopped Balances Fraud alerts Receipts" in end
    assert "/me/complaints" in end
    state = json.loads(ana.get(f"{page_of(world.ana)}/receipts/end/json").content)["event"]["event_state"]
    assert state == "ConsentWithdrawn"
    with scope(SYSTEM), transaction.atomic():
        destroy_keys(partner_id=world.bank.partner.id, person_id=world.ana.person_id)
    erased = words(ana.get(receipt_of(world.ana)))
    assert "Accounts Erased" in erased
    assert "4821" not in erased
    assert ana.get(f"{receipt_of(world.ana)}/pdf").status_code == 200


def test_a_receipt_is_its_persons_alone(world: Any, signed_in: Callable[[Any], Client]) -> None:
    for story in (world.ben, world.charlie):
        http = signed_in(story)
        for ending in ("", "/pdf", "/json"):
            assert http.get(receipt_of(world.ana) + ending).status_code == 404
    mixed = receipt_of(world.ben).partition("/receipts/")[2]
    assert signed_in(world.ana).get(f"{page_of(world.ana)}/receipts/{mixed}").status_code == 404
