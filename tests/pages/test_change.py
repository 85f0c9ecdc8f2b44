"""Changing what a connected bank may send: less at once, more and longer by a new consent."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.test import Client
from django.utils import timezone

from consents.actions.ask_again import ask_people
from consents.choosing import account_key, named_place
from consents.models import ConsentRecord, Customer, Grant
from consents.records import Account, disclosure_place, granted_accounts
from partners.access import member_principal
from partners.actions.partners import change_partner_status
from partners.actions.webhooks import add_endpoint
from partners.models import WebhookMessage
from partners.webhooks.signing import open_data
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import open_sealed, seal
from portal.vault.keys import data_key_for
from tests.pages.test_person import text_of
from tests.partners.amending import agree_on

SYSTEM = Principal.system()
SAVINGS = Account("acc-ana-2", "•• 0917", "Savings account")
ALL = ["BALANCES", "FRAUD_ALERTS", "RECEIPTS"]


@pytest.fixture
def page(world: Any, grant_path: Callable[[Any], str]) -> str:
    return f"{grant_path(world.ana)}/change"


def grant_of(story: Any) -> Grant:
    with scope(SYSTEM), transaction.atomic():
        return Grant.objects.select_related("customer").get(pk=story.grant.pk)


def record_of(story: Any) -> tuple[ConsentRecord, str]:
    """The present one, and the words that were shown for it."""
    with scope(SYSTEM), transaction.atomic():
        record = ConsentRecord.objects.get(pk=grant_of(story).record_id)
        key = data_key_for(record.partner_id, record.person_id)
        return record, open_sealed(key, record.disclosure, aad=disclosure_place(record.id)).decode()


def masks_of(story: Any) -> list[str]:
    with scope(SYSTEM), transaction.atomic():
        grant = grant_of(story)
        accounts = granted_accounts(grant, data_key_for(grant.partner_id, grant.person_id))
    return [one["mask"] for one in accounts]


def bank_names(story: Any, *accounts: Account) -> None:
    """What a bank's next question would leave behind."""
    with scope(SYSTEM), transaction.atomic():
        customer = grant_of(story).customer
        key = data_key_for(customer.partner_id, customer.person_id)
        sealed = json.dumps([asdict(one) for one in accounts]).encode()
        customer.accounts = seal(key, sealed, aad=named_place(customer))
        Customer.objects.filter(pk=customer.pk).update(accounts=customer.accounts)


def keys(story: Any, *refs: str) -> list[str]:
    return [account_key(story.grant, ref) for ref in refs or ["acc-ana"]]


