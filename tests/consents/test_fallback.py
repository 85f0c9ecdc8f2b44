"""Two phones of one person: what goes to the second, and when, with a real worker and the simulated messenger."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db import transaction
from django.utils import timezone

from consents.actions.give import give_consent_again
from consents.actions.link import link_account
from consents.models import ConsentRecord, Grant, LinkedAccount
from consents.records import Account, Choice
from notifications.actions.sweep import sweep
from notifications.models import Delivery, QuietHours
from notifications.tasks import deliver_due
from partners.access import member_principal
from partners.actions.webhooks import add_endpoint
from partners.models import Sender, WebhookMessage
from portal.ids import public_id, uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.notifications.conftest import Api
from tests.sandbox.conftest import wait_until

from .conftest import Phone

SYSTEM = Principal.system()
FRAUD = {
    "account": "acc-ana",
    "amount": {"value": "250.00", "currency": "USD"},
    "merchant": "Kestrel Travel",
    "occurred_at": "2026-11-23T09:30:00Z",
    "case": "C-1",
}
ALERT = "Kestrel Travel"


class Two:
    """Ana's two chats with Norden: messages go to the first; to the second, while that cannot be reached."""

    def __init__(self, portal: Any, sandbox: httpx.Client) -> None:
        self.portal, self.api = portal, Api(portal.bank.clients["live"])
        self.first, self.second = (Phone(sandbox, portal.sender.external_id, "Ana") for _ in range(2))
        self.grant_id, person_id = portal.ana.grant.id, portal.ana.person_id
        actor = Principal(Kind.PERSON, id=portal.ana.person.user.pk, person_id=person_id)
        self.accounts = [
            link_account(sender=portal.sender, person_id=person_id, address=one.address, actor=actor)
            for one in (self.first, self.second)
        ]
        choice = Choice(["BALANCES", "FRAUD_ALERTS"], [Account("acc-ana", "•• 4821", "Account")], 90, "Two")
        give_consent_again(
            grant_id=self.grant_id,
            account=self.accounts[0],
            fallbacks=self.accounts[1:],
            choice=choice,
            actor=actor,
        )

    def block(self, *phones: Phone, is_blocked: bool = True) -> None:
        for one in phones:
            body = {"page_id": one.page, "blocked": is_blocked}
            assert one.http.put(f"/people/{one.address}", json=body).status_code == 200

    def send(self) -> str:
        answer = self.api.send("fraud_alert", FRAUD)
        assert answer.status_code == 202, answer.content
        return answer.json()["id"]

    def told(self, notification: str) -> dict[str, Any]:
        return self.api.get(f"/notifications/{notification}").json()

    def ends(self, notification: str, *statuses: str) -> dict[str, Any]:
        """What the bank is told of it, once it has come to one of these."""
        return wait_until(lambda: (now := self.told(notification))["status"] in statuses and now)


@pytest.fixture
def two(portal: Any, sandbox: httpx.Client) -> Two:
    return Two(portal, sandbox)


def alerts(phone: Phone) -> int:
    return sum(ALERT in one["text"] for one in phone.messages())


def change(model: Any, which: Any, **values: Any) -> None:
    """Puts a row into a state that only time or a provider would bring about."""
    with scope(SYSTEM), transaction.atomic():
        model.objects.filter(pk=which).update(**values)


