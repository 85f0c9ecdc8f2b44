"""Taking everything along, erasing the account, discreet mode."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from consents.actions.erase import erase_person
from consents.actions.warn import Reminder, warn
from consents.models import Customer, Erasure, Grant, GrantRequest, LinkedAccount, Person
from notifications.actions.inbound import store_inbound
from notifications.models import Delivery, InboundEvent, QuietHours, Reply
from partners.actions.webhooks import add_endpoint
from partners.models import WebhookDelivery, WebhookMessage
from partners.refusals import Refused
from partners.webhooks.reading import bodies_of
from portal.accounts.models import User
from portal.api.times import rfc3339
from portal.audit.models import AuditEvent
from portal.ids import parse_public_id, public_id
from portal.mail.outbox import send_due_mail
from portal.tasks import clean_up
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.models import DataKey
from tests.conftest import PASSWORD
from tests.notifications.conftest import Api, process_inbound

from .asking import BODY
from .conftest import local, words

pytestmark = pytest.mark.django_db
SYSTEM = Principal.system()
QUIET = {"starts": "22:00", "ends": "07:00", "time_zone": "Europe/Madrid", "clusters": ["BALANCES"]}
ANOTHER_DAY = timedelta(days=31)


@pytest.fixture
def ana(world: Any, signed_in: Callable[[Any], Client]) -> Client:
    """Has just shown that it is she."""
    return proven(signed_in(world.ana))


def proven(http: Client) -> Client:
    assert http.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302
    return http


def taken_along(http: Client) -> tuple[Any, str]:
    """What is in the file: for machines, and to read."""
    answer = http.post("/me/privacy/export")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as whole:
        return json.loads(whole.read("parley.json")), whole.read("parley.html").decode()


def erase(http: Client, word: str = "erase") -> Any:
    return http.post("/me/privacy/erase", {"word": word})


def rows(model: Any, **found: Any) -> list[Any]:
    with scope(SYSTEM), transaction.atomic():
        return list(model.objects.filter(**found).order_by("pk"))


def test_everything_about_a_person_is_in_the_file_and_nothing_of_others(world: Any, ana: Client) -> None:
    api = Api(world.bank.clients["live"])
    for action in ("pause", "resume"):
        ana.post(f"/me/grants/{public_id('grt', world.ana.grant.id)}/{action}")
    (resumed,) = rows(Grant, pk=world.ana.grant.id)
    assert api.send().status_code == 202

    ana.post("/me/complaints/new", {"about": "us", "text": "The mail came late."})
    assert ana.post("/me/settings", QUIET).status_code == 302
    found, readable = taken_along(ana)
    quiet = {"from": "22:00", "to": "07:00", "time_zone": "Europe/Madrid", "kinds": ["BALANCES"]}
    assert found["settings"] == {"is_discreet": False, "quiet_hours": quiet}
    assert found["person"]["email"] == "ana@people.example"
    (bank,), (chat,), (grant,), (complaint,) = (
        found[name] for name in ("banks", "linked_accounts", "connections", "complaints")
    )
    assert (bank["bank"], bank["customer_ref"]) == ("Norden Bank", "CUST-1")
    assert (chat["channel"], chat["address"]) == ("messenger", "2001")
    assert (grant["paused_at"], grant["resumed_at"]) == (None, rfc3339(resumed.resumed_at))
    assert grant["receipts"][0]["parley"]["accounts"] == [{"mask": "•• 4821", "type": "Current account"}]
    assert grant["receipts"][0]["parley"]["disclosure"].startswith("Norden Bank asks to write to you")
    (message,) = grant["messages"]
    assert message["text"].startswith("Your account •• 4821 has $1,234.50 available")
    assert message["record_id"] == public_id("rec", world.ana.grant.record_id)
    assert complaint["turns"][0]["text"] == "The mail came late."
    done = [event["what"] for event in found["trail"]]
    assert {"account.linked", "consent.given", "complaint.lodged", "person_data.exported"} <= set(done)
    for text in ("1,234.50", "CUST-1", "2001", "The mail came late.", "ana@people.example", "Fraud alerts"):
        assert text in readable
    for others in ("ben@", "CUST-2", "2002", "charlie@", "Harbour", str(world.ben.person_id)):
        assert others not in readable + json.dumps(found)


def test_a_person_with_no_bank_gets_a_file_too(signed_in: Callable[[Any], Client], world: Any) -> None:
    from types import SimpleNamespace

    from portal.accounts.actions import create_person_user

    dora = create_person_user(email="dora@people.example", password=PASSWORD, name="Dora")
    http = proven(signed_in(SimpleNamespace(person=SimpleNamespace(user=dora))))
    found, readable = taken_along(http)
    assert found["connections"] == found["banks"] == []
    assert "Dora" in readable


def test_a_third_file_within_the_hour_is_not_gathered(ana: Client) -> None:
    for _ in range(2):
        taken_along(ana)
    third = ana.post("/me/privacy/export", follow=True)
    assert third.redirect_chain == [("/me/privacy", 302)]
    assert "You have taken your data along twice within an hour. Try again in an hour." in words(third)
    assert len(rows(AuditEvent, code="person_data.exported")) == 2


@pytest.mark.parametrize("path", ["/me/privacy/export", "/me/privacy/erase"])
def test_both_ask_first_who_it_is(world: Any, signed_in: Callable[[Any], Client], path: str) -> None:
    answer = signed_in(world.ana).post(path, {"word": "erase"})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert rows(Erasure) == []
    assert not rows(AuditEvent, code="person_data.exported")


def test_queries_do_not_grow_with_messages(world: Any, ana: Client) -> None:
    from django.test.utils import CaptureQueriesContext

    api = Api(world.bank.clients["live"])
    api.send()
    taken_along(ana)
    counts = []
    for more in (0, 10):
        cache.clear()  # how often one may is counted there
        for _ in range(more):
            api.send()
        with CaptureQueriesContext(connection) as queries:
            taken_along(ana)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_page_counts_what_would_go_and_looking_changes_nothing(world: Any, ana: Client) -> None:
    Api(world.bank.clients["live"]).send()
    page = words(ana.get("/me/privacy/erase"))
    assert "1 connection ends, and its bank is told." in page
    assert "1 chat is unlinked." in page
    assert "1 message can never be read here again." in page
    wrong = erase(ana, "yes")
    assert wrong.status_code == 422
    assert "Type ERASE to confirm." in words(wrong)
    assert rows(Grant, pk=world.ana.grant.id)[0].status == "ACTIVE"
    assert rows(Erasure) == []


def test_erasing_ends_everything_and_leaves_nothing_that_leads_to_the_person(world: Any, ana: Client) -> None:
    api = Api(world.bank.clients["live"])
    sent = api.send().json()["id"]
    ana.post("/me/complaints/new", {"about": "us", "text": "The mail came late."})
    ana.post("/me/settings", QUIET)
    session = ana.session.session_key
    send_due_mail()
    mail.outbox.clear()
    answer = erase(ana)
    (erasure,) = rows(Erasure)
    assert (erasure.grants_ended, erasure.banks_told, erasure.accounts_unlinked) == (1, 1, 1)
    assert erasure.keys_destroyed == 2, "the bank's and the platform's"
    assert rows(DataKey, person_id=world.ana.person_id) == []
    (grant,) = rows(Grant, pk=world.ana.grant.id)
    assert (grant.status, grant.ended_by, grant.account_indexes) == ("REVOKED", "person", [])
    assert [one.status for one in rows(Delivery, grant_id=grant.id)] == ["WITHDRAWN"]
    (account,) = rows(LinkedAccount, person_id=world.ana.person_id)
    assert (account.status, bytes(account.address)) == ("UNLINKED", b"")
    (customer,) = rows(Customer, person_id=world.ana.person_id)
    assert (bytes(customer.customer_ref), bytes(customer.accounts)) == (b"", b"")
    assert rows(QuietHours, person_id=world.ana.person_id) == []
    (person,) = rows(Person, pk=world.ana.person_id)
    assert person.user_id is None
    user = User.objects.get(pk=world.ana.person.user.pk)
    assert (user.name, user.is_active, user.has_usable_password()) == ("", False, False)
    assert user.email.endswith("@erased.invalid")
    assert not Session.objects.filter(session_key=session).exists()
    assert ana.get("/me/").status_code == 302
    assert not Client().login(email="ana@people.example", password=PASSWORD)
    (event,) = rows(AuditEvent, code="person.erased")
    assert event.person_id == world.ana.person_id
    assert api.send().status_code == 403
    told = api.get(f"/notifications/{sent}").json()
    assert (told["status"], told["reason"]) == ("WITHDRAWN", "grant_ended")
    certificate = Client().get(answer["Location"])
    assert "Keys destroyed 2" in words(certificate)
    assert Client().get(f"{answer['Location']}/pdf").content.startswith(b"%PDF-")


def test_it_is_done_once(world: Any, ana: Client) -> None:
    erase(ana)
    again = Principal(Kind.PERSON, id=world.ana.person.user.pk, person_id=world.ana.person_id)
    with pytest.raises(Refused, match="already"):
        erase_person(actor=again)
    assert len(rows(Erasure)) == 1


def test_the_certificate_goes_out_before_the_address_is_forgotten(world: Any, ana: Client) -> None:
    send_due_mail()
    mail.outbox.clear()
    erase(ana)
    send_due_mail()
    (last,) = mail.outbox
    assert (last.to, last.subject) == (["ana@people.example"], "Your Parley account is erased")
    assert "- Norden Bank" in last.body
    place = next(local(line) for line in last.body.splitlines() if "/erased/" in line)
    assert "Certificate of erasure" in words(Client().get(place))
    with connection.cursor() as cursor, scope(SYSTEM), transaction.atomic():
        cursor.execute("SELECT count(*) FROM mail_mail WHERE \"to\" LIKE 'ana@%'")
        assert cursor.fetchone() == (0,)
    with time_machine.travel(timezone.now() + ANOTHER_DAY):
        assert Client().get(place).status_code == 404
    assert Client().get("/erased/made-up").status_code == 404


def test_the_bank_is_told_although_the_key_is_gone(world: Any, ana: Client) -> None:
    partner = world.bank.partner
    endpoint, _ = add_endpoint(
        partner_id=partner.id, environment="live", url="https://hooks.norden.example/p", actor=SYSTEM
    )
    inbox, _ = add_endpoint(partner_id=partner.id, environment="live", url="", actor=SYSTEM)
    # As if it had answered its challenge, and nothing had been sent since
    with scope(SYSTEM), transaction.atomic():
        WebhookDelivery.objects.filter(endpoint=endpoint).update(status="DELIVERED")
        type(endpoint).objects.filter(pk=endpoint.pk).update(verified_at=timezone.now())
    ana.post(f"/me/grants/{public_id('grt', world.ana.grant.id)}/pause")
    erase(ana)
    waiting = [one.message_id for one in rows(WebhookDelivery, endpoint=endpoint, status="PENDING")]
    shown = [one.message_id for one in rows(WebhookDelivery, endpoint=inbox)]
    with scope(SYSTEM), transaction.atomic():
        messages = list(WebhookMessage.objects.filter(pk__in=waiting).order_by("sequence"))
        bodies = {one: json.loads(body) for one, body in bodies_of(messages).items()}
    told = [bodies[one.id] for one in messages]
    assert [one["type"] for one in told] == ["grant.paused", "grant.revoked"]
    assert told[1]["data"]["customer_ref"] == "CUST-1"
    assert told[1]["data"]["reason"] == "person_erased"
    assert messages[1].id in shown
    assert {one.person_id for one in messages} == {None}


def test_what_the_messenger_told_of_the_chat_is_emptied(world: Any, ana: Client) -> None:
    at = int(timezone.now().timestamp() * 1000)
    store_inbound(sender=world.bank.sender, raw=json.dumps(said_by(["2001", "2002"], at)).encode())
    with scope(SYSTEM), transaction.atomic():
        InboundEvent.objects.update(processed_at=timezone.now())
    anas, bens = (bytes(one.conversation) for one in rows(InboundEvent))
    erase(ana)
    kept = {bytes(one.conversation): bool(one.raw) for one in rows(InboundEvent)}
    assert anas not in kept
    assert kept.pop(bens) is True
    assert list(kept.values()) == [False]


def test_what_the_messenger_tells_afterwards_is_not_kept_either(world: Any, ana: Client) -> None:
    """What had come and waited, and what comes later: Ben's is kept as it was."""
    at = int(timezone.now().timestamp() * 1000)
    store_inbound(sender=world.bank.sender, raw=json.dumps(said_by(["2001", "2002"], at)).encode())
    anas, bens = (bytes(one.conversation) for one in rows(InboundEvent))
    erase(ana)
    store_inbound(sender=world.bank.sender, raw=json.dumps(said_by(["2001"], at + 1)).encode())
    with scope(SYSTEM), transaction.atomic():  # so long ago that nothing fits any more
        long_ago = timezone.now() - timedelta(minutes=6)
        InboundEvent.objects.update(received_at=long_ago, next_attempt_at=long_ago)
    process_inbound()
    kept = [
        (bytes(one.conversation), bool(one.raw)) for one in rows(InboundEvent, processed_at__isnull=False)
    ]
    assert len(kept) == 3
    assert anas not in [conversation for conversation, _ in kept]
    assert [conversation for conversation, has_raw in kept if has_raw] == [bens]


