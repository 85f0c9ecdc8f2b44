"""Erasing an account while something of it is going on."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection, connections, transaction

from consents.actions.erase import erase_person
from consents.actions.link import issue_reference
from consents.models import Erasure, Grant, LinkToken
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.sandbox.conftest import wait_until

SYSTEM = Principal.system()


def test_it_waits_for_what_goes_on_and_holds_nobody_up(committed_world: Any) -> None:
    """Whoever has the grant writes what refers to the person, and needs a share of their row at the end."""
    ana = committed_world.ana
    actor = Principal(Kind.PERSON, id=ana.person.user.pk, person_id=ana.person_id)

    def erase() -> None:
        try:
            erase_person(actor=actor)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as other:
        with scope(SYSTEM), transaction.atomic():
            Grant.objects.select_for_update().get(pk=ana.grant.id)
            erased = other.submit(erase)
            wait_until(lambda: erased.done() or _somebody_waits())
            assert not erased.done()
            issue_reference(sender=committed_world.bank.sender, person_id=ana.person_id)
        erased.result(timeout=30)
    with scope(SYSTEM), transaction.atomic():
        assert Erasure.objects.filter(person_id=ana.person_id).count() == 1
        assert not LinkToken.objects.filter(person_id=ana.person_id).exists()


def _somebody_waits() -> bool:
    """For a transaction that holds a row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted")
        return cursor.fetchone() is not None
