"""The one page on which a person decides, and every way in which it can end."""

import re
import threading
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any, get_type_hints
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from consents.actions.expire import expire_grants
from consents.actions.link import link_account, unlink_account
from consents.actions.requests import ask_for_grant
from consents.actions.stop import end_grant, pause_grant
from consents.disclosure import FIELDS
from consents.models import Customer, Grant, GrantRequest, LinkedAccount
from consents.records import Account, granted_accounts
from notifications.actions.sandbox import simulated_sender
from notifications.typed_data import DATA
from partners.actions.partners import change_partner_status
from partners.models import AgreementVersion
from portal.audit.models import AuditEvent
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.crypto import open_sealed
from portal.vault.keys import data_key_for
from tests.conftest import PASSWORD
from tests.notifications.conftest import Api
from tests.partners.amending import agree_on
from tests.partners.team.test_races import at_once
from tests.sandbox.conftest import wait_until

from .asking import (
    BODY,
    SYSTEM,
    Asked,
    broken_rules,
    days_between,
    grants_of,
    inputs,
    kept,
    newcomer,
    refusals,
    said,
    signed_in,
    value_of,
)


@pytest.fixture
def api(world: Any) -> Api:
    return Api(world.bank.clients["live"])


@pytest.fixture
def zoe(world: Any) -> SimpleNamespace:
    return newcomer(world)


@pytest.fixture
def asked(api: Api, zoe: Any) -> Asked:
    return Asked(api, zoe.person)


