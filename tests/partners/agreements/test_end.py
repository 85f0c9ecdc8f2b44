"""How agreements end: withdrawn by the bank, terminated by two of staff, or over; and the reminders before."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import transaction
from django.test import Client
from django.utils import timezone

from notifications.actions.claim import claim_due
from notifications.models import Delivery, Lane
from partners.access import member_principal
from partners.actions.agreement_clock import move_agreements
from partners.actions.agreement_endings import ask_termination, withdraw_agreement
from partners.actions.webhooks import add_endpoint
from partners.models import AgreementTermination, WebhookMessage
from partners.refusals import Refused
from portal.mail.outbox import send_due_mail
from portal.tenancy.principal import Principal
from tests.notifications.conftest import Api

from .conftest import agreed, as_system, at_member, at_staff, in_force, led_to, mails, text_of, version


def day(days: int) -> str:
    return (timezone.now().date() + timedelta(days=days)).isoformat()


def owner_of(desk: Any) -> Principal:
    """Norden's, as actions know them."""
    return member_principal(desk.owner.user, "norden")[0]


@pytest.fixture
def sent(desk: Any) -> Callable[[], tuple[int, str]]:
    """What the bank's API answers to a notification, with a token from before."""
    api = Api(desk.world.bank.clients["live"])

    def send() -> tuple[int, str]:
        answer = api.send()
        return answer.status_code, answer.json().get("code", "")

    return send


def test_the_bank_withdraws_at_once_and_nothing_goes_out_any_more(desk: Any) -> None:
    one, api = in_force(desk.partner), Api(desk.world.bank.clients["live"])
    assert api.send().status_code == 202
    asked = desk.owner.post(at_member(one, "/withdraw"), {"when": "now"})
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    desk.owner.prove()
    page = text_of(desk.owner.get(at_member(one, "/withdraw")))
    assert "2 people are connected to Norden Bank now." in page
    assert "From then on no message of your bank goes out in live" in page
    done = led_to(desk.owner.post(at_member(one, "/withdraw"), {"when": "now", "reason": "Privacy."}))
    assert (done.status, done.ending, done.ending_reason) == ("TERMINATED", "withdrawn", "Privacy.")
    assert in_force(desk.partner) is None
    refused = api.send()
    assert (refused.status_code, refused.json()["code"]) == (403, "agreement_not_in_force")
    assert ("ended", "compliance@norden.example") in mails()
    again = desk.owner.post(at_member(one, "/withdraw"), {"when": "now"})
    assert again.status_code == 422
    assert "version 1 is ended" in text_of(again)


def test_a_token_is_no_use_afterwards_whether_got_before_or_anew(desk: Any) -> None:
    client, one = desk.world.bank.clients["live"], in_force(desk.partner)
    api = Api(client)
    assert api.send().status_code == 202
    desk.owner.prove()
    led_to(desk.owner.post(at_member(one, "/withdraw"), {"when": "now"}))
    assert api.send().status_code == 403
    form = {"grant_type": "client_credentials", "scope": "notify:balances"}
    form |= {"client_id": client.client_id, "client_secret": client.client_secret}
    assert Client().post("/oauth/token", form).status_code == 200
    refused = Api(client).send()
    assert (refused.status_code, refused.json()["code"]) == (403, "agreement_not_in_force")


def test_withdrawing_later_ends_it_then_and_not_before(desk: Any, sent: Any) -> None:
    one = in_force(desk.partner)
    desk.owner.prove()
    form = {"when": "later", "last_day": day(3)}
    assert led_to(desk.owner.post(at_member(one, "/withdraw"), form)).status == "FINALIZED"
    assert ("notice", "owner@norden.example") in mails()
    assert "In force, ends soon" in text_of(desk.owner.get(at_member(one)))
    assert sent() == (202, "")
    assert move_agreements()["ended"] == 0
    with as_system():  # its end has come; the database's clock cannot be moved
        type(one).objects.filter(pk=one.id).update(ends_at=timezone.now() - timedelta(hours=1))
    assert sent() == (403, "agreement_not_in_force"), "whether or not anybody has noticed"
    assert move_agreements()["ended"] == 1
    assert (version(one.id).status, version(one.id).ending) == ("TERMINATED", "withdrawn")


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"when": "later"}, "Choose the last day."),
        ({"when": "later", "last_day": "2020-01-01"}, "Choose a day that is not over yet."),
        ({"when": "later", "last_day": "soon"}, "Enter a valid date."),
        ({"when": "never"}, "never is not one of the available choices"),
    ],
)
def test_a_day_that_cannot_be_is_named(desk: Any, form: dict[str, str], sentence: str) -> None:
    one = in_force(desk.partner)
    desk.owner.prove()
    refused = desk.owner.post(at_member(one, "/withdraw"), {**form, "reason": "Kept"})
    assert refused.status_code == 422
    assert sentence in text_of(refused)
    assert "Kept" in refused.content.decode()
    assert in_force(desk.partner).id == one.id


