"""Where messages arrive: chosen when a person allows them, and put in order, added to and taken from afterwards."""

import json
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client

from consents.actions.ask_again import ask_people
from consents.actions.link import link_account
from consents.choosing import account_key
from consents.models import ConsentRecord, Grant, LinkedAccount
from consents.route import recorded_chats
from partners.access import member_principal
from partners.actions.webhooks import add_endpoint
from portal.audit.models import AuditEvent
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.vault.keys import data_key_for
from tests.consents.asking import SYSTEM, Asked, grants_of, inputs, kept, newcomer, said, value_of
from tests.consents.test_rights import proven, taken_along
from tests.pages.test_change import seen, told
from tests.pages.test_person import text_of
from tests.partners.amending import agree_on

KINDS = ["BALANCES", "FRAUD_ALERTS", "RECEIPTS"]


def chat(world: Any, person_id: UUID, address: str) -> LinkedAccount:
    with scope(SYSTEM), transaction.atomic():
        return link_account(sender=world.bank.sender, person_id=person_id, address=address, actor=SYSTEM)


@pytest.fixture
def second(world: Any) -> LinkedAccount:
    return chat(world, world.ana.person_id, "2101")


@pytest.fixture
def path(world: Any) -> str:
    return f"/me/grants/{public_id('grt', world.ana.grant.id)}"


def grant_of(story: Any) -> Grant:
    with scope(SYSTEM), transaction.atomic():
        return Grant.objects.get(pk=story.grant.pk)


def route(story: Any) -> list[UUID]:
    grant = grant_of(story)
    return [grant.account_id, *grant.fallback_ids]


def recorded(story: Any) -> list[str]:
    """The accounts that the present record names, in order."""
    with scope(SYSTEM), transaction.atomic():
        record = ConsentRecord.objects.get(pk=grant_of(story).record_id)
        key = data_key_for(record.partner_id, record.person_id)
        return [one.account_id for one in recorded_chats(record, key)]


def form(world: Any, *chats: UUID) -> dict[str, Any]:
    """The change page, filled in: all as it is, and these chats."""
    accounts = [account_key(world.ana.grant, "acc-ana")]
    return {"kinds": KINDS, "accounts": accounts, "has_chats": "1", "chats": [str(one) for one in chats]}


def add(ana: Client, world: Any, path: str, *others: LinkedAccount) -> str:
    """By the page, as its person does; returns what was shown before the yes."""
    wish = form(world, *route(world.ana), *(one.id for one in others))
    shown = ana.post(f"{path}/change", wish)
    ana.post(f"{path}/change", {**wish, "answer": "allow", "seen": seen(shown.content.decode())})
    return text_of(shown)


def order(ana: Client, path: str, *chats: UUID) -> str:
    names = ",".join(public_id("lac", one) for one in chats)
    return text_of(ana.post(f"{path}/chats", {"order": names}, follow=True))


def test_another_chat_is_added_by_a_new_consent(ana: Client, world: Any, path: str, second: Any) -> None:
    first = route(world.ana)
    page = ana.get(f"{path}/change")
    assert inputs(page, "chats") == {str(second.id): False}, "nothing preselected"
    shown = add(ana, world, path, second)
    assert "New: Where it arrives First: your Messenger chat with Norden Bank (linked on" in shown
    assert "Only if that cannot be reached: your Messenger chat with Norden Bank (linked on" in shown
    assert route(world.ana) == [*first, second.id]
    assert recorded(world.ana) == [str(one) for one in route(world.ana)]
    assert "Only if that cannot be reached:" in kept(grant_of(world.ana))[1]
    assert inputs(ana.get(f"{path}/change"), "chats") == {str(second.id): True}


def test_before_the_yes_nothing_is_added(ana: Client, world: Any, path: str, second: Any) -> None:
    before = route(world.ana)
    wish = form(world, *before, second.id)
    ana.post(f"{path}/change", wish)
    ana.post(f"{path}/change", {**wish, "answer": "allow", "seen": "made up"})
    assert route(world.ana) == before


