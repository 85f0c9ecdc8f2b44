"""Staff invite a bank, which registers, or declines with a reason."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from partners.actions.registration import invite_bank
from partners.models import BankInvitation, Partner
from partners.refusals import Refused
from partners.views.staff_invitations import PAGE
from portal.accounts.actions import create_person_user
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.conftest import PASSWORD

from .conftest import browser, link_in, principal, take_mail, text_of

pytestmark = pytest.mark.django_db
LIST = "/staff/invitations"
SENT = {"bank_name": "First Union", "email": "uma@firstunion.example", "words": "We met in May."}
FORM = {"name": "First Union", "slug": "first-union", "owner_name": "Uma"}


@pytest.fixture
def letter(reviewer: Client) -> str:
    """The path of the link that the bank got."""
    answer = reviewer.post(f"{LIST}/new", SENT)
    assert (answer.status_code, answer["Location"]) == (302, LIST)
    message = take_mail(SENT["email"])
    assert message.subject == "First Union: an invitation to Parley"
    assert "We met in May." in message.body
    return link_in(message)


def uma() -> Client:
    return browser(create_person_user(email=SENT["email"], password=PASSWORD, name=""))


def found() -> BankInvitation:
    with scope(Principal.system()):
        return BankInvitation.objects.select_related("partner").get()


def test_a_bank_accepts(reviewer: Client, letter: str) -> None:
    page = Client().get(letter)
    assert "Invitation for First Union" in text_of(page)
    assert "We met in May." in text_of(page)
    http = uma()
    assert 'value="First Union"' in http.get(letter).content.decode()
    made = http.post(letter, FORM)
    assert made.status_code == 200
    assert "Copy the secret now" in text_of(made)
    row = found()
    assert (row.state, row.partner.slug, row.partner.domain) == (
        "ACCEPTED",
        "first-union",
        "firstunion.example",
    )
    assert "by First Union" in text_of(reviewer.get(LIST))
    again = http.get(letter)
    assert again.status_code == 410
    assert "This invitation has been used." in text_of(again)
    assert http.post(letter, FORM | {"slug": "second"}).status_code == 410


def test_a_bank_declines_with_a_reason_and_no_account(reviewer: Client, letter: str) -> None:
    http = Client()
    assert http.get(f"{letter}/decline").status_code == 200
    silent = http.post(f"{letter}/decline", {"reason": ""})
    assert silent.status_code == 422
    assert "Fill in “Reason”." in text_of(silent)
    assert found().state == "OPEN"
    done = http.post(f"{letter}/decline", {"reason": "Privacy first."})
    assert "You have declined" in text_of(done)
    assert "Declined on" in text_of(reviewer.get(LIST))
    assert "Privacy first." in text_of(reviewer.get(LIST))
    assert take_mail("reviewer@parley.example").subject == "First Union declined your invitation"
    for answer in (
        http.get(letter),
        http.get(f"{letter}/decline"),
        http.post(f"{letter}/decline", {"reason": "x"}),
    ):
        assert answer.status_code == 410
        assert "This invitation was declined." in text_of(answer)
    with scope(Principal.system()):
        assert not Partner.objects.filter(slug="first-union").exists()


def test_only_its_address_can_accept(world: Any, letter: str, stranger: Client) -> None:
    assert "for another address" in text_of(stranger.get(letter))
    assert stranger.post(letter, FORM).status_code == 422
    assert Client().post(letter, FORM).status_code == 422
    assert found().state == "OPEN"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "This invitation has run out."),
        ({"withdrawn_at": timezone.now()}, "This invitation was withdrawn."),
    ],
)
def test_one_that_ended_says_how(letter: str, values: dict[str, Any], sentence: str) -> None:
    with scope(Principal.system()):
        BankInvitation.objects.update(**values)
    http = uma()
    for answer in (
        http.get(letter),
        http.post(letter, FORM),
        http.post(f"{letter}/decline", {"reason": "x"}),
    ):
        assert answer.status_code == 410
        assert sentence in text_of(answer)
    assert found().declined_at is None


def test_it_is_sent_again_or_withdrawn(reviewer: Client, letter: str) -> None:
    path = f"{LIST}/{public_id('biv', found().pk)}"
    assert "Sent again to uma@firstunion.example." in text_of(reviewer.post(f"{path}/renew", follow=True))
    newer = link_in(take_mail(SENT["email"]))
    assert Client().get(letter).status_code == 404
    assert "is withdrawn" in text_of(reviewer.post(f"{path}/withdraw", follow=True))
    assert Client().get(newer).status_code == 410
    assert "This invitation was withdrawn." in text_of(reviewer.post(f"{path}/renew", follow=True))


def test_one_address_has_one_letter(reviewer: Client, letter: str) -> None:
    answer = reviewer.post(f"{LIST}/new", SENT | {"email": "UMA@firstunion.example"})
    assert answer.status_code == 422
    assert "This address has an invitation already." in text_of(answer)
    assert "We met in May." in text_of(answer)


def test_staff_alone_invite_and_auditors_only_read(world: Any, owner: Client, reviewer: Client) -> None:
    assert owner.get(LIST).status_code == 404
    assert owner.post(f"{LIST}/new", SENT).status_code == 404
    world.staff.first.user.staff_role = "auditor"
    world.staff.first.user.save()
    assert "No bank was invited yet" in text_of(reviewer.get(LIST))
    refused = reviewer.post(f"{LIST}/new", SENT)
    assert refused.status_code == 403
    assert "Reviewer, Operator" in text_of(refused)
    with pytest.raises(Refused, match="Only platform staff"):
        invite_bank(**SENT, actor=principal(world.bank.members[0].user))


def test_the_list_has_pages(world: Any, reviewer: Client) -> None:
    for number in range(PAGE + 1):
        invite_bank(
            email=f"n{number}@x.example", bank_name=f"Bank {number}.", words="", actor=world.staff.reviewer
        )
    first = reviewer.get(LIST)
    assert f"Bank {PAGE}." in text_of(first)
    assert "Bank 0." not in text_of(first)
    [older] = [part.split('"')[0] for part in first.content.decode().split('href="?')[1:]]
    assert "Bank 0." in text_of(reviewer.get(f"{LIST}?{older}"))


def test_a_bank_that_is_here_already_is_led_to_its_team(world: Any, reviewer: Client) -> None:
    reviewer.post(f"{LIST}/new", SENT | {"email": "una@norden.example"})
    letter = link_in(take_mail("una@norden.example"))
    http = browser(create_person_user(email="una@norden.example", password=PASSWORD, name=""))
    assert "A bank whose people have addresses at norden.example is here already" in text_of(http.get(letter))
    assert http.post(letter, FORM).status_code == 422
    assert found().state == "OPEN"
