"""The line about wording in the list of what a bank has to do."""

from typing import Any

import pytest
from django.db import transaction

from notifications.actions.templates import draft_template, submit_template, withdraw_template
from partners.access import member_principal
from partners.actions.partners import register_partner
from partners.due import When, tasks_of
from portal.accounts.models import User
from portal.tenancy.context import scope

from .conftest import BODY

pytestmark = pytest.mark.django_db


def when(partner: Any, actor: Any) -> When:
    with scope(actor):
        [task] = [one for one in tasks_of(partner) if one.title == "Get wording approved"]
    assert task.url == f"/partners/{partner.slug}/templates"
    return task.when


def test_it_is_due_until_something_waits_and_done_once_something_is_approved(world: Any) -> None:
    user = User.objects.create(email="new@bank.example", name="New")
    partner = register_partner(name="New", slug="new", owner=user)
    with transaction.atomic():
        actor, _ = member_principal(user, "new")
    assert when(partner, actor) is When.NOW
    version = draft_template(name="first", cluster="BALANCES", locale="en", body=BODY, actor=actor)
    assert when(partner, actor) is When.NOW
    submit_template(version_id=version.id, actor=actor)
    assert when(partner, actor) is When.REVIEW
    withdraw_template(version_id=version.id, actor=actor)
    assert when(partner, actor) is When.NOW
    with transaction.atomic():
        norden, bank = member_principal(world.bank.members[0].user, "norden")
    assert when(bank, norden) is When.DONE
