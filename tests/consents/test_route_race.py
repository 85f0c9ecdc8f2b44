"""A chat is taken out of a grant while a claim is about to choose it: it is not chosen any more."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections, transaction

from consents.actions.give import give_consent_again
from consents.actions.link import link_account, unlink_account
from consents.actions.route import order_chats
from consents.models import LinkedAccount
from consents.policy import ACCOUNT
from consents.records import Account, Choice
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.sandbox.conftest import wait_until

SYSTEM = Principal.system()
GATE = 7_001
# As the claim has it: the choice is made on what the statement sees at first, then the grant's row is locked
_CHOOSE = f"""
SELECT a.id FROM (SELECT pg_advisory_xact_lock({GATE})) gate CROSS JOIN consents_grant g
LEFT JOIN partners_agreementversion v ON v.partner_id = g.partner_id AND v.status = 'FINALIZED'
JOIN {ACCOUNT}
WHERE g.id = %s FOR KEY SHARE OF g SKIP LOCKED
"""


class Route:
    """Ana's grant, which names two chats; the first cannot be reached."""

    def __init__(self, world: Any) -> None:
        self.grant_id, person_id = world.ana.grant.id, world.ana.person_id
        self.actor = Principal(Kind.PERSON, id=world.ana.person.user.pk, person_id=person_id)
        self.first = world.ana.grant.account
        self.second = link_account(
            sender=world.bank.sender, person_id=person_id, address="2101", actor=self.actor
        )
        choice = Choice(["BALANCES"], [Account("acc-ana", "•• 4821", "Account")], 90, "Two")
        give_consent_again(
            grant_id=self.grant_id,
            account=self.first,
            fallbacks=[self.second],
            choice=choice,
            actor=self.actor,
        )
        with scope(SYSTEM), transaction.atomic():
            LinkedAccount.objects.filter(pk=self.first.pk).update(status="SUSPENDED")

    def unlink(self) -> None:
        unlink_account(account_id=self.second.pk, reason="unlinked_on_page", actor=self.actor)

    def take_out(self) -> None:
        order_chats(grant_id=self.grant_id, order=[self.first.pk], actor=self.actor)


@pytest.fixture
def route(committed_world: Any) -> Route:
    return Route(committed_world)


def choose(grant_id: UUID) -> list[UUID]:
    try:
        with scope(SYSTEM), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_CHOOSE, [grant_id])
            return [found for (found,) in cursor.fetchall()]
    finally:
        connections.close_all()


def is_at_the_gate() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return cursor.fetchone() is not None


def gate(function: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}({GATE})")


def test_the_second_is_chosen_where_nothing_happens_meanwhile(route: Route) -> None:
    assert choose(route.grant_id) == [route.second.pk]


@pytest.mark.parametrize("how", ["unlink", "take_out"])
def test_what_left_the_grant_meanwhile_is_not_chosen(route: Route, how: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        gate("pg_advisory_lock")
        try:
            chosen = pool.submit(choose, route.grant_id)
            wait_until(is_at_the_gate)
            getattr(route, how)()
        finally:
            gate("pg_advisory_unlock")
        assert chosen.result(timeout=30) == []