def test_what_the_messenger_told_is_deleted_after_thirty_days(world: Any) -> None:
    at = int(timezone.now().timestamp() * 1000)
    store_inbound(sender=world.bank.sender, raw=json.dumps(said_by(["2001", "2002", "2003"], at)).encode())
    old, young, waiting = (one.id for one in rows(InboundEvent))
    with scope(SYSTEM), transaction.atomic():
        for one, days in ((old, 31), (young, 29)):
            InboundEvent.objects.filter(pk=one).update(processed_at=timezone.now() - timedelta(days=days))
        InboundEvent.objects.filter(pk=waiting).update(received_at=timezone.now() - timedelta(days=31))
    assert clean_up()["inbound_events"] == 1
    assert [one.id for one in rows(InboundEvent)] == [young, waiting]


def test_a_question_that_nobody_opened_is_forgotten_with_whom_it_means(world: Any, ana: Client) -> None:
    api = Api(world.bank.clients["live"])
    anas, bens = (api.post("/grant-requests", {**BODY, "customer_ref": f"CUST-{one}"}) for one in (1, 2))
    erase(ana)
    kept = {one.id: one for one in rows(GrantRequest)}
    mine, other = (kept[parse_public_id("req", one.json()["id"])] for one in (anas, bens))
    assert mine.status in ("EXPIRED", "REJECTED")
    assert (bytes(mine.content), bytes(mine.ref_index)) == (b"", b"")
    assert (other.status, bool(other.content), bool(other.ref_index)) == ("PENDING", True, True)


