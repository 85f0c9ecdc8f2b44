"""What a person says in their chat meets what they do on a page at the same moment: neither is lost to a deadlock.

Each test holds what the one has locked so far, until the other waits for it, and then goes on with the one.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections, transaction

from consents.actions.erase import erase_person
from consents.actions.link import issue_reference
from consents.actions.requests import Answer, allow_request
from consents.models import Erasure, Grant, GrantRequest, LinkedAccount
from notifications.actions.chat import hear
from notifications.actions.inbound import hear_people
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.consents.asking import Asked, grants_of, inputs, signed_in, value_of
from tests.notifications.conftest import Api
from tests.notifications.test_engine import hook, says
from tests.sandbox.conftest import wait_until

SYSTEM = Principal.system()


@pytest.fixture
def beside() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """Runs something in a connection of its own; returns once that is done, or waits for a lock of ours."""
    with ThreadPoolExecutor(1) as pool:

        def run(function: Callable[[], Any]) -> Any:
            try:
                return function()
            finally:
                connections.close_all()

        def start(function: Callable[[], Any]) -> Future[Any]:
            started = pool.submit(run, function)
            wait_until(lambda: started.done() or _somebody_waits())
            assert not started.done()
            return started

        yield start


def test_a_stop_in_the_chat_while_more_is_allowed_on_the_page(committed_world: Any, beside: Any) -> None:
    ana, http = committed_world.ana, signed_in(committed_world.ana.person)
    path = f"/me/grants/{public_id('grt', ana.grant.id)}/change"
    accounts = list(inputs(http.get(path), "accounts"))
    form = {"kinds": ["BALANCES", "SHIPMENTS"], "accounts": accounts}
    read = http.post(path, form)
    with scope(SYSTEM), transaction.atomic():
        _lock_account(ana)
        allowed = beside(lambda: http.post(path, {**form, "answer": "allow", "seen": value_of(read, "seen")}))
        _hear(committed_world, "STOP")
    assert allowed.result(timeout=30).status_code == 302
    (grant,) = grants_of(ana.person_id)
    assert (grant.status, grant.end_reason, grant.clusters) == ("REVOKED", "stop_in_chat", ana.grant.clusters)


def test_a_stop_in_the_chat_while_a_question_of_the_bank_is_answered(
    committed_world: Any, beside: Any
) -> None:
    ana = committed_world.ana
    actor = Principal(Kind.PERSON, id=ana.person.user.pk, person_id=ana.person_id)
    api = Api(committed_world.bank.clients["live"])
    asked = Asked(api, ana.person, customer_ref="CUST-1", clusters=["BALANCES", "SHIPMENTS"])
    page = asked.open()
    answer = Answer(["SHIPMENTS"], ["acc-77-1"], "90", ana.grant.account_id)
    request_id = asked.row.id
    hook(committed_world, says("STOP"))
    with transaction.atomic():
        with scope(SYSTEM):
            GrantRequest.objects.select_for_update().get(pk=request_id)
        heard = beside(hear_people)
        allow_request(request_id=request_id, seen=value_of(page, "seen"), answer=answer, actor=actor)
    assert heard.result(timeout=30) == 1
    (grant,) = grants_of(ana.person_id)
    assert (grant.status, grant.clusters) == ("REVOKED", ["SHIPMENTS"]), "the word came last, so it counts"


def test_a_link_is_brought_into_the_chat_while_its_person_erases_their_account(
    committed_world: Any, beside: Any
) -> None:
    ana = committed_world.ana
    actor = Principal(Kind.PERSON, id=ana.person.user.pk, person_id=ana.person_id)
    _, token = issue_reference(sender=committed_world.bank.sender, person_id=ana.person_id)
    with scope(SYSTEM), transaction.atomic():
        _lock_account(ana)
        erased = beside(lambda: erase_person(actor=actor))
        event = says("hello")
        event["message"]["referral"] = {"ref": token}
        hear(sender=committed_world.bank.sender, kind="message", address="2001", event=event)
    erased.result(timeout=30)
    with scope(SYSTEM), transaction.atomic():
        assert Erasure.objects.filter(person_id=ana.person_id).exists()
        assert not LinkedAccount.objects.filter(person_id=ana.person_id).exclude(status="UNLINKED").exists()
        assert not Grant.objects.filter(person_id=ana.person_id, status="ACTIVE").exists()


def _lock_account(ana: Any) -> None:
    """As hearing anything in the chat does."""
    LinkedAccount.objects.select_for_update(no_key=True).get(pk=ana.grant.account_id)


def _hear(world: Any, word: str) -> None:
    hear(sender=world.bank.sender, kind="message", address="2001", event=says(word))


def _somebody_waits() -> bool:
    """For a transaction that holds a row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted")
        return cursor.fetchone() is not None
