"""Roles and members: shown in words, changed at once, and never without an owner."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from partners.actions.partners import add_member
from partners.actions.team import change_role, remove_member
from partners.models import Membership
from partners.refusals import Refused
from partners.roles import ROLE_PERMISSIONS, ROLE_WORDS
from portal.accounts.actions import create_user_with_totp
from portal.accounts.models import User
from portal.audit.models import AuditEvent
from portal.ids import uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.conftest import PASSWORD

from .conftest import TEAM, browser, principal, roles, text_of

Page = Callable[..., str]
ANALYST, OWNER = "analyst@norden.example", "owner@norden.example"


def second_owner(world: Any) -> User:
    user, _ = create_user_with_totp(email="olga@norden.example", password=PASSWORD, name="Olga")
    add_member(partner_id=world.bank.partner.id, user=user, role="owner", actor=Principal.system())
    return user


def membership(user: User) -> Membership:
    with scope(Principal.system()), transaction.atomic():
        return Membership.objects.get(user=user, partner__slug="norden")


@pytest.mark.django_db
def test_every_role_has_its_words() -> None:
    assert set(ROLE_WORDS) == set(ROLE_PERMISSIONS) == set(Membership.Role.values)


@pytest.mark.django_db
def test_the_list_says_who_may_do_what_and_how_they_sign_in(world: Any, owner: Client) -> None:
    world.bank.members[1].user.authenticator_set.all().delete()
    text = text_of(owner.get(TEAM))
    assert "Norden Bank owner (you) owner@norden.example Owner On" in text
    assert "Owner Everything: the team" in text
    assert "Norden Bank analyst analyst@norden.example Analyst Off" in text
    assert "Never" in text


@pytest.mark.django_db
def test_a_colleague_sees_who_is_who_and_no_more(world: Any, colleague: Client, stranger: Client) -> None:
    text = text_of(colleague.get(TEAM))
    assert "Norden Bank owner" in text
    assert "Second step" not in text
    assert "Invite" not in text
    assert stranger.get(TEAM).status_code == 404


@pytest.mark.django_db
def test_a_role_takes_effect_at_once(world: Any, owner: Client, colleague: Client, member_page: Page) -> None:
    analyst = world.bank.members[1].user
    assert colleague.get("/partners/norden/webhooks").status_code == 403
    form = {"role": "developer", "was": "analyst"}
    answer = owner.post(member_page(analyst), form, follow=True)
    assert "Norden Bank analyst is now: Developer." in text_of(answer)
    assert colleague.get("/partners/norden/webhooks").status_code == 200
    owner.post(member_page(analyst), {"role": "analyst", "was": "developer"})
    assert colleague.get("/partners/norden/webhooks").status_code == 403
    with scope(Principal.system()):
        events = AuditEvent.objects.filter(code="member.role_changed").order_by("id")
        assert [event.data for event in events] == [
            {"from": "analyst", "to": "developer"},
            {"from": "developer", "to": "analyst"},
        ]


@pytest.mark.django_db
def test_whoever_is_removed_is_a_stranger_at_once(
    world: Any, owner: Client, colleague: Client, member_page: Page
) -> None:
    path = member_page(world.bank.members[1].user, "/remove")
    assert "can open nothing of Norden Bank any more" in text_of(owner.get(path))
    assert roles(world.bank.partner) == {OWNER: "owner", ANALYST: "analyst"}
    answer = owner.post(path, follow=True)
    assert "Norden Bank analyst is not in the team any more." in text_of(answer)
    assert colleague.get("/partners/norden/deliveries").status_code == 404
    assert roles(world.bank.partner) == {OWNER: "owner"}
    assert not world.bank.members[1].user.groups.exists()


@pytest.mark.django_db
def test_two_people_changing_the_same_role_do_not_overwrite_each_other(
    world: Any, owner: Client, member_page: Page
) -> None:
    path = member_page(world.bank.members[1].user)
    olga = browser(second_owner(world))
    olga.post(path, {"role": "compliance", "was": "analyst"})
    answer = owner.post(path, {"role": "developer", "was": "analyst"})
    assert answer.status_code == 422
    assert "Somebody else has changed this meanwhile: the role is Compliance now. Look again." in text_of(
        answer
    )
    assert '<option value="developer" selected>' in answer.content.decode()
    assert roles(world.bank.partner)[ANALYST] == "compliance"
    assert owner.post(path, {"role": "developer", "was": "compliance"}).status_code == 302


@pytest.mark.django_db
def test_the_last_owner_stays(world: Any, owner: Client, member_page: Page) -> None:
    user = world.bank.members[0].user
    refused = owner.post(member_page(user), {"role": "analyst", "was": "owner"})
    assert refused.status_code == 422
    assert "This is the bank’s last owner. Make somebody else an owner first." in text_of(refused)
    refused = owner.post(member_page(user, "/remove"))
    assert refused.status_code == 422
    assert "This is the bank’s last owner." in text_of(refused)
    assert roles(world.bank.partner)[OWNER] == "owner"


@pytest.mark.django_db
def test_an_owner_who_is_not_the_last_can_leave(world: Any, owner: Client, member_page: Page) -> None:
    second_owner(world)
    left = owner.post(member_page(world.bank.members[0].user, "/remove"))
    assert left["Location"] == "/partners"
    assert "You are in no bank’s team" in text_of(owner.get("/partners"))


@pytest.mark.django_db
def test_a_page_that_opened_before_gives_no_power(world: Any) -> None:
    """The principal was an owner when the request began; the action looks again."""
    partner, analyst = world.bank.partner, membership(world.bank.members[1].user)
    olga = second_owner(world)
    acting, first = principal(olga), principal(world.bank.members[0].user)
    change = {"partner_id": partner.id, "member_id": membership(olga).pk, "was": "owner", "to": "developer"}
    change_role(**change, actor=first)
    with pytest.raises(Refused, match="Your role does not include the team any more"):
        remove_member(partner_id=partner.id, member_id=analyst.pk, actor=acting)
    remove_member(partner_id=partner.id, member_id=membership(olga).pk, actor=first)
    with pytest.raises(Refused, match="not in this bank’s team any more"):
        remove_member(partner_id=partner.id, member_id=analyst.pk, actor=acting)
    with pytest.raises(Refused, match="not in this bank’s team"):
        remove_member(partner_id=world.other.partner.id, member_id=analyst.pk, actor=first)
    with pytest.raises(Refused, match="not in the team any more"):
        remove_member(partner_id=partner.id, member_id=uuid7(), actor=first)


@pytest.mark.django_db
def test_strangers_get_404_and_colleagues_403(
    world: Any, colleague: Client, stranger: Client, member_page: Page
) -> None:
    user = world.bank.members[0].user
    for path in (member_page(user), member_page(user, "/remove"), f"{TEAM}/invite"):
        assert stranger.get(path).status_code == 404
        assert stranger.get(path.replace("norden", "harbour", 1)).status_code == (
            200 if path.endswith("/invite") else 404
        )
        for answer in (colleague.get(path), colleague.post(path)):
            assert answer.status_code == 403
            assert "Somebody with one of these can: Owner." in text_of(answer)


@pytest.mark.django_db
def test_the_pages_take_the_same_queries_for_any_team(world: Any, owner: Client) -> None:
    def count(path: str) -> int:
        owner.get(path)
        with CaptureQueriesContext(connection) as found:
            assert owner.get(path).status_code == 200
        return len([one for one in found if "set_config" not in one["sql"]])

    paths = (TEAM, "/partners/norden/")
    before = [count(path) for path in paths]
    for number in range(5):
        user, _ = create_user_with_totp(email=f"{number}@norden.example", password=PASSWORD, name="")
        add_member(partner_id=world.bank.partner.id, user=user, role="analyst", actor=Principal.system())
    assert [count(path) for path in paths] == before
    assert max(before) <= 22, before


@pytest.mark.parametrize("act", ["remove", "demote"])
def test_two_owners_removing_each_other_at_once_leave_one(committed_world: Any, act: str) -> None:
    world = committed_world
    olga, first = second_owner(world), world.bank.members[0].user
    pairs = [(principal(olga), membership(first).pk), (principal(first), membership(olga).pk)]
    barrier, answers = threading.Barrier(2), []

    def run(actor: Principal, member_id: Any) -> None:
        barrier.wait(10)
        try:
            if act == "remove":
                remove_member(partner_id=world.bank.partner.id, member_id=member_id, actor=actor)
            else:
                change_role(
                    partner_id=world.bank.partner.id,
                    member_id=member_id,
                    was="owner",
                    to="analyst",
                    actor=actor,
                )
            answers.append("done")
        except Refused as refusal:
            answers.append(str(refusal))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answers)[1] == "done", answers
    assert "any more" in sorted(answers)[0], answers
    assert list(roles(world.bank.partner).values()).count("owner") == 1
