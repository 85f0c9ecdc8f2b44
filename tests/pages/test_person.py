"""What a person sees, and stops, on their own pages."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consents.actions.give import give_consent
from consents.actions.link import ensure_customer, link_account
from consents.actions.stop import end_grant
from consents.models import Grant
from consents.records import Account, Choice
from notifications.models import Delivery
from partners.actions.partners import change_partner_status
from partners.actions.senders import configure_sender
from portal.demo.world import make_customer
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.keys import destroy_keys
from tests.notifications.conftest import Api

Path = Callable[[Any], str]


def text_of(answer: Any) -> str:
    """The words of a page, without its tags and line breaks."""
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())


def person(story: Any) -> Principal:
    return Principal(Kind.PERSON, id=story.person.user.pk, person_id=story.person_id)


def connect_harbour(world: Any) -> Any:
    """Ana's second bank."""
    accounts = [Account("acc-ana-h", "•• 0917", "Savings account")]
    return make_customer(
        world.other, customer_ref="H-1", address="3009", accounts=accounts, clusters=["SHIPMENTS"],
        person=world.ana.person,
    )  # fmt: skip


def test_nobody_signed_in_is_sent_to_sign_in(world: Any, grant_path: Path) -> None:
    for path in ("/me/", grant_path(world.ana), f"{grant_path(world.ana)}/disconnect"):
        answer = Client().get(path)
        assert answer.status_code == 302
        assert answer["Location"] == f"/accounts/login/?next={path}"


def test_a_card_says_what_why_and_until_when(ana: Client, api: Any, world: Any) -> None:
    assert "Last message None yet" in text_of(ana.get("/me/"))
    api.send()
    with scope(Principal.system()), transaction.atomic():
        Delivery.objects.update(sent_at=timezone.now())
    page = text_of(ana.get("/me/"))
    assert "Norden Bank" in page
    assert (
        "To tell you what happens in your accounts, to protect you from fraud and to tell you what became of"
        " your purchases." in page
    )
    until = world.ana.grant.expires_at
    assert f"Until {until.day} {until:%B %Y}" in page
    assert re.search(r"Last message Balances, \d", page)


def test_without_a_bank_the_page_says_how_to_begin(world: Any, sign_in: Callable[[Any], Client]) -> None:
    from portal.accounts.actions import create_person_user

    newcomer = create_person_user(email="dora@people.example", password="a lamp under the river", name="Dora")
    page = text_of(sign_in(newcomer).get("/me/"))
    assert "No bank is connected" in page
    assert "Connect a bank" in page


def test_the_page_of_a_bank_says_what_is_shared_and_with_whom(
    ana: Client, world: Any, grant_path: Path
) -> None:
    page = text_of(ana.get(grant_path(world.ana)))
    assert "Current account •• 4821" in page
    assert "Payments that look wrong, so that you can stop them in time." in page
    assert "Nobody. Norden Bank writes the messages, Messenger carries them" in page
    assert "write STOP in the chat" in page
    assert public_id("grt", world.ana.grant.id) in page
    due = world.ana.grant.reconfirm_by
    assert f"Confirm again by {due.day} {due:%B %Y}" in page
    assert "acc-ana" not in page
    assert "Sandbox" not in page


def test_each_message_tells_who_when_what_and_why(
    ana: Client, api: Any, world: Any, grant_path: Path
) -> None:
    assert api.send().status_code == 202
    page = text_of(ana.get(grant_path(world.ana)))
    assert "Your account •• 4821 has $1,234.50 available" in page
    reason = page.partition("Why did I get this?")[2]
    assert "Norden Bank wrote it, Messenger carried it" in reason
    assert "Why To tell you what happens in your accounts. You allowed it on" in reason
    assert "“balance_update”, version 1" in reason
    assert "AGR-NORDEN v1" in reason
    assert str(world.ana.grant.record_id) in reason
    assert "Pause all messages" in reason


def test_a_stranger_gets_404_everywhere(ana: Client, world: Any, grant_path: Path) -> None:
    for story in (world.ben, world.charlie):
        path = grant_path(story)
        assert ana.get(path).status_code == 404
        assert ana.get(f"{path}/disconnect").status_code == 404
        for action in ("pause", "resume", "disconnect"):
            assert ana.post(f"{path}/{action}").status_code == 404


