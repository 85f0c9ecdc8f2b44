"""An amendment that goes further than what people allowed: they are asked, and nothing more is sent meanwhile."""

import hashlib
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db.models import F
from django.test import Client
from django.utils import timezone

from consents.actions.ask_again import ask_people
from consents.actions.expire import expire_grants
from consents.actions.give import give_consent
from consents.actions.stop import end_grant
from consents.disclosure import day_words
from consents.models import ConsentRecord, Grant, UnusedKind
from consents.records import Account, Choice
from notifications.actions.deliver import deliver_batch
from notifications.models import Delivery, Lane
from notifications.tasks import tend_all
from partners.actions.partners import change_partner_status
from partners.clusters import SENDABLE
from partners.refusals import Refused
from portal.audit.models import AuditEvent
from portal.ids import public_id
from portal.mail.models import Mail
from portal.mail.outbox import compose
from tests.notifications.conftest import BALANCE, Api
from tests.partners.agreements.conftest import SYSTEM, TERMS, Browser, agreed, as_system, desk, text_of

from .asking import broken_rules, inputs, kept, said, value_of

__all__ = ["desk"]
pytestmark = pytest.mark.django_db

SENDABLES = [cluster.value for cluster in SENDABLE]
PARCEL = {"merchant": "Kiosk", "carrier": "DHL", "tracking_number": "1", "status": "SHIPPED"}
RECEIPT = {
    "merchant": "Kiosk",
    "total": {"value": "3.00", "currency": "USD"},
    "reference": "R-1",
    "purchased_at": "2026-11-23T09:30:00Z",
}
WIDER = {"clusters": [*SENDABLES, "CHAT"], "countries": "US, DE", "retention_days": "120"}


@pytest.fixture
def ana(desk: Any) -> Browser:
    """Ana, who allowed balances, fraud alerts and receipts under version 1."""
    return Browser(desk.world.ana.person.user)


def page(desk: Any, more: str = "") -> str:
    return f"/me/grants/{public_id('grt', desk.world.ana.grant.id)}{more}"


def grant(desk: Any) -> Grant:
    with as_system():
        return Grant.objects.get(pk=desk.world.ana.grant.id)


def asked_by_mail() -> list[Mail]:
    with as_system():
        return list(Mail.objects.filter(template="consents/asked_again").order_by("to"))


def answer(ana: Client, desk: Any, **form: Any) -> str:
    """What the page says after an answer to what it shows."""
    seen = value_of(ana.get(page(desk, "/terms")), "seen")
    assert seen
    return text_of(ana.post(page(desk, "/terms"), {"seen": seen, **form}, follow=True))


def connected_under(desk: Any, **terms: Any) -> None:
    """Ana connects anew, once terms of fewer kinds than the widest are in force."""
    agreed(desk, **terms)
    ana = desk.world.ana
    with as_system():
        old = Grant.objects.select_related("customer", "account").get(pk=ana.grant.id)
        end_grant(grant_id=old.id, actor=SYSTEM, reason="test", to=Grant.Status.INVALIDATED)
        ana.grant = give_consent(
            customer=old.customer,
            account=old.account,
            choice=Choice(["BALANCES"], [Account("acc-ana", "•• 4821", "Current account")], 90, "Balances"),
            actor=SYSTEM,
        )


def test_as_many_are_asked_as_the_preview_counted(desk: Any) -> None:
    preview = text_of(desk.first.post(desk.offer_page, {**TERMS, **WIDER, "preview": "1"}))
    assert "2 must be asked again" in preview
    assert ask_people() == 0
    agreed(desk, **WIDER)
    assert ask_people() == 2
    assert [one.to for one in asked_by_mail()] == ["ana@people.example", "ben@people.example"]
    assert page(desk, "/terms") in compose(asked_by_mail()[0]).body
    assert ask_people() == 0, "once"


def shortened_by_mail() -> list[Mail]:
    with as_system():
        return list(Mail.objects.filter(template="consents/shortened").order_by("to"))