def test_staff_end_it_for_cause_with_four_eyes(desk: Any, sent: Any) -> None:
    one = in_force(desk.partner)
    desk.first.prove()
    led_to(desk.first.post(at_staff(one, "/terminate"), {"when": "now", "reason": "Breach of clause 1.2."}))
    assert sent() == (202, ""), "asked is not ended"
    own = text_of(desk.first.get(at_staff(one)))
    assert "a colleague has to confirm it" in own
    assert "Confirm the termination" not in own
    desk.first.post(at_staff(one, "/decide"), {"decision": "confirm"})
    assert version(one.id).status == "FINALIZED"
    desk.second.prove()
    desk.second.post(at_staff(one, "/decide"), {"decision": "confirm"})
    assert (version(one.id).status, version(one.id).ending) == ("TERMINATED", "cause")
    assert sent() == (403, "agreement_not_in_force")
    late = desk.second.post(at_staff(one, "/decide"), {"decision": "refuse"}, follow=True)
    assert "This has changed since you opened it" in text_of(late)


def test_a_refused_termination_changes_nothing(desk: Any) -> None:
    one = in_force(desk.partner)
    for browser, page, form in (
        (desk.first, "/terminate", {"when": "now", "reason": "A mistake."}),
        (desk.second, "/decide", {"decision": "refuse"}),
    ):
        browser.prove()
        assert browser.post(at_staff(one, page), form).status_code == 302
    assert version(one.id).status == "FINALIZED"
    with as_system():
        assert AgreementTermination.objects.get().is_confirmed is False


def test_notice_shorter_than_agreed_is_refused_with_the_clause(desk: Any) -> None:
    one = in_force(desk.partner)
    desk.first.prove()
    form = {"when": "later", "last_day": day(10), "reason": "We stop."}
    refused = desk.first.post(at_staff(one, "/terminate"), form)
    assert refused.status_code == 422
    assert "Clause 5.1 asks for 30 days’ notice: choose a later day." in text_of(refused)
    assert led_to(desk.first.post(at_staff(one, "/terminate"), {**form, "last_day": day(40)})).id == one.id
    twice = desk.first.post(at_staff(one, "/terminate"), {**form, "last_day": day(41)})
    assert "A termination has been asked for already" in text_of(twice)
    desk.second.prove()
    desk.second.post(at_staff(one, "/decide"), {"decision": "confirm"})
    found = version(one.id)
    assert (found.status, found.ending, found.ends_at.date().isoformat()) == ("FINALIZED", "notice", day(41))


def test_a_member_cannot_ask_for_termination(desk: Any) -> None:
    with pytest.raises(Refused):
        ask_termination(
            version_id=in_force(desk.partner).id, ends_at=None, reason="Mine", actor=owner_of(desk)
        )


def test_reminders_come_once_each_at_60_30_and_7_days(desk: Any) -> None:
    one = agreed(desk, ends_on=day(100))
    assert one.status == "FINALIZED"
    begun, told = timezone.now(), []
    for days_on in (1, 40, 41, 42, 71, 72, 94, 95, 99):
        with time_machine.travel(begun + timedelta(days=days_on)):
            if move_agreements()["reminded"]:
                told.append(days_on)
    assert told == [41, 71, 94]
    reminders = [to for news, to in mails() if news == "reminder"]
    assert sorted(reminders) == ["compliance@norden.example"] * 3 + ["owner@norden.example"] * 3
    with time_machine.travel(begun + timedelta(days=102)):
        assert move_agreements()["ended"] == 1
    assert version(one.id).ending == "term"


def test_what_was_queued_is_not_claimed_once_the_end_has_committed(committed_world: Any) -> None:
    bank = committed_world.bank
    api = Api(bank.clients["live"])
    assert [api.send().status_code for _ in range(3)] == [202] * 3
    with transaction.atomic():
        owner, _ = member_principal(bank.members[0].user, "norden")
    withdraw_agreement(version_id=in_force(bank.partner).id, actor=owner)
    assert {row.status for row in claim_due(lane=Lane.STANDARD)} == {"QUEUED"}
    with as_system():
        rows = list(Delivery.objects.values_list("status", "reason").distinct())
    assert rows == [("QUEUED", "agreement_not_in_force")]


def test_the_banks_endpoints_hear_of_it(desk: Any) -> None:
    add_endpoint(partner_id=desk.partner.id, environment="live", actor=owner_of(desk))
    one = agreed(desk, retention_days="60")
    desk.owner.post(at_member(one, "/withdraw"), {"when": "now"})
    with as_system():
        types = list(WebhookMessage.objects.order_by("id").values_list("type", flat=True))
    assert types == ["agreement.finalized", "agreement.terminated"]


def test_every_mail_can_be_read_as_text_and_html(desk: Any) -> None:
    one = agreed(desk, ends_on=day(6))
    assert move_agreements()["reminded"] == 1
    desk.owner.prove()
    desk.owner.post(at_member(one, "/withdraw"), {"when": "now", "reason": "Costs < gains & more"})
    send_due_mail()
    news = {message.subject: message for message in mail.outbox}
    assert set(news) >= {
        "Norden Bank: an agreement for you to read",
        "Norden Bank has signed: a second signature is needed",
        "Norden Bank: your agreement is in force",
        "Norden Bank: your agreement ends in 6 days",
        "Norden Bank: your agreement has ended",
    } | {subject for subject in news if "Harbour" in subject}
    ended = news["Norden Bank: your agreement has ended"]
    assert "Reason: Costs < gains & more" in ended.body
    assert "Costs &lt; gains &amp; more" in ended.alternatives[0].content
    assert f"http://127.0.0.1:8000{at_member(one)}" in ended.body