def test_what_a_person_stops_is_stopped_for_the_banks_next_event(
    ana: Client, api: Any, world: Any, grant_path: Path
) -> None:
    path = grant_path(world.ana)
    api.send()
    page = text_of(ana.post(f"{path}/pause", follow=True))
    assert "Messages are paused." in page
    assert "You paused messages 1 message that waited was not sent." in page
    assert "It was not sent, because you had paused messages." in page
    assert api.send().json()["code"] == "grant_paused"
    assert "Messages come again." in text_of(ana.post(f"{path}/resume", follow=True))
    assert api.send().status_code == 202
    assert "Messages already on your phone stay there." in text_of(ana.get(f"{path}/disconnect"))
    page = text_of(ana.post(f"{path}/disconnect", follow=True))
    assert "Norden Bank is disconnected." in page
    assert "Norden Bank can send you nothing more" in page
    assert "Pause messages" not in page
    assert api.send().json()["code"] == "no_active_grant"
    assert "cannot be done any more" in text_of(ana.post(f"{path}/resume", follow=True))
    assert "History Norden Bank Disconnected" in text_of(ana.get("/me/"))


def test_resuming_says_that_messages_wait_for_a_yes(
    world: Any, sign_in: Callable[[Any], Client], grant_path: Path
) -> None:
    path = grant_path(world.ana)
    with time_machine.travel(timezone.now() + timedelta(days=100)):
        http = sign_in(world.ana.person.user)
        http.post(f"{path}/pause")
        page = text_of(http.post(f"{path}/resume", follow=True))
    assert "No longer paused, but messages wait until you confirm that you still want them." in page
    assert "Messages come again." not in page


def test_a_paused_connection_can_be_renewed_in_its_last_month(
    world: Any, sign_in: Callable[[Any], Client], grant_path: Path
) -> None:
    path = grant_path(world.ana)
    with time_machine.travel(world.ana.grant.expires_at - timedelta(days=20)):
        http = sign_in(world.ana.person.user)
        page = http.post(f"{path}/pause", follow=True)
    assert "You paused these messages on" in text_of(page)
    assert f'href="{path}/renew"' in page.content.decode()


def test_looking_at_the_disconnect_page_changes_nothing(
    ana: Client, api: Any, world: Any, grant_path: Path
) -> None:
    path = grant_path(world.ana)
    ana.get(f"{path}/disconnect")
    assert api.send().status_code == 202
    end_grant(grant_id=world.ana.grant.id, actor=person(world.ana), reason="test")
    answer = ana.get(f"{path}/disconnect")
    assert (answer.status_code, answer["Location"]) == (302, path)


def test_the_story_names_who_ended_it(ana: Client, api: Any, world: Any, grant_path: Path) -> None:
    api.post(f"/grants/{public_id('grt', world.ana.grant.id)}/revoke", {"reason": "account closed"})
    page = text_of(ana.get(grant_path(world.ana)))
    assert "Norden Bank ended the connection" in page
    assert page.index("Norden Bank ended") < page.index("You allowed these messages")


def test_the_story_is_told_page_by_page(
    committed_world: Any, sign_in: Callable[[Any], Client], grant_path: Path
) -> None:
    ana, api = sign_in(committed_world.ana.person.user), Api(committed_world.bank.clients["live"])
    path = grant_path(committed_world.ana)
    for _ in range(27):
        api.send()
    ana.post(f"{path}/pause")
    first = ana.get(path)
    assert first.content.decode().count("Why did I get this?") == 25
    assert "You paused messages 27 messages that waited were not sent." in text_of(first)
    assert "You allowed these messages" not in text_of(first)
    older = re.search(r'href="(\?before=dlv_[0-9a-f]{32})"', first.content.decode())
    assert older
    second = ana.get(path + older[1])
    assert second.content.decode().count("Why did I get this?") == 2
    assert "You paused messages" not in text_of(second)
    assert "You allowed these messages" in text_of(second)
    assert re.search(rf'href="{path}\??">', second.content.decode())
    assert ana.get(f"{path}?before=dlv_1").status_code == 404


@pytest.mark.parametrize(
    ("days", "state", "words"),
    [
        (340, "Needs your yes", "your choice waits for you to confirm it again"),
        (366, "Expired", "can send you nothing more"),
    ],
)
def test_the_clock_is_judged_on_every_look(
    world: Any, sign_in: Callable[[Any], Client], grant_path: Path, days: int, state: str, words: str
) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=days)):
        http = sign_in(world.ana.person.user)
        page = text_of(http.get(grant_path(world.ana)))
        assert f"Norden Bank {state}" in page
        assert words in page
        assert state in text_of(http.get("/me/"))