def test_a_shorter_longest_grant_ends_what_was_given_for_longer_and_people_are_told(desk: Any) -> None:
    ana, ben = desk.world.ana.grant, desk.world.ben.grant
    with as_system():
        month = timedelta(days=31)
        Grant.objects.filter(pk=ben.id).update(
            authorised_at=F("authorised_at") - month, expires_at=F("expires_at") - month
        )
    preview = text_of(desk.first.post(desk.offer_page, {**TERMS, "longest_grant_days": "30", "preview": "1"}))
    assert "2 end earlier than the person chose." in preview
    api = Api(desk.world.bank.clients["live"])
    to_ben = {"customer_ref": "CUST-2", "data": BALANCE | {"account": "acc-ben"}}
    queued = api.send(**to_ben).json()["id"]
    agreed(desk, longest_grant_days="30")

    assert api.send().status_code == 202
    refused = api.send(**to_ben)
    assert (refused.status_code, refused.json()["code"]) == (403, "no_active_grant")
    with as_system():  # one transaction holds the test, and has but one now()
        Delivery.objects.filter(grant_id=ben.id).update(next_attempt_at=F("next_attempt_at") - month)
        Delivery.objects.exclude(grant_id=ben.id).update(status="SENT")
    deliver_batch(lane=Lane.STANDARD)
    assert api.get(f"/notifications/{queued}").json()["status"] == "WITHDRAWN"

    assert ask_people() == 2
    assert ask_people() == 0, "once"
    with as_system():
        now = Grant.objects.get(pk=ana.id)
        told = AuditEvent.objects.filter(code="consent.shortened").order_by("id")
        assert [one.target_id for one in told] == sorted([ana.id, ben.id]), (
            "in the order of all who lock several"
        )
    assert now.expires_at == now.authorised_at + timedelta(days=30)
    assert [one.to for one in shortened_by_mail()] == ["ana@people.example", "ben@people.example"]
    assert "for at most 30 days" in compose(shortened_by_mail()[0]).body
    Browser(desk.world.ana.person.user).post(page(desk, "/reconfirm"))
    with as_system():
        assert ConsentRecord.objects.get(pk=grant(desk).record_id).valid_until == now.expires_at
    assert expire_grants() == 1
    with as_system():
        assert Grant.objects.get(pk=ben.id).status == "EXPIRED"


def test_until_the_answer_all_goes_on_by_the_old_terms(desk: Any, ana: Browser) -> None:
    connected_under(desk, clusters=["BALANCES", "FRAUD_ALERTS"])
    agreed(desk, **WIDER)
    ask_people()
    assert "New terms" in text_of(ana.get("/me/"))
    shown = text_of(ana.get(page(desk)))
    assert "nothing more is sent until you agree. See what would change" in shown.replace("  ", " ")
    api = Api(desk.world.bank.clients["live"])
    assert api.send().status_code == 202
    refused = api.send("parcel", PARCEL)
    assert (refused.status_code, refused.json()["code"]) == (403, "no_active_grant")


def test_the_page_says_all_that_the_rules_ask_for(desk: Any, ana: Browser) -> None:
    connected_under(desk, clusters=["BALANCES", "FRAUD_ALERTS"])
    agreed(desk, **WIDER)
    ask_people()
    until = day_words(grant(desk).expires_at)
    own = {
        "1: for as long as the person picked": [
            "It stays as you chose it, and ends by itself.",
            f"Until {until}",
        ],
        "2: which accounts": ["Current account •• 4821 (you allow this already)"],
        "2: which kinds, down to their fields": [
            "Balances (you allow this already)",
            "Deliveries of what you bought (new)",
            "It holds: the shop; who brings it; the parcel’s number;",
        ],
        "2: to whom": ["The messages go from the bank to your Messenger chat with Norden Bank."],
        "6: what is new is marked, what was allowed stays": [
            "Choose those of the new ones that you want. What you allow already stays.",
            "If you decline, everything stays as it is.",
            "is kept for 120 days, then destroyed. Until now: 90 days.",
            "Your data may also be used in Germany. Until now: United States.",
        ],
        "10: what is kept": ["A message is kept for 120 days, then destroyed.", "It is kept in:"],
    }
    assert broken_rules(said(ana.get(page(desk, "/terms"))), own) == []


def test_nothing_new_is_chosen_beforehand_and_no_is_as_easy_as_yes(desk: Any, ana: Browser) -> None:
    connected_under(desk, clusters=["BALANCES", "FRAUD_ALERTS"])
    agreed(desk, **WIDER)
    ask_people()
    shown = ana.get(page(desk, "/terms"))
    new = ["TRANSACTIONS", "RECEIPTS", "SHIPMENTS", "FRAUD_ALERTS", "ACCOUNT_SERVICING", "CHAT"]
    assert inputs(shown, "kinds") == {kind: False for kind in new if kind != "FRAUD_ALERTS"}
    buttons = re.findall(r'<button class="([^"]+)" name="answer" value="(\w+)">', shown.content.decode())
    assert buttons == [("button", "allow"), ("button", "decline")]


