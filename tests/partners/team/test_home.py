"""Where members begin: what is due, and which bank."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from partners.actions.partners import add_member, register_partner
from partners.actions.team import change_role, remove_member
from partners.due import TASKS, Task, When
from partners.models import Membership
from partners.team import ask_for_colleagues
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

from .conftest import TEAM, browser, text_of

pytestmark = pytest.mark.django_db
HOME = "/partners/norden/"
OWN = [ask_for_colleagues]
ALL = list(TASKS)


def alone(world: Any) -> None:
    """Only the owner is left."""
    with scope(Principal.system()):
        member = Membership.objects.get(user=world.bank.members[1].user)
    remove_member(partner_id=world.bank.partner.id, member_id=member.pk, actor=Principal.system())


@pytest.fixture(autouse=True)
def only_the_team(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other parts of the portal ask of a bank is tested with them."""
    monkeypatch.setattr("partners.due.TASKS", OWN)


def test_a_task_is_due_until_it_is_done(world: Any, owner: Client) -> None:
    assert "Done Invite a colleague" in text_of(owner.get(HOME))
    alone(world)
    page = owner.get(HOME)
    assert "Due now Invite a colleague You are the only one in the team." in text_of(page)
    assert f'<a href="{TEAM}/invite">Invite a colleague</a>' in page.content.decode()
    owner.post(f"{TEAM}/invite", {"email": "dee@norden.example", "role": "developer"})
    assert "Done Invite a colleague An invitation is on its way." in text_of(owner.get(HOME))


def test_each_task_stands_where_it_belongs(
    world: Any, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = [
        Task("Add a sender", When.LATER, "", "Your bank has to be verified first."),
        Task("Verify your bank", When.REVIEW, f"{HOME}verification", "Two reviewers look at it."),
        Task(
            "Certify again",
            When.NOW,
            f"{HOME}verification",
            "A year has passed.",
            datetime(2027, 3, 1, tzinfo=UTC),
        ),
    ]
    monkeypatch.setattr("partners.due.TASKS", [*OWN, *[lambda _, one=one: one for one in tasks]])
    text = text_of(owner.get(HOME))
    for part in (
        "Due now Certify again A year has passed. By 1 March 2027",
        "Under review Verify your bank Two reviewers look at it.",
        "Later Add a sender Your bank has to be verified first. Cannot start yet",
        "Done Invite a colleague",
    ):
        assert part in text
    assert "Nothing is left to do" not in text
    assert ">Add a sender</a>" not in owner.get(HOME).content.decode()


@pytest.mark.parametrize("role", Membership.Role.values)
def test_each_role_is_led_only_to_what_it_can_do(
    world: Any, colleague: Client, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    """The others stand there as text, with the roles that can."""
    monkeypatch.setattr("partners.due.TASKS", ALL)
    system, user = Principal.system(), world.bank.members[1].user
    bank = register_partner(name="New", slug="new", owner=world.bank.members[0].user)
    member = add_member(partner_id=bank.id, user=user, role="analyst", actor=system)
    change_role(partner_id=bank.id, member_id=member.pk, was="analyst", to=role, actor=system)
    page = colleague.get("/partners/new/")
    tasks = page.content.decode().split('class="tasks"', 1)[1].rpartition("</section>")[0]
    links = re.findall(r'<a href="([^"]+)">', tasks)
    assert [colleague.get(link).status_code for link in links] == [200] * len(links)
    can_verify = role in ("owner", "compliance")
    assert ("/partners/new/verification" in links) is can_verify
    refusal = (
        "Verify your bank Who you are, whom to call, some questions, and a document or two. Your role cannot"
    )
    assert (f"{refusal} do this. These can: Owner, Compliance." in text_of(page)) is not can_verify


def test_when_all_is_done_it_says_so(world: Any, owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partners.due.TASKS", [lambda _: Task("Invite a colleague", When.DONE, TEAM)])
    assert "Nothing is left to do" in text_of(owner.get(HOME))


def test_every_member_has_it_and_nobody_else(world: Any, colleague: Client, stranger: Client) -> None:
    assert colleague.get(HOME).status_code == 200
    assert stranger.get(HOME).status_code == 404
    assert Client().get(HOME)["Location"] == f"/accounts/login/?next={HOME}"


def test_the_menu_marks_one_page(world: Any, owner: Client) -> None:
    for path in (HOME, TEAM, f"{TEAM}/invite"):
        menu = owner.get(path).content.decode().split('id="workspace-menu"')[1]
        [current] = [part for part in menu.split("<li>") if "aria-current" in part]
        assert ("Home" if path == HOME else "Team") in current


def test_whoever_is_in_several_banks_chooses(world: Any, colleague: Client) -> None:
    user = world.bank.members[1].user
    assert "Norden Bank Active: verified, and with an agreement in force. Analyst" in text_of(
        colleague.get("/partners")
    )
    add_member(partner_id=world.other.partner.id, user=user, role="compliance", actor=Principal.system())
    text = text_of(colleague.get("/partners"))
    assert "in force. Compliance Norden Bank Active" in text
    assert 'href="/partners/harbour/"' in colleague.get("/").content.decode()


def test_many_banks_are_one_entry_of_the_menu(world: Any) -> None:
    user = world.bank.members[0].user
    for number in range(3):
        register_partner(name=f"Bank {number}", slug=f"bank-{number}", owner=user)
    http = browser(user)
    page = http.get("/").content.decode()
    assert 'href="/partners"' in page
    assert 'href="/partners/norden/"' not in page
    assert http.get("/start")["Location"] == "/partners"
