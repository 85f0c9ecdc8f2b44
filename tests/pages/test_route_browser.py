"""Two chats of one person, put in order on a phone and by keyboard alone."""

from typing import Any

import pytest
from django.db import transaction

from consents.actions.link import link_account
from consents.models import Grant, LinkedAccount
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.consents.asking import BODY
from tests.keyboard import PHONE, press_named, sign_in
from tests.looks import looks_right
from tests.notifications.conftest import Api

pytestmark = pytest.mark.browser
SYSTEM = Principal.system()


def test_a_person_orders_their_chats_by_keyboard_on_a_phone(tab: Any, site: Any) -> None:
    world = site.world
    with scope(SYSTEM), transaction.atomic():
        second = link_account(
            sender=world.bank.sender, person_id=world.ana.person_id, address="2101", actor=SYSTEM
        )
        first = Grant.objects.get(pk=world.ana.grant.pk).account_id

    def route() -> list[Any]:
        with scope(SYSTEM), transaction.atomic():
            grant = Grant.objects.get(pk=world.ana.grant.pk)
            return [grant.account_id, *grant.fallback_ids]

    tab.set_viewport_size(PHONE)
    tab.goto("/me/")
    sign_in(tab, "ana@people.example")
    page = f"/me/grants/{public_id('grt', world.ana.grant.id)}"
    tab.goto(f"{page}/change")
    looks_right(tab)
    name = tab.locator("label[for=chat-1]").inner_text()
    press_named(tab, name, key="Space", role="checkbox")
    press_named(tab, "Go on")
    looks_right(tab)
    press_named(tab, "Allow")
    assert route() == [first, second.id]
    with scope(SYSTEM), transaction.atomic():
        LinkedAccount.objects.filter(pk=first).update(status="SUSPENDED")
    tab.reload()
    around = tab.locator(".route").bounding_box()
    for part in tab.locator(".route :is(p, p *, button)").all():
        inside = part.bounding_box()
        assert inside["x"] + inside["width"] <= around["x"] + around["width"], "it stays in its card"
    looks_right(tab)
    press_named(tab, f"Move up {name}")
    assert route() == [second.id, first]
    press_named(tab, f"Remove {name}")
    assert route() == [first]
    assert tab.get_by_role("button", name="Move up").count() == 0
    body = {**BODY, "customer_ref": "CUST-1"}
    question = Api(world.bank.clients["live"]).post("/grant-requests", body).json()
    tab.goto(f"/authorize/{question['id']}")
    assert tab.locator("input[name=fallbacks]").count() == 2
    assert tab.locator("input[name=fallbacks]:checked").count() == 0
    looks_right(tab)
