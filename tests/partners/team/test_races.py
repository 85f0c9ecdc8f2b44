"""Two at the same moment: each thread has a connection of its own, and what it does really commits."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections, transaction

from partners.actions.invitations import accept_invitation, ask_to_join, invite_member
from partners.actions.registration import open_workspace
from partners.models import JoinRequest, Partner
from partners.refusals import Refused
from portal.accounts.actions import create_person_user
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.conftest import PASSWORD

from .conftest import principal, roles


def at_once(*acts: Callable[[], Any]) -> list[str]:
    """Does all of them together; "done", or what was refused, sorted."""
    barrier, answers = threading.Barrier(len(acts)), []

    def run(act: Callable[[], Any]) -> None:
        barrier.wait(10)
        try:
            act()
            answers.append("done")
        except Refused as refusal:
            answers.append(str(refusal))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return sorted(answers)


def count(model: Any, **named: Any) -> int:
    with scope(Principal.system()), transaction.atomic():
        return model.objects.filter(**named).count()


@pytest.mark.parametrize(
    ("domains", "slugs", "sentence"),
    [
        (("first.example", "first.example"), ("first", "second"), "Ask to join it."),
        (("first.example", "second.example"), ("first", "first"), "“first” is taken. Choose another."),
    ],
)
def test_two_banks_with_one_domain_or_one_name(
    committed_db: str, domains: tuple[str, str], slugs: tuple[str, str], sentence: str
) -> None:
    users = [
        create_person_user(email=f"u{number}@{domain}", password=PASSWORD, name="")
        for number, domain in enumerate(domains)
    ]
    acts = [
        lambda user=user, slug=slug: open_workspace(name="First", slug=slug, owner=user)
        for user, slug in zip(users, slugs, strict=True)
    ]
    answers = at_once(*acts)
    assert "done" in answers
    assert any(answer.endswith(sentence) for answer in answers), answers
    assert count(Partner) == 1


def test_one_invitation_is_accepted_once(committed_world: Any) -> None:
    partner = committed_world.bank.partner
    actor = principal(committed_world.bank.members[0].user)
    made = invite_member(partner_id=partner.id, email="dee@norden.example", role="developer", actor=actor)
    dee = create_person_user(email="dee@norden.example", password=PASSWORD, name="")
    acts = [lambda: accept_invitation(invitation_id=made.pk, user=dee)] * 2
    assert at_once(*acts) == ["This invitation has been used.", "done"]
    assert roles(partner)["dee@norden.example"] == "developer"


def test_one_address_is_invited_and_one_request_made_once(committed_world: Any) -> None:
    partner = committed_world.bank.partner
    actor = principal(committed_world.bank.members[0].user)
    dee = create_person_user(email="dee@norden.example", password=PASSWORD, name="")
    asked = at_once(*[lambda: ask_to_join(partner_id=partner.id, user=dee)] * 2)
    assert asked == ["You have asked already. You get an e-mail when somebody invites you.", "done"]
    invited = at_once(
        *[lambda: invite_member(partner_id=partner.id, email=dee.email, role="analyst", actor=actor)] * 2
    )
    assert [answer.split(".")[0] for answer in invited] == ["This address has an invitation already", "done"]
    assert count(JoinRequest, closed_at=None) == 0