def test_the_record_keeps_word_for_word_what_was_shown(desk: Any, ana: Browser) -> None:
    connected_under(desk, clusters=["BALANCES", "FRAUD_ALERTS"])
    agreed(desk, **WIDER)
    ask_people()
    shown = ana.get(page(desk, "/terms"))
    answer(ana, desk, answer="allow", kinds=["SHIPMENTS"])
    record, text = kept(grant(desk))
    told, _, chosen = text.partition("\n\nWhat was chosen\n")
    for line in filter(None, told.split("\n")):
        # the page sets a kind's name, purpose and fields apart, where the text has a full stop and no button
        for part in line.removesuffix(" (new)").removesuffix(" (you allow this already)").split(". "):
            assert part.rstrip(".") in said(shown), line
    assert chosen.split("\n") == [
        "Kinds of messages: Balances, Deliveries of what you bought.",
        "Accounts: Current account •• 4821.",
        f"How long: Until {day_words(grant(desk).expires_at)}.",
        "Who decided: Ana ana@people.example.",
        "Sent to: your Messenger chat with Norden Bank.",
    ]
    assert (record.language, record.given_through) == ("en", "page")
    assert record.disclosure_sha256 == hashlib.sha256(text.encode()).hexdigest()
    with as_system():
        assert Mail.objects.filter(template="consents/receipt", to="ana@people.example").exists()


def test_what_changed_meanwhile_is_asked_again_on_the_new_text(desk: Any, ana: Browser) -> None:
    connected_under(desk, clusters=["BALANCES", "FRAUD_ALERTS"])
    agreed(desk, **WIDER)
    ask_people()
    form = {"seen": value_of(ana.get(page(desk, "/terms")), "seen"), "kinds": ["SHIPMENTS"]}
    agreed(desk, **WIDER | {"retention_days": "180"})
    ask_people()
    for choice in ("allow", "decline"):
        again = ana.post(page(desk, "/terms"), {**form, "answer": choice}, follow=True)
        assert again.redirect_chain == [(page(desk, "/terms"), 302)]
        assert "The terms have changed again since you opened this." in text_of(again)
        assert "A message is kept for 180 days" in said(again)
    assert (grant(desk).clusters, grant(desk).answered_at) == (["BALANCES"], None)
    assert "The new terms hold from now on." in answer(ana, desk, answer="allow", kinds=["SHIPMENTS"])


def test_a_suspended_bank_asks_nobody_and_no_can_still_be_said(desk: Any, ana: Browser) -> None:
    agreed(desk, **WIDER)
    ask_people()
    form = {"seen": value_of(ana.get(page(desk, "/terms")), "seen"), "kinds": ["CHAT"]}
    reviewer = desk.world.staff.reviewer
    change_partner_status(partner_id=desk.world.bank.partner.pk, to="SUSPENDED", actor=reviewer)
    for refused in (
        ana.get(page(desk, "/terms"), follow=True),
        ana.post(page(desk, "/terms"), {**form, "answer": "allow"}, follow=True),
    ):
        assert "Norden Bank cannot ask for anything at the moment." in text_of(refused)
        assert refused.redirect_chain == [(page(desk), 302)]
    assert grant(desk).answered_at is None
    said_no = ana.post(page(desk, "/terms"), {**form, "answer": "decline"}, follow=True)
    assert "Everything stays as it was." in text_of(said_no)


def test_new_terms_leave_out_what_the_agreement_no_longer_covers(desk: Any, ana: Browser) -> None:
    """As every new consent does: the record holds nothing that was not shown."""
    agreed(desk, clusters=[*(kind for kind in SENDABLES if kind != "RECEIPTS"), "CHAT"], retention_days="120")
    ask_people()
    assert "Receipts" not in said(ana.get(page(desk, "/terms")))
    answer(ana, desk, answer="allow")
    assert grant(desk).clusters == ["BALANCES", "FRAUD_ALERTS"]
    assert kept(grant(desk))[0].clusters == ["BALANCES", "FRAUD_ALERTS"]