def test_the_second_is_used_while_the_first_cannot_be_reached(two: Two, signed_in: Any) -> None:
    two.block(two.first)
    sent = two.send()
    two.second.shows(ALERT)
    told = two.ends(sent, "SENT", "DELIVERED", "READ")
    assert [one["outcome"] for one in told["attempts"]] == ["unreachable", "sent"]
    moments = [(one["event"], one["detail"]) for one in told["timeline"]]
    assert moments[1][0] == "attempted"
    assert ("sent", "fallback") in moments
    assert two.second.address not in str(told)
    ana = signed_in(two.portal.ana)
    words = "It was sent to your second chat, because the first could not be reached."
    assert words in ana.get("/me/activity").content.decode()
    page = ana.get(f"/me/grants/{public_id('grt', two.grant_id)}").content.decode()
    assert words in page
    assert "Cannot be reached at the moment." in page
    two.send()  # goes there without asking the first once more
    wait_until(lambda: alerts(two.second) == 2)
    two.block(two.first, is_blocked=False)
    two.first.writes("hello")
    wait_until(lambda: status_of(two.accounts[0]) == LinkedAccount.Status.ACTIVE)
    two.send()
    two.first.shows(ALERT)
    assert (alerts(two.first), alerts(two.second)) == (1, 2)


def status_of(account: LinkedAccount) -> str:
    with scope(SYSTEM), transaction.atomic():
        return LinkedAccount.objects.get(pk=account.pk).status


def test_it_fails_once_where_none_can_be_reached(two: Two) -> None:
    with scope(SYSTEM), transaction.atomic():
        owner, partner = member_principal(two.portal.bank.members[0].user, "norden")
    add_endpoint(partner_id=partner.id, environment="live", actor=owner)
    two.block(two.first, two.second)
    told = two.ends(two.send(), "FAILED")
    assert [one["outcome"] for one in told["attempts"]] == ["unreachable", "unreachable"]
    assert two.ends(two.send(), "FAILED")["attempts"] == [], "and the next is not tried at all"
    with scope(SYSTEM), transaction.atomic():
        types = list(WebhookMessage.objects.order_by("sequence").values_list("type", flat=True))
    assert types == ["notification.failed"] * 2


def test_a_fallback_that_the_messenger_no_longer_knows_leaves_the_list(two: Two, sandbox: Any) -> None:
    two.block(two.first)
    gone = sandbox.delete(f"/people/{two.second.address}", params={"page_id": two.second.page})
    assert gone.status_code == 200
    told = two.ends(two.send(), "FAILED")
    assert [one["outcome"] for one in told["attempts"]] == ["unreachable", "gone"]
    grant, record = wait_until(lambda: (found := grant_and_record(two))[0].fallback_ids == [] and found)
    assert (grant.status, grant.account_id) == ("ACTIVE", two.accounts[0].id)
    assert record.event == "ConsentReduced", "nobody said yes again"


def grant_and_record(two: Two) -> tuple[Grant, ConsentRecord]:
    with scope(SYSTEM), transaction.atomic():
        grant = Grant.objects.get(pk=two.grant_id)
        return grant, ConsentRecord.objects.get(pk=grant.record_id)


def test_an_unknown_outcome_goes_nowhere_else(two: Two, sandbox: httpx.Client) -> None:
    """It might arrive twice."""
    sandbox.post("/faults", json={"channel": "messenger", "mode": "down", "sender": two.first.page})
    sent = two.send()
    told = wait_until(lambda: (now := two.told(sent))["attempts"] and now)
    assert (told["status"], told["attempts"][0]["outcome"]) == ("SENDING", "unknown")
    sandbox.post("/faults", json={"channel": "messenger", "mode": "none"})
    with scope(SYSTEM), transaction.atomic():
        Delivery.objects.update(lease_until=timezone.now())
    sweep()
    assert two.told(sent)["status"] == "UNCONFIRMED"
    two.send()
    two.first.shows(ALERT)
    assert (alerts(two.first), alerts(two.second)) == (1, 0)
    assert len(two.told(sent)["attempts"]) == 1