def said_by(addresses: list[str], at: int) -> Any:
    """That they have read everything so far, as the messenger tells it."""
    told = [
        {"sender": {"id": one}, "recipient": {"id": "1001"}, "timestamp": at, "read": {"watermark": at}}
        for one in addresses
    ]
    return {"object": "page", "entry": [{"id": "1001", "time": at, "messaging": told}]}


def test_whoever_works_for_a_bank_keeps_their_sign_in(world: Any, signed_in: Callable[[Any], Client]) -> None:
    from portal.demo.world import make_customer

    owner = world.bank.members[0]
    story = make_customer(
        world.other, customer_ref="H-9", address="3099", accounts=world.charlie.accounts, clusters=["BALANCES"],
        person=owner,
    )  # fmt: skip
    http = proven(signed_in(story))
    page = words(http.post("/me/privacy/erase", {"word": "ERASE"}, follow=True))
    assert "Your sign-in stays" in page
    assert rows(Grant, pk=story.grant.id)[0].status == "REVOKED"
    owner.user.refresh_from_db()
    assert (owner.user.email, owner.user.is_active) == ("owner@norden.example", True)
    assert http.get("/partners/norden/").status_code == 200
    assert "No bank is connected" in words(http.get("/me/"))


def test_who_comes_back_is_a_stranger(world: Any, ana: Client) -> None:
    """The same address and the same reference can be linked and granted again, to a new person."""
    from portal.demo.world import make_customer, make_person

    erase(ana)
    again = make_person("ana@people.example", "Ana", PASSWORD)
    story = make_customer(
        world.bank, customer_ref="CUST-1", address="2001", accounts=world.ana.accounts, clusters=["BALANCES"],
        person=again,
    )  # fmt: skip
    assert story.person_id != world.ana.person_id
    assert Api(world.bank.clients["live"]).send().status_code == 202


