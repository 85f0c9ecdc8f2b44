"""Every tenant's table is closed outside a scope and shows each role its own rows only."""

from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from consents.models import Grant
from partners.actions.partners import register_partner
from partners.models import Partner
from portal.accounts.models import User
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

pytestmark = pytest.mark.django_db


def test_outside_a_scope_nothing_can_be_read() -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        Partner.objects.count()


def test_a_forgotten_filter_shows_only_ones_own(world: Any) -> None:
    bank = Principal(Kind.MEMBER, partner_id=world.bank.partner.id)
    person = Principal(Kind.PERSON, person_id=world.ana.person_id)
    sandbox = Principal(Kind.CLIENT, partner_id=world.bank.partner.id, environment="sandbox")
    for principal, expected in ((bank, 2), (person, 1), (sandbox, 0), (Principal.system(), 3)):
        with scope(principal), transaction.atomic():
            assert Grant.objects.count() == expected, principal.kind


def test_a_scope_gives_the_earlier_one_back(world: Any) -> None:
    bank = Principal(Kind.MEMBER, partner_id=world.bank.partner.id)
    with scope(bank), transaction.atomic():
        with scope(Principal.system()):
            assert Grant.objects.count() == 3
        assert Grant.objects.count() == 2


def test_the_trail_cannot_be_rewritten(world: Any) -> None:
    for statement in ("DELETE FROM audit_auditevent", "UPDATE audit_auditevent SET code = 'x'"):
        with (
            scope(Principal.system()),
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_an_error_in_a_scope_stays_the_error_it_was(db: None) -> None:
    """Leaving a scope in a transaction that failed must not run, and hide the cause behind, another statement."""
    user = User.objects.create(email="one@people.example")
    register_partner(name="One", slug="same", owner=user)
    with pytest.raises(IntegrityError):
        register_partner(name="Two", slug="same", owner=user)