def test_saying_yes_again_lets_messages_come_and_keeps_a_record(
    ana: Client, api: Any, world: Any, grant_path: Path
) -> None:
    path = grant_path(world.ana)
    with scope(Principal.system()), transaction.atomic():
        Grant.objects.filter(pk=world.ana.grant.id).update(reconfirm_by=timezone.now() - timedelta(days=1))
    assert api.send().json()["code"] == "reconfirmation_due"
    assert "Confirm for 90 days" in text_of(ana.get(path))
    assert "You confirmed your choice" in text_of(ana.post(f"{path}/reconfirm", follow=True))
    assert api.send().status_code == 202
    with scope(Principal.system()), transaction.atomic():
        grant = Grant.objects.get(pk=world.ana.grant.id)
        events = list(grant.records.order_by("id").values_list("event", flat=True))
        latest = grant.records.order_by("-id").first()
    assert events == ["ConsentGiven", "RenewedConsentGiven"]
    assert grant.record_id == latest.id
    assert latest.valid_until == grant.expires_at, "confirming does not prolong"
    ana.post(f"{path}/disconnect")
    assert "nothing to confirm" in text_of(ana.post(f"{path}/reconfirm", follow=True))


def test_a_connection_that_ends_soon_says_so(
    world: Any, sign_in: Callable[[Any], Client], grant_path: Path
) -> None:
    accounts = [Account("acc-ben-h", "•• 7730", "Current account")]
    short = make_customer(
        world.other, customer_ref="H-2", address="3010", accounts=accounts, clusters=["BALANCES"],
        person=world.ben.person, duration_days=20,
    )  # fmt: skip
    http = sign_in(world.ben.person.user)
    assert "Harbour Ends soon" in text_of(http.get(grant_path(short)))
    assert "Harbour Ends soon" in text_of(http.get("/me/"))


def test_a_suspended_bank_is_named_and_can_still_be_disconnected(
    ana: Client, world: Any, grant_path: Path
) -> None:
    change_partner_status(partner_id=world.bank.partner.id, to="SUSPENDED", actor=world.staff.reviewer)
    assert "Norden Bank cannot send messages at the moment." in text_of(ana.get(grant_path(world.ana)))
    assert "is disconnected." in text_of(ana.post(f"{grant_path(world.ana)}/disconnect", follow=True))


def test_a_sandbox_grant_shows_the_band(ana: Client, world: Any, grant_path: Path) -> None:
    owner = Principal.system()
    sender = configure_sender(
        partner_id=world.bank.partner.id, environment="sandbox", channel="messenger", external_id="9001",
        name="Norden test", secrets=world.bank.sender_secrets, actor=owner,
    )  # fmt: skip
    actor = person(world.ana)
    account = link_account(sender=sender, person_id=world.ana.person_id, address="9101", actor=actor)
    customer = ensure_customer(
        partner_id=world.bank.partner.id, environment="sandbox", person_id=world.ana.person_id,
        customer_ref="TEST-1",
    )  # fmt: skip
    grant = give_consent(
        customer=customer, account=account, actor=actor,
        choice=Choice(["BALANCES"], [Account("acc-test", "•• 0001", "Test account")], 30, "A test."),
    )  # fmt: skip
    path = f"/me/grants/{public_id('grt', grant.id)}"
    for page in (path, f"{path}/disconnect"):
        assert "Sandbox: nothing here reaches a real person" in text_of(ana.get(page))
    assert "Sandbox" not in text_of(ana.get(grant_path(world.ana)))


def test_what_was_erased_is_said_to_be_erased(ana: Client, api: Any, world: Any, grant_path: Path) -> None:
    api.send()
    with scope(Principal.system()), transaction.atomic():
        destroy_keys(partner_id=world.bank.partner.id, person_id=world.ana.person_id)
    page = text_of(ana.get(grant_path(world.ana)))
    assert "What it said has been erased." in page
    assert "1,234.50" not in page
    assert "4821" not in page


def test_queries_do_not_grow_with_banks_or_messages(
    ana: Client, api: Any, world: Any, grant_path: Path, django_assert_num_queries: Any
) -> None:
    api.send()
    for path, grow in (("/me/", lambda: connect_harbour(world)), (grant_path(world.ana), api.send)):
        ana.get(path)
        with CaptureQueriesContext(connection) as before:
            ana.get(path)
        count = len(before)
        for _ in range(1 if path == "/me/" else 8):
            grow()
        with django_assert_num_queries(count):
            ana.get(path)