def test_discreet_mode_takes_the_bank_out_of_mail_and_chat(world: Any, ana: Client) -> None:
    send_due_mail()
    page = f"/me/grants/{public_id('grt', world.ana.grant.id)}"
    for mode, is_named in (("on", False), ("off", True)):
        assert f"Discreet mode is {mode}." in words(
            ana.post("/me/privacy/discreet", {"mode": mode}, follow=True)
        )
        mail.outbox.clear()
        before = len(rows(Reply))
        ana.post(f"{page}/reconfirm")
        send_due_mail()
        (sent,) = mail.outbox
        assert len(rows(Reply)) == before + is_named
        whole = sent.subject + sent.body + "".join(part.content for part in sent.alternatives)
        assert ("Norden" in whole, "Balances" in whole) == (is_named, is_named)
        assert page in whole
    assert "Nothing has changed." in words(ana.post("/me/privacy/discreet", {"mode": "x"}, follow=True))
    assert [one.data for one in rows(AuditEvent, code="discreet_mode.changed")] == [
        {"is_on": True},
        {"is_on": False},
    ]


def test_warnings_are_as_discreet_as_receipts(world: Any, ana: Client) -> None:
    ana.post("/me/privacy/discreet", {"mode": "on"})
    send_due_mail()
    mail.outbox.clear()
    with scope(SYSTEM), transaction.atomic():
        warn(Grant.objects.get(pk=world.ana.grant.id), Reminder.ENDS_IN_7_DAYS)
    send_due_mail()
    (sent,) = mail.outbox
    assert "Norden" not in sent.subject + sent.body
    assert f"/me/grants/{public_id('grt', world.ana.grant.id)}" in sent.body


def test_the_privacy_notice_is_public_and_leads_to_what_can_be_done(world: Any, ana: Client) -> None:
    notice = Client().get("/privacy")
    assert "/me/privacy" in notice.content.decode()
    assert "Erase your account." in words(notice)
    assert "What a message said is destroyed once the days are over that you were promised" in words(notice)
    page = words(ana.get("/me/privacy"))
    for phrase in ("Download my data", "Your complaints", "Discreet mode", "See what would go", "guardian"):
        assert phrase in page