def landed(response: Any) -> dict[str, str]:
    """Where a person comes out, when that is at the bank."""
    assert response.status_code == 302
    parts = urlsplit(response["Location"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://www.norden.example/back"
    return {name: values[0] for name, values in parse_qs(parts.query).items()}


def test_the_page_says_all_that_the_rules_ask_for(asked: Asked, world: Any) -> None:
    with time_machine.travel("2026-11-24T08:00:00Z", tick=False):
        words = said(asked.open())
    own = {
        "1: at most a year, once or a period, picked by the person": [
            "Choose once, or a period.",
            "Once: for 24 hours from now, then it ends by itself",
            "For 30 days, until 24 December 2026",
            "For 90 days, until 22 February 2027",
            "For 180 days, until 23 May 2027",
        ],
        "2: who asks": ["Norden Bank asks to write to you"],
        "2: which kinds, down to their fields": [
            "Balances How much money is in your accounts",
            "Fraud alerts Payments that look wrong",
            "Receipts What you paid and where",
        ],
        "2: which accounts": ["Current account •• 4821", "Credit card •• 1284"],
        "6: nothing beyond what is chosen": ["Choose those you want."],
        "10: what is kept": ["A message is kept for 90 days, then destroyed."],
    }
    assert broken_rules(words, own) == []


def test_nothing_is_chosen_beforehand_and_no_is_as_easy_as_yes(asked: Asked) -> None:
    page = asked.open()
    assert inputs(page, "kinds") == {"BALANCES": False, "RECEIPTS": False, "FRAUD_ALERTS": False}
    assert inputs(page, "accounts") == {"acc-77-1": False, "acc-77-2": False}
    assert inputs(page, "period") == {"once": False, "30": False, "90": False, "180": False}
    buttons = re.findall(r'<button class="([^"]+)" name="answer" value="(\w+)">', page.content.decode())
    assert buttons == [("button", "allow"), ("button", "decline")]
    assert "zoe@people.example" in said(page)
    assert "Messenger, with Norden Bank" in said(page)
    assert page["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    assert "form-action 'self' https://www.norden.example;" in f"{page['Content-Security-Policy']};"


def test_allowing_gives_exactly_what_was_chosen(asked: Asked, zoe: Any) -> None:
    page = asked.open()
    answer = asked.answer(page=page, kinds=["FRAUD_ALERTS", "BALANCES"])
    assert landed(answer) == {
        "from": "parley",
        "state": "s 1/ä",
        "grant_request": asked.id,
        "status": "ACTIVE",
    }
    (grant,) = grants_of(zoe.person_id)
    assert (grant.status, grant.clusters, grant.is_once) == ("ACTIVE", ["BALANCES", "FRAUD_ALERTS"], False)
    assert days_between(grant.authorised_at, grant.expires_at) == 90
    assert asked.state["status"] == "ACTIVE"
    assert asked.state["grant_id"] == public_id("grt", grant.id)
    shown = asked.api.get(f"/grants/{asked.state['grant_id']}").json()
    assert shown["accounts"] == [BODY["accounts"][0]]
    assert asked.api.get("/grants?customer_ref=CUST-77").json()["data"] == [shown]


def test_the_record_keeps_word_for_word_what_was_shown(asked: Asked, zoe: Any) -> None:
    page = asked.open()
    asked.answer(page=page)
    record, text = kept(grants_of(zoe.person_id)[0])
    shown, _, chosen = text.partition("\n\nWhat was chosen\n")
    for line in filter(None, shown.split("\n")):
        # the page sets a kind's name, purpose and fields apart, where the text has a full stop and no button
        for part in line.split(". "):
            assert part.rstrip(".") in said(page), line
    assert chosen.split("\n") == [
        "Kinds of messages: Balances.",
        "Accounts: Current account •• 4821.",
        chosen.split("\n")[2],
        "Who decided: Zoe zoe@people.example.",
        "Sent to: your Messenger chat with Norden Bank.",
    ]
    assert chosen.split("\n")[2].startswith("How long: For 90 days, until ")
    assert (record.language, record.given_through, record.event) == ("en", "page", "ConsentGiven")
    assert (record.purposes, record.recipients) == (["ACCOUNT_UPDATES"], ["messenger"])


def test_once_ends_after_a_day(asked: Asked, zoe: Any) -> None:
    landed(asked.answer(period="once"))
    (grant,) = grants_of(zoe.person_id)
    assert (grant.is_once, days_between(grant.authorised_at, grant.expires_at)) == (True, 1)


def test_what_the_bank_named_can_be_chosen_from_later(asked: Asked, zoe: Any) -> None:
    asked.answer()
    with scope(SYSTEM):
        customer = Customer.objects.get(person_id=zoe.person_id)
        key = data_key_for(customer.partner_id, customer.person_id)
    place = b"customer.accounts" + customer.id.bytes
    assert b"acc-77-2" in open_sealed(key, customer.accounts, aad=place)


def test_declining_gives_nothing(asked: Asked, zoe: Any) -> None:
    assert landed(asked.answer("decline"))["status"] == "REJECTED"
    assert grants_of(zoe.person_id) == []
    assert (asked.state["status"], asked.state["grant_id"]) == ("REJECTED", None)
    page = asked.open()
    assert "You declined" in said(page)
    assert "status=REJECTED" in page.content.decode()
    with scope(SYSTEM):
        assert AuditEvent.objects.filter(code="grant_request.declined", person_id=zoe.person_id).count() == 1


def test_what_is_missing_is_named_and_what_was_ticked_stays(asked: Asked, zoe: Any) -> None:
    page = asked.answer(kinds=["RECEIPTS"], accounts=[], period="")
    assert page.status_code == 422
    assert page.content.decode().count('<li><a href="#') == 2
    assert said(page).count("Choose at least one account, or decline.") == 2
    assert said(page).count("Choose how long: once, or a period.") == 2
    assert inputs(page, "kinds") == {"BALANCES": False, "RECEIPTS": True, "FRAUD_ALERTS": False}
    assert "<title>Error: " in page.content.decode().replace("\n", "")
    assert grants_of(zoe.person_id) == []
    landed(asked.answer(page=page))


def test_a_double_press_and_the_back_button_end_on_what_was_decided(asked: Asked, zoe: Any) -> None:
    page = asked.open()
    asked.answer(page=page)
    for again in ("allow", "decline"):
        answer = asked.answer(again, page=page)
        assert answer["Location"] == asked.path
        words = said(asked.open())
        assert "You have answered this already. Nothing was changed." in words
        assert "Norden Bank may write to you" in words
    assert len(grants_of(zoe.person_id)) == 1
    assert grants_of(zoe.person_id)[0].status == "ACTIVE"
    assert refusals(asked) == ["used"], "once, however often"


def test_after_a_quarter_of_an_hour_it_says_so_and_leads_back(asked: Asked, zoe: Any) -> None:
    page = asked.open()
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        late = signed_in(zoe.person)
        form = {"answer": "allow", "kinds": "BALANCES", "accounts": "acc-77-1", "period": "90"}
        form |= {"seen": value_of(page, "seen"), "chat": value_of(page, "chat")}
        for answer in (late.post(asked.path, form), late.get(asked.path)):
            assert answer.status_code == 410
            assert "This question is too old" in said(answer)
            assert "grant_request=" + asked.id in answer.content.decode()
    assert grants_of(zoe.person_id) == []
    assert refusals(asked) == ["expired"]


def test_whoever_opens_it_first_is_asked_and_nobody_else(asked: Asked, world: Any) -> None:
    asked.open()
    other = signed_in(newcomer(world, "yan", "2078").person)
    for answer in (other.get(asked.path), other.post(asked.path, {"answer": "decline"})):
        assert answer.status_code == 404
        assert "This question is for somebody else" in said(answer)
        assert "s+1" not in answer.content.decode()
    assert asked.row.status == "PENDING"
    third = signed_in(newcomer(world, "xia", "2079").person)
    third.get(asked.path)
    assert refusals(asked) == ["another_person", "another_person"], "once for each of the two"


def test_the_page_opens_only_so_often_in_a_minute(asked: Asked) -> None:
    assert [asked.open().status_code for _ in range(61)] == [200] * 60 + [429]


def test_it_has_to_be_opened_before_it_is_answered(asked: Asked) -> None:
    assert asked.http.post(asked.path, {"answer": "decline"}).status_code == 404
    assert (asked.row.status, asked.row.person_id) == ("PENDING", None)


def test_another_persons_customer_reference_is_refused(api: Api, zoe: Any, world: Any) -> None:
    asked = Asked(api, zoe.person, customer_ref="CUST-1")
    page = asked.open()
    assert page.status_code == 409
    assert "This customer of the bank is connected by somebody else’s Parley account." in said(page)
    assert (refusals(asked), asked.row.person_id) == (["another_customer"], None)
    assert signed_in(world.ana.person).get(asked.path).status_code == 200


def test_a_customer_of_the_bank_cannot_become_another_one(api: Api, world: Any) -> None:
    asked = Asked(api, world.ana.person)
    page = asked.open()
    assert page.status_code == 409
    assert "You are connected with this bank as another one of its customers." in said(page)
    assert refusals(asked) == ["another_customer"]


def test_the_reference_that_was_taken_since_is_refused(asked: Asked, api: Api, zoe: Any, world: Any) -> None:
    page = asked.open()
    faster = newcomer(world, "yan", "2078")
    landed(Asked(api, faster.person).answer())
    assert asked.answer(page=page).status_code == 409
    assert grants_of(zoe.person_id) == []
    assert refusals(asked) == ["another_customer"]


@pytest.mark.parametrize(
    "chosen",
    [
        {"kinds": ["BALANCES", "SHIPMENTS"]},
        {"accounts": ["acc-77-1", "acc-ana"]},
        {"period": "365"},
        {"period": "nonsense"},
    ],
)
def test_what_was_not_offered_cannot_be_chosen(asked: Asked, zoe: Any, chosen: dict[str, Any]) -> None:
    answer = asked.answer(**chosen)
    assert answer.status_code == 409
    assert "What came back was not what the page had offered" in said(answer)
    assert grants_of(zoe.person_id) == []
    assert refusals(asked) == ["tampered"]
    landed(asked.answer())


def test_another_persons_chat_is_no_choice(asked: Asked, world: Any, zoe: Any) -> None:
    answer = asked.answer(chat=str(world.ana.grant.account_id))
    assert answer.status_code == 422
    assert "This chat is not linked with this bank by you" in said(answer)
    assert grants_of(zoe.person_id) == []


def test_an_agreement_amended_meanwhile_is_read_again(asked: Asked, zoe: Any, world: Any) -> None:
    page = asked.open()
    agree_on(world, longest_grant_days=60)
    assert asked.answer(page=page)["Location"] == asked.path
    again = asked.open()
    assert "has changed since you opened this page. Nothing was allowed: read it again." in said(again)
    assert inputs(again, "kinds") == {"BALANCES": False, "FRAUD_ALERTS": False}
    assert inputs(again, "period") == {"once": False, "30": False, "60": False}
    assert grants_of(zoe.person_id) == []
    assert refusals(asked) == ["changed"]
    landed(asked.answer(page=again, period="60"))
    assert grants_of(zoe.person_id)[0].agreement_version_id is not None


def test_a_bank_suspended_meanwhile_gets_nothing(asked: Asked, zoe: Any, world: Any) -> None:
    page = asked.open()
    change_partner_status(partner_id=world.bank.partner.id, to="SUSPENDED", actor=world.staff.reviewer)
    for answer in (asked.answer(page=page), asked.open()):
        assert answer.status_code == 409
        assert "Norden Bank cannot ask you now" in said(answer)
        assert "/back" not in answer.content.decode()
    assert grants_of(zoe.person_id) == []
    assert refusals(asked) == ["stopped"]
    assert asked.http.post(asked.path, {"answer": "decline"}).status_code == 302


def test_an_agreement_that_ended_meanwhile_allows_nothing(asked: Asked, zoe: Any) -> None:
    page = asked.open()
    with scope(SYSTEM), transaction.atomic():
        AgreementVersion.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    answer = asked.answer(page=page)
    assert (answer.status_code, grants_of(zoe.person_id)) == (409, [])
    assert "Norden Bank has no agreement with Parley in force" in said(answer)


def test_an_agreement_that_lost_all_that_was_asked_leaves_nothing_to_offer(
    api: Api, zoe: Any, world: Any
) -> None:
    asked = Asked(api, zoe.person, clusters=["RECEIPTS"])
    agree_on(world)
    page = asked.open()
    assert page.status_code == 409
    assert "is outside its agreement with Parley now" in said(page)


def test_a_session_that_ended_comes_back_to_the_same_question(asked: Asked, zoe: Any) -> None:
    page = asked.open()
    asked.http.logout()
    to_sign_in = asked.answer(page=page)["Location"]
    assert to_sign_in == f"/accounts/login/?next={asked.path}"
    words = said(asked.http.get(to_sign_in))
    assert "Norden Bank (norden.example, verified by Parley) asks what it may send you." in words
    form = {"login": "zoe@people.example", "password": PASSWORD, "next": asked.path}
    assert asked.http.post(to_sign_in, form)["Location"] == asked.path
    assert inputs(asked.open(), "kinds") == {"BALANCES": False, "RECEIPTS": False, "FRAUD_ALERTS": False}
    landed(asked.answer())
    assert len(grants_of(zoe.person_id)) == 1


def test_the_way_to_signing_up_keeps_the_question(asked: Asked) -> None:
    page = Client().get(f"/accounts/login/?next={asked.path}")
    sign_up = re.search(r'href="(/accounts/signup/\?next=[^"]+)"', page.content.decode())
    assert sign_up is not None
    assert "asks what it may send you" in said(Client().get(sign_up[1]))


def test_the_banks_language_is_the_first_one_shown(api: Api, zoe: Any) -> None:
    asked = Asked(api, zoe.person, locale="es-MX")
    stranger, chosen = Client(), Client()
    chosen.cookies["language"] = "en"
    for http, language in ((stranger, "es"), (chosen, "en")):
        page = http.get(asked.path, follow=True)
        assert page.redirect_chain == [(f"/accounts/login/?next={asked.path}", 302)]
        assert f'<html lang="{language}">' in page.content.decode()
    stranger.post("/accounts/login/", {"login": zoe.person.user.email, "password": zoe.person.password})
    zoe.person.user.refresh_from_db()
    assert zoe.person.user.locale == "en"  # a bank never changes what somebody has chosen
    assert 'lang="en"' in asked.open().content.decode()  # her account says so
    zoe.person.user.locale = "es"
    zoe.person.user.save()
    page = asked.open()
    assert 'lang="es"' in page.content.decode()
    asked.answer(page=page)
    record = kept(grants_of(zoe.person_id)[0])[0]
    assert (record.language, "escribir PARAR" in record.withdrawal_method) == ("es", True)


@pytest.mark.parametrize("req", ["req_" + "0" * 32, "grt_" + "0" * 32, "nonsense"])
def test_a_wrong_address_says_what_to_do(world: Any, zoe: Any, req: str) -> None:
    page = signed_in(zoe.person).get(f"/authorize/{req}")
    assert page.status_code == 404
    assert "There is no such question" in said(page)


def test_who_has_no_chat_links_one_and_comes_back(api: Api, world: Any) -> None:
    yan = newcomer(world, "yan", address=None)
    asked = Asked(api, yan.person)
    page = asked.open()
    start = f"/me/link/{world.bank.sender.id}"
    assert "You have linked no chat with this bank yet." in said(page)
    assert f'href="{start}?again=1"' in page.content.decode()
    missing = asked.answer()
    assert missing.status_code == 422
    assert "Choose the chat that the messages go to, or link one." in said(missing)
    assert f'href="{asked.path}"' in asked.http.get(f"{start}/declined").content.decode()
    assert landed(asked.answer("decline"))["status"] == "REJECTED"
    assert f'href="{asked.path}"' not in asked.http.get(f"{start}/declined").content.decode()


def test_with_several_chats_one_is_picked(asked: Asked, zoe: Any, world: Any) -> None:
    other = link_account(
        sender=world.bank.sender, person_id=zoe.person_id, address="2099", actor=Principal.system()
    )
    page = asked.open()
    assert len(inputs(page, "chat")) == 2
    assert not any(inputs(page, "chat").values())
    assert asked.answer(page=page).status_code == 422
    landed(asked.answer(page=page, chat=str(other.id)))
    assert grants_of(zoe.person_id)[0].account_id == other.id


def test_a_chat_unlinked_meanwhile_is_chosen_anew(asked: Asked, zoe: Any) -> None:
    page = asked.open()
    with scope(SYSTEM), transaction.atomic():
        account = LinkedAccount.objects.get(person_id=zoe.person_id)
    unlink_account(account_id=account.id, reason="unlinked")
    answer = asked.answer(page=page)
    assert answer.status_code == 422
    assert "This chat is not linked with this bank by you, or not any more." in said(answer)
    assert grants_of(zoe.person_id) == []


def test_a_change_marks_what_is_new_and_keeps_what_there_is(api: Api, world: Any) -> None:
    ana = world.ana
    asked = Asked(api, ana.person, customer_ref="CUST-1", clusters=["BALANCES", "SHIPMENTS"])
    page = asked.open()
    assert "Norden Bank asks to change what it may send you" in said(page)
    ticked = {"BALANCES": True, "RECEIPTS": True, "SHIPMENTS": False, "FRAUD_ALERTS": True}
    assert inputs(page, "kinds") == ticked
    assert inputs(page, "accounts") == {"acc-77-1": False, "acc-77-2": False, "acc-ana": True}
    assert inputs(page, "period") == {"once": False, "30": False, "90": False, "180": False}
    assert "Deliveries of what you bought (new)" in said(page)
    assert "Balances (you allow this already)" in said(page)
    landed(asked.answer(page=page, kinds=["BALANCES", "SHIPMENTS"], accounts=["acc-ana", "acc-77-1"]))
    (grant,) = grants_of(ana.person_id)
    assert (grant.id, grant.clusters) == (ana.grant.id, ["BALANCES", "SHIPMENTS"])
    assert grant.record_id != ana.grant.record_id
    with scope(SYSTEM):
        accounts = granted_accounts(grant, data_key_for(grant.partner_id, grant.person_id))
    assert [one["ref"] for one in accounts] == ["acc-77-1", "acc-ana"]
    record, text = kept(grant)
    assert record.event == "RenewedConsentGiven"
    assert "(new)" in text
    assert asked.state["grant_id"] == public_id("grt", grant.id)


def test_declining_a_change_leaves_everything(api: Api, world: Any) -> None:
    asked = Asked(api, world.ana.person, customer_ref="CUST-1", clusters=["SHIPMENTS"])
    assert landed(asked.answer("decline"))["status"] == "REJECTED"
    (grant,) = grants_of(world.ana.person_id)
    assert (grant.record_id, grant.clusters) == (world.ana.grant.record_id, world.ana.grant.clusters)


def test_a_paused_connection_stays_paused(api: Api, world: Any) -> None:
    ana = world.ana
    actor = Principal(Kind.PERSON, id=ana.person.user.pk, person_id=ana.person_id)
    pause_grant(grant_id=ana.grant.id, actor=actor)
    asked = Asked(api, ana.person, customer_ref="CUST-1")
    page = asked.open()
    assert "You have paused it. It stays paused until you resume it." in said(page)
    landed(asked.answer(page=page))
    assert grants_of(ana.person_id)[0].status == "PAUSED"


@pytest.mark.parametrize("is_marked", [True, False])
def test_after_the_end_it_is_a_new_connection(api: Api, world: Any, is_marked: bool) -> None:
    ana = world.ana
    with scope(SYSTEM), transaction.atomic():
        Grant.objects.filter(pk=ana.grant.id).update(expires_at=timezone.now() - timedelta(seconds=1))
    if is_marked:
        expire_grants()
    asked = Asked(api, ana.person, customer_ref="CUST-1")
    page = asked.open()
    assert "Norden Bank asks to write to you" in said(page)
    assert not any(inputs(page, "kinds").values())
    landed(asked.answer(page=page))
    old, new = grants_of(ana.person_id)
    assert (old.status, new.status) == ("EXPIRED", "ACTIVE")


def test_what_has_ended_since_is_not_said_to_hold(asked: Asked, zoe: Any) -> None:
    asked.answer()
    actor = Principal(Kind.PERSON, id=zoe.person.user.pk, person_id=zoe.person_id)
    end_grant(grant_id=grants_of(zoe.person_id)[0].id, actor=actor, reason="person_disconnected")
    words = said(asked.open())
    assert "What you allowed here has ended" in words
    assert "Norden Bank may write to you" not in words


def test_a_developer_tries_it_in_the_sandbox(world: Any, zoe: Any) -> None:
    api, back = Api(world.bank.clients["sandbox"]), "http://localhost:3000/back"
    asked = Asked(api, zoe.person, redirect_uri=back, state="s-1", clusters=["BALANCES", "CHAT"])
    page = asked.open()
    assert "Norden Bank, in its sandbox: a bank tries things here." in said(page)
    assert "At the moment no chat can be linked with Norden Bank." in said(
        page
    )  # her live chat is none of the sandbox
    sender, _ = simulated_sender(partner_id=world.bank.partner.id, channel="messenger")
    start = f"/me/link/{sender.id}"
    assert f'href="{start}?again=1"' in asked.open().content.decode()
    assert asked.http.get(start).status_code == 200
    assert signed_in(world.ben.person).get(start).status_code == 404
    link_account(sender=sender, person_id=zoe.person_id, address="5077", actor=SYSTEM)
    answer = asked.answer(kinds=["CHAT"])
    assert answer["Location"] == f"{back}?state=s-1&grant_request={asked.id}&status=ACTIVE"
    assert (grants_of(zoe.person_id)[0].environment, asked.state["status"]) == ("sandbox", "ACTIVE")


def test_without_a_bank_that_waits_they_stay_here(world: Any, zoe: Any) -> None:
    row = ask_for_grant(
        partner_id=world.bank.partner.id,
        environment="live",
        way=GrantRequest.Way.DIRECTORY,
        customer_ref="CUST-77",
        clusters=["BALANCES"],
        accounts=[Account("acc-77-1", "•• 4821", "Current account")],
        duration_days=365,
        redirect_uri="",
        state="",
        locale="",
        person_id=zoe.person_id,
    )
    path, http = f"/authorize/{public_id('req', row.id)}", signed_in(zoe.person)
    page = http.get(path)
    form = {"answer": "allow", "kinds": "BALANCES", "accounts": "acc-77-1", "period": "365"}
    form |= {"seen": value_of(page, "seen"), "chat": value_of(page, "chat")}
    assert http.post(path, form)["Location"] == path
    done = http.get(path)
    assert "Norden Bank may write to you" in said(done)
    assert f"/me/grants/{public_id('grt', grants_of(zoe.person_id)[0].id)}" in done.content.decode()


def test_of_two_presses_at_once_one_counts(committed_world: Any) -> None:
    zoe = newcomer(committed_world)
    asked = Asked(Api(committed_world.bank.clients["live"]), zoe.person)
    page = asked.open()
    browsers = [signed_in(zoe.person) for _ in range(3)]
    form = {"answer": "allow", "kinds": "BALANCES", "accounts": "acc-77-1", "period": "90"}
    form |= {"seen": value_of(page, "seen"), "chat": value_of(page, "chat")}
    at_once(*(partial(one.post, asked.path, form) for one in browsers))
    assert len(grants_of(zoe.person_id)) == 1
    assert refusals(asked) == ["used"]


@pytest.mark.parametrize("is_known", [True, False])
def test_of_two_requests_allowed_at_once_one_is_read_again(committed_world: Any, is_known: bool) -> None:
    who, ref = (committed_world.ana, "CUST-1") if is_known else (newcomer(committed_world), "CUST-77")
    if is_known:
        actor = Principal(Kind.PERSON, person_id=who.person_id)
        end_grant(grant_id=who.grant.id, actor=actor, reason="person_disconnected")
    api = Api(committed_world.bank.clients["live"])
    tabs = [Asked(api, who.person, customer_ref=ref) for _ in range(2)]
    acts = [partial(tab.answer, page=tab.open()) for tab in tabs]
    with scope(SYSTEM), transaction.atomic():
        assert LinkedAccount.objects.select_for_update().get(person_id=who.person_id)
        both = threading.Thread(target=at_once, args=acts)
        both.start()
        wait_until(lambda: waiting() == 2)
    both.join(30)
    assert [one.status for one in grants_of(who.person_id)][-1:] == ["ACTIVE"]
    assert "EXPIRED" not in [one.status for one in grants_of(who.person_id)]
    assert [refusal for tab in tabs for refusal in refusals(tab)] == ["changed"]
    assert sorted(tab.state["status"] for tab in tabs) == ["ACTIVE", "PENDING"]


def waiting() -> int:
    """How many connections to this database wait for a row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_locks"
            " WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        return cursor.fetchone()[0]


def test_of_two_people_at_once_one_is_asked(committed_world: Any) -> None:
    people = [newcomer(committed_world), newcomer(committed_world, "yan", "2078")]
    asked = Asked(Api(committed_world.bank.clients["live"]), people[0].person)
    at_once(*(partial(signed_in(one.person).get, asked.path) for one in people))
    assert asked.row.person_id in [one.person_id for one in people]
    assert refusals(asked) == ["another_person"]


def test_every_field_that_can_be_sent_is_in_plain_words() -> None:
    for cluster, kind in DATA.items():
        names = list(get_type_hints(kind)) or ["messages"]
        assert list(FIELDS[cluster]) == names
