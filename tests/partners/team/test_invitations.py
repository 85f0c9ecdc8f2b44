"""Into a team: invited by e-mail, accepted once, by whom it is for."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from partners.actions.invitations import MOST_OPEN, accept_invitation, ask_to_join, invite_member
from partners.models import Invitation, JoinRequest
from partners.refusals import Refused
from portal.accounts.actions import create_person_user
from portal.audit.models import AuditEvent
from portal.ids import public_id
from portal.mail.models import Mail
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.conftest import PASSWORD

from .conftest import TEAM, browser, link_in, principal, roles, take_mail, text_of

pytestmark = pytest.mark.django_db
DEV = "dee@norden.example"
SENT = {"email": DEV, "role": "developer"}


@pytest.fixture
def letter(owner: Client) -> str:
    """The path of the link that Dee got."""
    answer = owner.post(f"{TEAM}/invite", SENT)
    assert (answer.status_code, answer["Location"]) == (302, TEAM)
    return link_in(take_mail(DEV))


@pytest.fixture
def dee(db: None) -> Any:
    """Has an account with the address that is invited, and no second step yet."""
    return create_person_user(email=DEV, password=PASSWORD, name="")


def invitations() -> list[str]:
    with scope(Principal.system()):
        return [one.state for one in Invitation.objects.order_by("id")]


def put(**values: Any) -> None:
    with scope(Principal.system()):
        Invitation.objects.update(**values)


def test_a_colleague_accepts_and_may_do_what_the_role_says(world: Any, owner: Client, letter: str) -> None:
    waiting = text_of(owner.get(TEAM))
    assert "dee@norden.example Developer. Works until" in waiting
    http = Client()
    page = http.get(letter)
    assert "Join Norden Bank" in text_of(page)
    assert "Developer: Templates and webhooks; reads deliveries." in text_of(page)
    assert f"/accounts/signup/?email={DEV.replace('@', '%40')}" in page.content.decode()
    dee = create_person_user(email=DEV, password=PASSWORD, name="")
    signed_in = http.post("/accounts/login/", {"login": DEV, "password": PASSWORD, "next": letter})
    assert signed_in["Location"] == letter
    nameless = http.post(letter, {"name": ""})
    assert nameless.status_code == 422
    assert "Fill in “Your name”." in text_of(nameless)
    joined = http.post(letter, {"name": "Dee Veloper"})
    assert (joined.status_code, joined["Location"]) == (302, "/partners/norden/")
    assert roles(world.bank.partner)[DEV] == "developer"
    member = browser(dee)
    assert member.get("/partners/norden/webhooks").status_code == 200
    assert member.get("/partners/norden/deliveries").status_code == 200
    assert member.get(f"{TEAM}/invite").status_code == 403
    assert "Dee Veloper" in text_of(owner.get(TEAM))
    assert "No invitation is waiting" in text_of(owner.get(TEAM))


def test_what_the_letter_says(world: Any, owner: Client) -> None:
    owner.post(f"{TEAM}/invite", SENT)
    message = take_mail(DEV)
    assert message.subject == "Norden Bank: you are invited to the team"
    for text in (message.body, message.alternatives[0][0]):
        assert "Norden Bank owner (owner@norden.example)" in text
        assert "Developer" in text


def test_only_its_address_can_use_it(world: Any, letter: str) -> None:
    before = roles(world.bank.partner)
    stranger = browser(world.other.members[0].user)
    page = stranger.get(letter)
    assert "This invitation is for another address: you are signed in as owner@harbour.example" in text_of(
        page
    )
    assert stranger.post(letter, {"name": "Me"}).status_code == 422
    assert Client().post(letter, {"name": "Me"}).status_code == 422
    with scope(Principal.system()):
        [invitation] = Invitation.objects.all()
    with pytest.raises(Refused, match="for another address"):
        accept_invitation(invitation_id=invitation.pk, user=world.other.members[0].user)
    assert (roles(world.bank.partner), invitations()) == (before, ["OPEN"])


def test_an_address_that_was_only_claimed_is_not_enough(world: Any, letter: str, dee: Any) -> None:
    dee.emailaddress_set.update(verified=False)
    assert browser(dee, has_second_step=False, is_fresh=False).post(letter, {"name": "D"}).status_code == 422
    assert DEV not in roles(world.bank.partner)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "This invitation has run out."),
        ({"withdrawn_at": timezone.now()}, "This invitation was withdrawn."),
        ({"accepted_at": timezone.now()}, "This invitation has been used."),
    ],
)
def test_one_that_ended_says_how(
    world: Any, letter: str, dee: Any, values: dict[str, Any], sentence: str
) -> None:
    before = roles(world.bank.partner)
    put(**values)
    http = browser(dee)
    for answer in (Client().get(letter), http.get(letter), http.post(letter, {"name": "Dee"})):
        assert answer.status_code == 410
        assert f"{sentence} Ask whoever invited you to send another." in text_of(answer)
    assert roles(world.bank.partner) == before


def test_it_works_once(world: Any, owner: Client, letter: str, dee: Any) -> None:
    http = browser(dee)
    http.post(letter, {"name": "Dee"})
    assert "You are in this team already" in text_of(http.get(letter))
    assert http.post(letter, {"name": "Dee"}).status_code == 410
    with scope(Principal.system()):
        events = AuditEvent.objects.filter(code__in=["invitation.issued", "invitation.accepted"])
        assert {event.code: event.data for event in events} == {
            "invitation.issued": {"role": "developer"},
            "invitation.accepted": {},
        }


def test_a_made_up_link_leads_nowhere(world: Any, letter: str) -> None:
    assert Client().get(f"{letter[:-1]}!").status_code == 404
    assert Client().post("/invitations/made-up", {"name": "Dee"}).status_code == 404


def test_sending_again_makes_a_new_link_and_ends_the_old(
    world: Any, owner: Client, letter: str, dee: Any
) -> None:
    put(expires_at=timezone.now() - timedelta(days=1))
    assert "Ran out on" in text_of(owner.get(TEAM))
    with scope(Principal.system()):
        path = f"{TEAM}/invitations/{public_id('inv', Invitation.objects.get().pk)}/renew"
    assert f"Sent again to {DEV}." in text_of(owner.post(path, follow=True))
    newer = link_in(take_mail(DEV))
    assert Client().get(letter).status_code == 404
    assert browser(dee).post(newer, {"name": "Dee"}).status_code == 302
    assert "has been used" in text_of(owner.post(path, follow=True))


def test_withdrawing_ends_the_link(world: Any, owner: Client, letter: str) -> None:
    with scope(Principal.system()):
        path = f"{TEAM}/invitations/{public_id('inv', Invitation.objects.get().pk)}/withdraw"
    assert f"The invitation of {DEV} is withdrawn." in text_of(owner.post(path, follow=True))
    assert Client().get(letter).status_code == 410
    assert "This invitation was withdrawn." in text_of(owner.post(path, follow=True))
    # The address is free to be invited again
    assert owner.post(f"{TEAM}/invite", SENT).status_code == 302


@pytest.mark.parametrize(
    ("email", "sentence"),
    [
        ("ANALYST@norden.example", "Whoever has this address is in your team already."),
        ("Dee@Norden.example", "This address has an invitation already."),
        ("no address", "Enter a valid email address."),
    ],
)
def test_an_address_that_cannot_be_invited(
    world: Any, owner: Client, letter: str, email: str, sentence: str
) -> None:
    answer = owner.post(f"{TEAM}/invite", {"email": email, "role": "developer"})
    assert answer.status_code == 422
    assert f"There is a problem {sentence}" in text_of(answer)
    assert f'value="{email.lower() if "@" not in email else email}"' in answer.content.decode()
    assert invitations() == ["OPEN"]
    with scope(Principal.system()):
        assert not Mail.objects.filter(to=email).exists()


def test_no_role_is_chosen_beforehand(world: Any, owner: Client) -> None:
    answer = owner.post(f"{TEAM}/invite", {"email": DEV, "role": ""})
    assert answer.status_code == 422
    assert "Fill in “Role”." in text_of(answer)
    assert invitations() == []


def test_one_that_ran_out_makes_room_for_another(world: Any, owner: Client, letter: str) -> None:
    put(expires_at=timezone.now() - timedelta(days=1))
    assert owner.post(f"{TEAM}/invite", SENT).status_code == 302
    assert invitations() == ["WITHDRAWN", "OPEN"]


def test_a_bank_cannot_flood_the_world_with_mail(world: Any) -> None:
    actor = principal(world.bank.members[0].user)
    for number in range(MOST_OPEN):
        invite_member(
            partner_id=world.bank.partner.id, email=f"n{number}@norden.example", role="analyst", actor=actor
        )
    with pytest.raises(Refused, match=f"{MOST_OPEN} invitations are waiting"):
        invite_member(partner_id=world.bank.partner.id, email=DEV, role="analyst", actor=actor)


def test_staff_of_the_platform_cannot_join(world: Any, owner: Client) -> None:
    address = world.staff.first.email
    owner.post(f"{TEAM}/invite", {"email": address, "role": "owner"})
    answer = browser(world.staff.first.user).post(link_in(take_mail(address)), {"name": "Rosa"})
    assert answer.status_code == 422
    assert "Platform staff cannot act for a bank." in text_of(answer)
    assert address not in roles(world.bank.partner)


def test_a_request_to_join_is_answered_by_an_invitation_or_dismissed(
    world: Any, owner: Client, dee: Any
) -> None:
    ask_to_join(partner_id=world.bank.partner.id, user=dee)
    page = owner.get(TEAM)
    assert f"Asking to join {DEV}" in text_of(page)
    assert f"{TEAM}/invite?email={DEV.replace('@', '%40')}" in page.content.decode()
    assert f'value="{DEV}"' in owner.get(f"{TEAM}/invite?email={DEV}").content.decode()
    owner.post(f"{TEAM}/invite", SENT)
    assert "Asking to join" not in text_of(owner.get(TEAM))
    other = create_person_user(email="una@norden.example", password=PASSWORD, name="")
    ask_to_join(partner_id=world.bank.partner.id, user=other)
    with scope(Principal.system()):
        asked = JoinRequest.objects.get(user=other)
    answer = owner.post(f"{TEAM}/requests/{public_id('joi', asked.pk)}/dismiss", follow=True)
    assert "The request is off the list." in text_of(answer)
    assert "Asking to join" not in text_of(owner.get(TEAM))


@pytest.mark.parametrize("kind", ["invitations/{}/renew", "invitations/{}/withdraw", "requests/{}/dismiss"])
def test_strangers_find_nothing_and_colleagues_are_told_who_could(
    world: Any, owner: Client, colleague: Client, stranger: Client, letter: str, dee: Any, kind: str
) -> None:
    ask_to_join(partner_id=world.bank.partner.id, user=dee)
    with scope(Principal.system()):
        row, prefix = (
            (JoinRequest.objects.get(), "joi") if "requests" in kind else (Invitation.objects.get(), "inv")
        )
    path = kind.format(public_id(prefix, row.pk))
    assert stranger.post(f"{TEAM}/{path}").status_code == 404
    assert stranger.post(f"/partners/harbour/team/{path}").status_code == 404
    refused = colleague.post(f"{TEAM}/{path}")
    assert refused.status_code == 403
    assert "Somebody with one of these can: Owner." in text_of(refused)
    assert invitations() == ["OPEN"]


def test_what_changes_the_team_asks_who_it_is_and_then_goes_on(
    world: Any, sign_in_again: Callable[[Client], Any]
) -> None:
    http = browser(world.bank.members[0].user, is_fresh=False)
    asked = http.post(f"{TEAM}/invite", SENT)
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert invitations() == []
    assert sign_in_again(http)["Location"] == TEAM
    assert invitations() == ["OPEN"]


@pytest.fixture
def sign_in_again() -> Callable[[Client], Any]:
    return lambda http: http.post(
        "/accounts/reauthenticate/", {"password": PASSWORD, "next": f"{TEAM}/invite"}
    )
