"""What moves the agreement in force, and what moves with it: the approval, tokens in use, the bank's leaving."""

from datetime import date
from typing import Any

import pytest

from partners.actions.agreement_clock import move_agreements
from partners.actions.agreements import (
    Signing,
    Terms,
    accept_agreement,
    countersign_agreement,
    offer_agreement,
)
from partners.actions.partners import register_partner
from partners.actions.review import approve_bank, recommend_bank
from partners.models import Partner
from portal.demo.verification import submit_bank
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Kind, Principal
from tests.partners.clients.conftest import committed, me, token_of

from .conftest import agreed, as_system, at_member, at_staff, in_force, mails, offered, version

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("day", ["", "2099-01-01"])
def test_what_both_signed_before_the_approval_begins_with_it(world: Any, day: str) -> None:
    user, staff = world.ana.person.user, world.staff
    partner = register_partner(name="Fjord", slug="fjord", owner=user)
    owner = Principal(
        Kind.MEMBER, id=user.pk, partner_id=partner.id, permissions=frozenset(one.value for one in Permission)
    )
    submit_bank(partner, owner, staff.reviewer)
    recommend_bank(partner_id=partner.id, actor=staff.reviewer)
    terms = Terms(["BALANCES"], ["messenger"], ["US"], starts_on=date.fromisoformat(day) if day else None)
    one = offer_agreement(partner_id=partner.id, terms=terms, actor=staff.reviewer)
    accept_agreement(version_id=one.id, signing=Signing(one.text_sha256), actor=owner)
    countersign_agreement(version_id=one.id, signing=Signing(one.text_sha256), actor=staff.second_reviewer)
    assert move_agreements()["begun"] == 0
    approve_bank(partner_id=partner.id, actor=staff.second_reviewer)
    with as_system():
        stored = Partner.objects.get(pk=partner.id).status
    assert stored == ("APPROVED" if day else "ACTIVE")
    assert version(one.id).status == ("AGREED" if day else "FINALIZED")


def test_the_scopes_of_tokens_in_use_change_at_once(desk: Any) -> None:
    client = desk.world.bank.clients["live"]
    token = token_of(client, client.client_secret).json()["access_token"]
    assert "notify:receipts" in me(token).json()["scopes"]
    with committed():
        agreed(desk, clusters=["BALANCES"])
    assert "notify:receipts" not in me(token).json()["scopes"]


@pytest.mark.parametrize(("way", "ending"), [("surrender", "withdrawn"), ("revoke", "cause")])
def test_a_bank_that_goes_leaves_no_agreement_behind(desk: Any, way: str, ending: str) -> None:
    one, other = in_force(desk.partner), offered(desk)
    told = len(mails())
    if way == "surrender":
        desk.owner.prove()
        desk.owner.post("/partners/norden/leave/now", {"name": "Norden Bank", "reason": "We merge"})
    else:
        desk.second.post("/staff/partners/norden/revoke", {"reason": "We merge"})
    now = version(one.id)
    assert (now.status, now.ending, now.ending_reason) == ("TERMINATED", ending, "We merge")
    assert version(other.id).status == "DECLINED"
    assert in_force(desk.partner) is None
    assert {news for news, _ in mails()[told:]} == {"partners/standing"}
    assert desk.owner.get(at_member(one)).status_code == 200
    assert desk.first.get(at_staff(other)).status_code == 200