def test_the_receipt_the_export_and_the_page_say_it(ana: Client, world: Any, path: str, second: Any) -> None:
    add(ana, world, path, second)
    receipt = f"{path}/receipts/{public_id('rec', grant_of(world.ana).record_id)}"
    assert "Where it arrives First: your Messenger chat" in text_of(ana.get(receipt))
    chats = ana.get(f"{receipt}/json").json()["parley"]["chats"]
    assert [(one["channel"], one["sender"]) for one in chats] == [("messenger", "Norden Bank")] * 2
    found, readable = taken_along(proven(ana))
    names = [public_id("lac", one) for one in route(world.ana)]
    assert found["connections"][0]["arrives_in"] == names
    assert {*names} <= {one["id"] for one in found["linked_accounts"]}
    assert "<li>2001</li><li>2101</li>" in readable
    assert "In the first chat. In the next one only while those before it cannot be reached." in text_of(
        ana.get(path)
    )


def test_the_order_is_changed_at_once(ana: Client, world: Any, path: str, second: Any) -> None:
    add(ana, world, path, second)
    first, other = route(world.ana)
    before = grant_of(world.ana)
    owner, partner = member_principal(world.bank.members[0].user, "norden")
    add_endpoint(partner_id=partner.id, environment="live", actor=owner)
    assert "From now on messages arrive in this order." in order(ana, path, other, first)
    assert route(world.ana) == [other, first]
    assert recorded(world.ana) == [str(other), str(first)]
    now = grant_of(world.ana)
    assert (now.clusters, now.expires_at, now.authorised_at) == (
        before.clusters, before.expires_at, before.authorised_at,
    )  # fmt: skip
    assert told() == [("grant.amended", grant_of(world.ana).clusters)]
    order(ana, path, other, first)
    assert told() == [("grant.amended", grant_of(world.ana).clusters)], "a second press changes nothing"
    with scope(SYSTEM), transaction.atomic():
        event = AuditEvent.objects.get(code="consent.rerouted")
    assert (event.target_id, event.data["chats"]) == (now.id, 2)
    assert str(other) not in json.dumps(event.data)
    assert "The chats that messages arrive in were changed" in text_of(ana.get(path))


def test_a_chat_is_taken_out_at_once_by_either_page(ana: Client, world: Any, path: str, second: Any) -> None:
    third = chat(world, world.ana.person_id, "2102")
    add(ana, world, path, second, third)
    first, *others = route(world.ana)
    assert len(others) == 2
    ana.post(f"{path}/change", form(world, first, second.id))
    assert route(world.ana) == [first, second.id]
    order(ana, path, second.id)
    assert route(world.ana) == [second.id], "the first as well, where another stays"
    assert "has changed since you opened this" in order(ana, path)
    assert route(world.ana) == [second.id]


@pytest.mark.parametrize("whose", ["ben", "nobody", "her own, not allowed", "twice"])
def test_only_chats_that_she_allows_can_be_put_in_order(
    ana: Client, world: Any, path: str, second: Any, whose: str
) -> None:
    with scope(SYSTEM), transaction.atomic():
        ben = Grant.objects.get(pk=world.ben.grant.pk).account_id
    first = route(world.ana)[0]
    strange = {"ben": ben, "nobody": UUID(int=7), "her own, not allowed": second.id, "twice": first}[whose]
    assert "has changed since you opened this" in order(ana, path, first, strange)
    assert route(world.ana) == [first]
    if whose in ("ben", "nobody"):
        ana.post(f"{path}/change", form(world, first, strange))
        ana.post(f"{path}/change", {**form(world, first, strange), "answer": "allow", "seen": "x"})
        ana.post(f"{path}/change", {**form(world, strange), "answer": "allow", "seen": "x"})
        assert route(world.ana) == [first]
    assert "has changed since" in text_of(ana.post(f"{path}/chats", {"order": "lac_x"}, follow=True))