def seen(page: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', page)
    assert found
    return found[1]


def test_it_shows_all_there_is_with_what_is_allowed_chosen(ana: Client, world: Any, page: str) -> None:
    bank_names(world.ana, SAVINGS)
    shown = ana.get(page).content.decode()
    boxes = re.findall(r'name="(?:kinds|accounts)" value="(\w+)"[^>]*?( checked)?>', shown)
    chosen = {value for value, is_checked in boxes if is_checked}
    assert chosen == {*ALL, *keys(world.ana)}
    assert {value for value, _ in boxes} >= {*chosen, "TRANSACTIONS", *keys(world.ana, SAVINGS.ref)}
    assert "Savings account •• 0917" in text_of(ana.get(page))
    assert "acc-ana" not in shown


def test_less_is_less_at_once(ana: Client, api: Any, world: Any, page: str) -> None:
    api.send()
    form = {"kinds": ["FRAUD_ALERTS", "RECEIPTS"], "accounts": keys(world.ana)}
    said = text_of(ana.post(page, form, follow=True))
    assert "Done. What you took out is not sent any more." in said
    assert "You took something out of what you allow 1 message that waited was not sent." in said
    assert api.send().json()["code"] == "no_active_grant"
    record, words = record_of(world.ana)
    assert (record.clusters, record.event) == (["FRAUD_ALERTS", "RECEIPTS"], "RenewedConsentGiven")
    assert "Taken out: Balances" in words
    assert record.valid_until == world.ana.grant.expires_at


def test_an_account_is_taken_out(ana: Client, api: Any, world: Any, page: str) -> None:
    bank_names(world.ana, SAVINGS)
    both = {"kinds": ALL, "accounts": keys(world.ana, "acc-ana", SAVINGS.ref)}
    allowed = ana.post(page, both).content.decode()
    ana.post(page, {**both, "answer": "allow", "seen": seen(allowed)})
    assert masks_of(world.ana) == ["•• 4821", "•• 0917"]
    ana.post(page, {"kinds": ALL, "accounts": keys(world.ana, SAVINGS.ref)})
    assert masks_of(world.ana) == ["•• 0917"]
    assert api.send().json()["code"] == "account_not_in_grant"


@pytest.mark.parametrize("missing", ["kinds", "accounts"])
def test_something_has_to_stay(ana: Client, world: Any, page: str, missing: str) -> None:
    form = {"kinds": ALL, "accounts": keys(world.ana)}
    answer = ana.post(page, {**form, missing: []})
    assert answer.status_code == 422
    assert "To end it all, disconnect instead." in answer.content.decode()
    strange = text_of(ana.post(page, {**form, missing: ["ADVERTISING"]}, follow=True))
    assert "has changed since you opened this" in strange
    assert grant_of(world.ana).clusters == ALL


def test_more_needs_a_yes_to_all_that_holds_from_then_on(
    ana: Client, api: Any, world: Any, page: str
) -> None:
    before = grant_of(world.ana)
    form = {"kinds": [*ALL, "SHIPMENTS"], "accounts": keys(world.ana)}
    answer = ana.post(page, form)
    shown = text_of(answer)
    assert "New: Deliveries of what you bought" in shown
    assert "Current account •• 4821" in shown
    assert "A message is kept for 90 days, then destroyed." in shown
    assert "agreement AGR-NORDEN." in shown
    assert f"Until {before.expires_at.day} {before.expires_at:%B %Y}" in shown
    assert len(re.findall(r'<(?:a|button) class="button"', answer.content.decode())) == 2, "alike"
    assert grant_of(world.ana).clusters == ALL, "nothing before the yes"
    yes = {**form, "answer": "allow", "seen": seen(answer.content.decode())}
    assert "The change holds from now on." in text_of(ana.post(page, yes, follow=True))
    now = grant_of(world.ana)
    assert (set(now.clusters), now.expires_at) == ({*form["kinds"]}, before.expires_at)
    record, words = record_of(world.ana)
    assert "New: Deliveries of what you bought: Where your orders are" in words
    assert record.agreement == "AGR-NORDEN v1"
    assert "Read it once more" in text_of(ana.post(page, yes, follow=True)), "a second press changes nothing"
    assert grant_of(world.ana).record_id == now.record_id


def test_nothing_is_allowed_on_terms_that_were_not_shown(ana: Client, world: Any, page: str) -> None:
    form = {"kinds": [*ALL, "SHIPMENTS"], "accounts": keys(world.ana)}
    yes = {**form, "answer": "allow", "seen": seen(ana.post(page, form).content.decode())}
    agree_on(world, retention_days=120)
    assert "Read it once more." in text_of(ana.post(page, yes, follow=True))
    assert grant_of(world.ana).clusters == ALL


def test_a_suspended_bank_can_be_given_less_but_not_more(ana: Client, world: Any, page: str) -> None:
    change_partner_status(partner_id=world.bank.partner.id, to="SUSPENDED", actor=world.staff.reviewer)
    form = {"kinds": [*ALL, "SHIPMENTS"], "accounts": keys(world.ana)}
    assert "cannot ask for anything at the moment" in text_of(ana.post(page, form, follow=True))
    ana.post(page, {**form, "kinds": ["RECEIPTS"]})
    assert grant_of(world.ana).clusters == ["RECEIPTS"]


def test_the_bank_is_told_of_both(ana: Client, world: Any, page: str) -> None:
    owner, partner = member_principal(world.bank.members[0].user, "norden")
    add_endpoint(partner_id=partner.id, environment="live", actor=owner)
    form = {"kinds": ["BALANCES"], "accounts": keys(world.ana)}
    ana.post(page, form)
    form["kinds"] += ["RECEIPTS"]
    ana.post(page, {**form, "answer": "allow", "seen": seen(ana.post(page, form).content.decode())})
    assert told() == [("grant.amended", ["BALANCES"]), ("grant.amended", ["BALANCES", "RECEIPTS"])]


def told() -> list[tuple[str, list[str]]]:
    with scope(SYSTEM), transaction.atomic():
        messages = list(WebhookMessage.objects.order_by("sequence"))
        opened = [
            open_data(data_key_for(one.partner_id, one.person_id), one.id, one.data) for one in messages
        ]
    return [(one.type, data["clusters"]) for one, data in zip(messages, opened, strict=True)]


def test_renewing_is_offered_in_the_last_month_and_interrupts_nothing(
    world: Any, sign_in: Callable[[Any], Client], grant_path: Callable[[Any], str]
) -> None:
    path = grant_path(world.ana)
    assert sign_in(world.ana.person.user).get(f"{path}/renew").status_code == 302
    end = world.ana.grant.expires_at
    with time_machine.travel(end - timedelta(days=20)):
        ana = sign_in(world.ana.person.user)
        ana.post(f"{path}/reconfirm")
        assert "If you renew it before, nothing is interrupted." in text_of(ana.get(path))
        shown = ana.get(f"{path}/renew")
        assert " checked" not in shown.content.decode()
        form = {"seen": seen(shown.content.decode())}
        refused = ana.post(f"{path}/renew", form)
        assert (refused.status_code, "Pick for how long." in refused.content.decode()) == (422, True)
        said = text_of(ana.post(f"{path}/renew", {**form, "days": "180"}, follow=True))
        assert "Renewed without a break." in said
        renewed = grant_of(world.ana)
        until = timezone.now() + timedelta(days=180)
        assert abs(renewed.expires_at - until) < timedelta(minutes=1)
        assert renewed.pk == world.ana.grant.pk
        assert {*renewed.clusters} == {*ALL}
        record, words = record_of(world.ana)
        assert record.valid_until == renewed.expires_at
        assert f"Until: {until.day} {until:%B %Y}" in words
        assert ana.get(f"{path}/renew").status_code == 302


def test_renewing_counts_as_the_yes_that_is_due(
    world: Any, sign_in: Callable[[Any], Client], grant_path: Callable[[Any], str]
) -> None:
    path = grant_path(world.ana)
    with time_machine.travel(world.ana.grant.expires_at - timedelta(days=20)):
        ana = sign_in(world.ana.person.user)
        assert "If you renew it, that confirms it as well." in text_of(ana.get(path))
        form = {"seen": seen(ana.get(f"{path}/renew").content.decode()), "days": "180"}
        shown = text_of(ana.post(f"{path}/renew", form, follow=True))
        assert "Renewed and confirmed." in shown
        assert "your choice waits for you to confirm it again" not in shown
        assert not grant_of(world.ana).is_unconfirmed


def test_renewing_is_offered_while_new_terms_wait_and_answers_them(
    world: Any, sign_in: Callable[[Any], Client], grant_path: Callable[[Any], str]
) -> None:
    path = grant_path(world.ana)
    version = agree_on(world, retention_days=120)
    ask_people()
    with time_machine.travel(world.ana.grant.expires_at - timedelta(days=20)):
        ana = sign_in(world.ana.person.user)
        ana.post(f"{path}/reconfirm")
        shown = ana.get(path)
        assert "some go further than what you allowed" in text_of(shown)
        assert f'href="{path}/renew"' in shown.content.decode()
        renew = ana.get(f"{path}/renew").content.decode()
        assert "A message is kept for 120 days" in renew
        ana.post(f"{path}/renew", {"seen": seen(renew), "days": "180"})
        assert "some go further than what you allowed" not in text_of(ana.get(path))
    now = grant_of(world.ana)
    assert (now.agreement_version_id, now.asked_version_id) == (version.id, None)


def test_a_connection_that_has_ended_cannot_be_changed(
    ana: Client, world: Any, page: str, grant_path: Callable[[Any], str]
) -> None:
    ana.post(f"{grant_path(world.ana)}/disconnect")
    assert ana.get(page).status_code == 302
    assert ana.post(page, {"kinds": ["RECEIPTS"], "accounts": keys(world.ana)}).status_code == 302
    assert grant_of(world.ana).clusters == ALL


def test_a_strangers_grant_is_not_there(ana: Client, world: Any, grant_path: Callable[[Any], str]) -> None:
    for word in ("change", "renew"):
        assert ana.get(f"{grant_path(world.ben)}/{word}").status_code == 404
        assert ana.post(f"{grant_path(world.ben)}/{word}").status_code == 404
