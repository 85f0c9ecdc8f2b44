"""A principal's role and tenant last as long as its transaction, on whatever connection that was."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from celery import shared_task
from django.db import DatabaseError, ProgrammingError, connection, transaction

from consents.models import Grant
from notifications.models import Lane
from notifications.tasks import deliver_due
from portal.ids import uuid7
from portal.tenancy.backend.base import DatabaseWrapper
from portal.tenancy.context import current, scope
from portal.tenancy.principal import Kind, Principal

pytestmark = pytest.mark.django_db

CONTEXT = """
SELECT pg_backend_pid(), current_user::text, current_setting('app.partner', true),
       current_setting('app.person', true), current_setting('app.environment', true)
"""
BANK = Principal(Kind.CLIENT, partner_id=uuid7(), environment="live")
PERSON = Principal(Kind.PERSON, person_id=uuid7())
EACH = [BANK, PERSON, Principal(Kind.STAFF), Principal.system()]


def context(of: Any = connection) -> tuple[int, list[str]]:
    """The connection's process, and what is in force on it; nothing reads as ""."""
    with of.cursor() as cursor:
        cursor.execute(CONTEXT)
        pid, *found = cursor.fetchone()
    return pid, [value or "" for value in found]


def expected(principal: Principal) -> list[str]:
    ids = [str(principal.partner_id or ""), str(principal.person_id or "")]
    return [principal.db_role, *ids, principal.environment]


def fail() -> None:
    connection.cursor().execute("SELECT 1 / 0")


NOTHING = ["parley_app", "", "", ""]


@pytest.fixture
def elsewhere() -> Iterator[Any]:
    """Runs work in a thread, whose persistent connection is its own and in no transaction of the test's."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda work: pool.submit(work).result()
        pool.submit(lambda: connection.close()).result()


@pytest.mark.parametrize("principal", EACH, ids=lambda principal: principal.kind.value)
def test_the_next_transaction_on_the_connection_starts_with_nothing(
    elsewhere: Any, principal: Principal
) -> None:
    def work() -> list[tuple[int, list[str]]]:
        with scope(principal), transaction.atomic():
            seen = [context()]
        seen.append(context())  # autocommit
        with transaction.atomic():
            seen.append(context())
        return seen

    seen = elsewhere(work)
    assert [found for _, found in seen] == [expected(principal), NOTHING, NOTHING]
    assert len({pid for pid, _ in seen}) == 1, "all on one connection"


def test_nor_after_a_transaction_that_failed(elsewhere: Any) -> None:
    def work() -> tuple[int, list[str]]:
        with pytest.raises(DatabaseError), scope(BANK), transaction.atomic():
            fail()
        assert current() is None
        with transaction.atomic():
            return context()

    assert elsewhere(work)[1] == NOTHING


def test_a_statement_outside_a_transaction_has_no_role_even_in_a_scope(elsewhere: Any) -> None:
    def work() -> tuple[int, list[str]]:
        with scope(BANK):
            return context()

    assert elsewhere(work)[1] == NOTHING


def test_a_savepoint_that_is_undone_leaves_the_scope_as_it_was() -> None:
    with scope(BANK), transaction.atomic():
        with pytest.raises(DatabaseError), transaction.atomic(), scope(PERSON):
            fail()
        assert context()[1] == expected(BANK)
    assert context()[1] == NOTHING


def test_a_thread_does_not_inherit_the_scope(elsewhere: Any) -> None:
    with scope(BANK):
        assert elsewhere(current) is None


def test_a_pooled_connection_forgets_its_last_user() -> None:
    options = {**connection.settings_dict["OPTIONS"], "pool": {"min_size": 1, "max_size": 1}}
    settings = {**connection.settings_dict, "OPTIONS": options, "CONN_MAX_AGE": 0}
    first, second = DatabaseWrapper(settings, "pooled"), DatabaseWrapper(settings, "pooled")
    try:
        with scope(BANK), begun(first):
            pid, found = context(first)
            assert found == expected(BANK)
        first.close()
        with begun(second):
            assert context(second) == (pid, NOTHING)
        second.close()
    finally:
        first.close_pool()


@contextmanager
def begun(wrapper: DatabaseWrapper) -> Iterator[None]:
    """A transaction on a connection that Django does not know by name."""
    wrapper.set_autocommit(False)
    yield
    wrapper.commit()
    wrapper.set_autocommit(True)


@shared_task
def count_grants() -> int:
    """Forgets to say as whom."""
    return Grant.objects.count()


def test_a_task_without_a_scope_sees_nothing(world: Any) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        count_grants.apply(throw=True)


def test_a_task_leaves_no_scope_behind(world: Any) -> None:
    assert deliver_due.apply(args=[Lane.STANDARD], throw=True).get() == 0
    assert current() is None
    assert context()[1] == NOTHING