def test_strangers_find_nothing_to_order(world: Any, path: str, sign_in: Any) -> None:
    stranger = sign_in(world.charlie.person.user)
    names = {"order": public_id("lac", route(world.ana)[0])}
    assert stranger.post(f"{path}/chats", names, follow=True).status_code == 404
    assert sign_in(world.ben.person.user).post(f"{path}/chats", names).status_code == 404
    assert Client().post(f"{path}/chats", names)["Location"].startswith("/accounts/login/")


def test_unlinking_a_fallback_lets_the_connection_go_on(
    ana: Client, world: Any, path: str, second: Any
) -> None:
    add(ana, world, path, second)
    first = route(world.ana)[0]
    owner, partner = member_principal(world.bank.members[0].user, "norden")
    add_endpoint(partner_id=partner.id, environment="live", actor=owner)
    page = f"/me/link/chats/{public_id('lac', second.id)}/unlink"
    assert "Your connection with Norden Bank goes on in your other chats." in text_of(ana.get(page))
    ana.post(page)
    assert (route(world.ana), grant_of(world.ana).status) == ([first], "ACTIVE")
    assert recorded(world.ana) == [str(first)]
    assert told() == [("grant.amended", grant_of(world.ana).clusters)]


def test_unlinking_the_first_ends_it_and_says_how_not_to(
    ana: Client, world: Any, path: str, second: Any
) -> None:
    add(ana, world, path, second)
    page = f"/me/link/chats/{public_id('lac', route(world.ana)[0])}/unlink"
    words = text_of(ana.get(page))
    assert "Your connection with Norden Bank ends" in words
    assert "To keep it, put another chat first on its page, then unlink this one." in words
    ana.post(page)
    assert grant_of(world.ana).status == "REVOKED"


def test_the_question_offers_a_fallback_and_nothing_is_ticked(world: Any, api: Any) -> None:
    zoe = newcomer(world)
    other = chat(world, zoe.person_id, "2078")
    asked = Asked(api, zoe.person)
    page = asked.open()
    chats = inputs(page, "chat")
    assert set(chats) == set(inputs(page, "fallbacks"))
    assert len(chats) == 2
    assert not any([*chats.values(), *inputs(page, "fallbacks").values()])
    assert "Each message arrives once." in said(page)
    first = next(one for one in chats if one != str(other.id))
    strange = asked.answer(chat=first, fallbacks=[str(route(world.ana)[0])])
    assert strange.status_code == 422
    assert not grants_of(zoe.person_id)
    assert asked.answer(chat=first, fallbacks=["x"]).status_code == 422
    asked.answer(chat=first, fallbacks=[first, str(other.id)], seen=value_of(page, "seen"))
    (grant,) = grants_of(zoe.person_id)
    assert (str(grant.account_id), grant.fallback_ids) == (first, [other.id])
    assert "Only if that cannot be reached: your Messenger chat with Norden Bank" in kept(grant)[1]


def test_a_chat_that_the_agreement_does_not_cover_is_not_offered(
    ana: Client, world: Any, path: str, second: Any
) -> None:
    with scope(SYSTEM), transaction.atomic():
        LinkedAccount.objects.filter(pk=second.pk).update(channel="whatsapp")
    before = route(world.ana)
    assert not inputs(ana.get(f"{path}/change"), "chats")
    ana.post(f"{path}/change", {**form(world, *before, second.id), "answer": "allow", "seen": "x"})
    assert route(world.ana) == before


def test_new_terms_say_where_messages_arrive(ana: Client, world: Any, path: str, second: Any) -> None:
    add(ana, world, path, second)
    agree_on(world, retention_days=120)
    ask_people()
    page = ana.get(f"{path}/terms")
    assert "Only if that cannot be reached: your Messenger chat with Norden Bank" in said(page)
    ana.post(f"{path}/terms", {"answer": "allow", "seen": value_of(page, "seen")})
    assert "Only if that cannot be reached:" in kept(grant_of(world.ana))[1]
    assert recorded(world.ana) == [str(one) for one in route(world.ana)]