def test_consent_and_quiet_hours_hold_for_the_second_as_well(two: Two, signed_in: Any) -> None:
    now, hours = timezone.now(), timedelta(hours=2)
    change(LinkedAccount, two.accounts[0].pk, status="SUSPENDED")
    change(LinkedAccount, two.accounts[1].pk, last_inbound_at=now - hours)  # else they are awake
    with scope(SYSTEM), transaction.atomic():
        QuietHours.objects.create(
            person_id=two.portal.ana.person_id, starts=(now - hours).time(), ends=(now + hours).time(),
            time_zone="UTC", clusters=["BALANCES"],
        )  # fmt: skip
    quiet = two.api.send().json()["id"]
    deliver_due("standard")
    assert (two.told(quiet)["status"], two.told(quiet)["attempts"]) == ("ACCEPTED", [])
    ana = signed_in(two.portal.ana)
    assert ana.post(f"/me/grants/{public_id('grt', two.grant_id)}/pause").status_code == 302
    assert two.told(quiet)["status"] == "WITHDRAWN"
    assert two.api.send("fraud_alert", FRAUD).json()["code"] == "grant_paused"
    assert two.second.messages() == []


def test_only_what_the_agreement_covers_is_a_fallback(two: Two) -> None:
    change(LinkedAccount, two.accounts[0].pk, status="SUSPENDED")
    change(LinkedAccount, two.accounts[1].pk, channel="whatsapp")
    told = two.ends(two.send(), "FAILED")
    assert told["attempts"] == []


def test_a_fallback_whose_page_is_paused_is_passed_over(two: Two) -> None:
    with scope(SYSTEM), transaction.atomic():
        page = Sender.objects.get(pk=two.portal.sender.pk)
        page.pk, page.external_id, page.status = uuid7(), "1009", Sender.Status.PAUSED
        page.save(force_insert=True)
    change(LinkedAccount, two.accounts[0].pk, status="SUSPENDED")
    change(LinkedAccount, two.accounts[1].pk, sender=page)
    assert two.ends(two.send(), "FAILED")["attempts"] == []


def test_a_first_chat_that_is_back_waits_for_its_own_page(two: Two) -> None:
    with scope(SYSTEM), transaction.atomic():
        page = Sender.objects.get(pk=two.portal.sender.pk)
        page.pk, page.external_id, page.status = uuid7(), "1009", Sender.Status.PAUSED
        page.save(force_insert=True)
    change(LinkedAccount, two.accounts[0].pk, sender=page)
    accepted = two.send()
    with scope(SYSTEM), transaction.atomic():
        rows = Delivery.objects.filter(grant_id=two.grant_id)
        rows.update(sender=two.portal.sender, next_attempt_at=timezone.now())
    deliver_due("urgent")
    wait_until(lambda: waits_for_its_page(two))
    assert two.told(accepted)["attempts"] == []


def waits_for_its_page(two: Two) -> bool:
    with scope(SYSTEM), transaction.atomic():
        row = Delivery.objects.get(grant_id=two.grant_id)
        return (row.status, row.reason, row.sender_id) == (
            Delivery.Status.QUEUED, "sender_paused", LinkedAccount.objects.get(pk=two.accounts[0].pk).sender_id,
        )  # fmt: skip


def test_a_chat_of_somebody_else_is_none_whatever_the_row_says(two: Two) -> None:
    change(LinkedAccount, two.accounts[0].pk, status="SUSPENDED")
    change(LinkedAccount, two.accounts[1].pk, person_id=two.portal.ben.person_id)
    assert two.ends(two.send(), "FAILED")["attempts"] == []


def test_the_balance_is_shown_in_the_chat_that_messages_go_to(two: Two) -> None:
    two.second.writes("balance")
    two.second.shows("sends your balances to another chat of yours")
    change(LinkedAccount, two.accounts[0].pk, status="SUSPENDED")
    two.second.writes("balance")
    two.second.shows("has not sent a balance yet")


def test_a_second_chat_that_is_gone_leaves_the_list(two: Two) -> None:
    two.second.writes("unlink")
    two.second.shows("Unlinked.")
    with scope(SYSTEM), transaction.atomic():
        grant = Grant.objects.get(pk=two.grant_id)
    assert (grant.status, grant.account_id, grant.fallback_ids) == ("ACTIVE", two.accounts[0].id, [])