def test_yes_makes_the_new_terms_the_persons_own(desk: Any, ana: Browser) -> None:
    connected_under(desk, clusters=["BALANCES", "FRAUD_ALERTS"])
    version = agreed(desk, **WIDER)
    ask_people()
    assert "The new terms hold from now on." in answer(ana, desk, answer="allow", kinds=["SHIPMENTS"])
    now = grant(desk)
    assert (now.clusters, now.agreement_version_id) == (["BALANCES", "SHIPMENTS"], version.id)
    with as_system():
        kept = ConsentRecord.objects.get(pk=now.record_id)
        assert ConsentRecord.objects.filter(grant=now).count() == 2
    assert (kept.event, kept.clusters, kept.retention_days) == ("RenewedConsentGiven", now.clusters, 120)
    assert kept.agreement.endswith(f"v{version.number}")
    api = Api(desk.world.bank.clients["live"])
    assert api.send("parcel", PARCEL).status_code == 202
    assert api.send("receipt", RECEIPT).json()["code"] == "no_active_grant"
    assert "New terms" not in text_of(ana.get("/me/"))
    assert "You agreed to something new" in text_of(ana.get(page(desk)))


def test_disuse_of_a_new_kind_is_counted_from_the_yes_to_it(desk: Any) -> None:
    connected_under(desk, clusters=["BALANCES", "FRAUD_ALERTS"])
    agreed(desk, **WIDER)
    ask_people()
    with as_system():
        grants = Grant.objects.filter(pk=desk.world.ana.grant.id)
        grants.update(expires_at=F("expires_at") + timedelta(days=200))
    found, began = [], timezone.now()
    with time_machine.travel(began + timedelta(days=60)):
        ana = Browser(desk.world.ana.person.user)
        answer(ana, desk, answer="allow", kinds=["SHIPMENTS"])
    for days in (91, 149, 151):
        with time_machine.travel(began + timedelta(days=days)):
            tend_all()
        with as_system():
            found.append([one.cluster for one in UnusedKind.objects.filter(grant__in=grants).order_by("id")])
    assert found == [["BALANCES"], ["BALANCES"], ["BALANCES", "SHIPMENTS"]]


def test_no_leaves_all_as_it_was_and_is_not_asked_again(desk: Any, ana: Browser) -> None:
    before = grant(desk)
    agreed(desk, **WIDER)
    ask_people()
    assert "Everything stays as it was." in answer(ana, desk, answer="decline")
    now = grant(desk)
    same = ("clusters", "agreement_version_id", "record_id", "status")
    assert [getattr(now, name) for name in same] == [getattr(before, name) for name in same]
    assert ask_people() == 0
    assert ana.get(page(desk, "/terms")).status_code == 302
    assert Api(desk.world.bank.clients["live"]).send().status_code == 202


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"answer": "allow"}, "Choose at least one kind of message, or decline."),
        ({"answer": "allow", "kinds": ["BALANCES"]}, "BALANCES is not among what is new."),
        ({"answer": "allow", "kinds": ["CHAT"], "seen": "0" * 64}, "The terms have changed again"),
    ],
)
def test_what_was_not_shown_cannot_be_agreed_to(
    desk: Any, ana: Browser, form: dict[str, Any], sentence: str
) -> None:
    agreed(desk, clusters=WIDER["clusters"])
    ask_people()
    assert sentence in answer(ana, desk, **form)
    assert grant(desk).answered_at is None


def test_only_the_person_answers(desk: Any, ana: Browser) -> None:
    agreed(desk, **WIDER)
    ask_people()
    stranger = Browser(desk.world.charlie.person.user)
    assert stranger.get(page(desk, "/terms")).status_code == 404
    assert stranger.post(page(desk, "/terms"), {"answer": "allow"}).status_code == 404
    assert grant(desk).answered_at is None


def test_narrowing_asks_nobody_and_takes_back_what_was_asked(desk: Any, ana: Browser) -> None:
    agreed(desk, **WIDER)
    ask_people()
    agreed(desk, clusters=["BALANCES"])
    assert ask_people() == 0
    assert grant(desk).asked_version_id is None
    assert ana.get(page(desk, "/terms")).status_code == 302
    assert "Not sent any more" in text_of(ana.get(page(desk)))
    refused = Api(desk.world.bank.clients["live"]).send("receipt", RECEIPT)
    assert "outside your agreement: see clause 2.1" in refused.json()["detail"]


def test_a_channel_outside_the_agreement_cannot_be_granted(desk: Any) -> None:
    with pytest.raises(Refused, match=r"does not cover this messenger: see its clause 2\.2"):
        connected_under(desk, channels=["whatsapp"])
