"""How a bank comes in by itself: account, workspace, first secret, first call."""

import re
from typing import Any

import pytest
from django.test import Client

from partners.actions.registration import open_workspace
from partners.api_client import ApiClient
from partners.models import JoinRequest, Partner
from partners.refusals import Refused
from portal.accounts.actions import create_person_user
from portal.accounts.models import User
from portal.mail.models import Mail
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.conftest import PASSWORD

from .conftest import browser, take_mail, text_of

pytestmark = pytest.mark.django_db
FORM = {"name": "First Union", "slug": "first-union", "owner_name": "Uma Owner"}
WORKSPACE = "/register/workspace"


def new_user(email: str = "uma@firstunion.example") -> User:
    return create_person_user(email=email, password=PASSWORD, name="")


def banks() -> set[str]:
    with scope(Principal.system()):
        return set(Partner.objects.values_list("slug", flat=True))


def secret_in(response: Any) -> str:
    [secret] = set(re.findall(r"sec_[A-Za-z0-9_-]{43}", response.content.decode()))
    return secret


def test_a_visitor_becomes_the_owner_of_a_bank_whose_sandbox_answers(db: None) -> None:
    http = Client()
    start = http.get("/register")
    assert "LEI" in text_of(start)
    [sign_up] = re.findall(r'href="(/accounts/signup/\?next=[^"]+)"', start.content.decode())
    asked = {"email": "uma@firstunion.example", "password1": PASSWORD, "password2": PASSWORD}
    answer = http.post(sign_up, asked | {"next": WORKSPACE})
    code = re.search(r"Your code is (\S+)", take_mail("uma@firstunion.example").body)
    assert code
    answer = http.post(answer["Location"], {"code": code[1]})
    assert answer["Location"] == WORKSPACE
    made = http.post(WORKSPACE, FORM)
    assert made.status_code == 200
    assert "no-store" in made["Cache-Control"]
    [client_id] = set(re.findall(r"cli_[0-9a-f]{32}", made.content.decode()))
    # The call on the page, as it stands there
    [fields] = re.findall(r"/oauth/token((?: -d [a-z_]+=\S+)+)</code>", made.content.decode())
    token = Client().post("/oauth/token", dict(re.findall(r"-d (\w+)=(\S+)", fields))).json()
    me = Client().get("/api/v1/me", headers={"authorization": f"Bearer {token['access_token']}"}).json()
    assert me["environment"] == "sandbox"
    assert "client_id=" + client_id in fields
    # The home page asks for a second step first, then lists what is due
    assert http.get("/partners/first-union/")["Location"] == "/accounts/2fa/"
    user = User.objects.get(email="uma@firstunion.example")
    assert user.name == "Uma Owner"
    page = browser(user).get("/partners/first-union/")
    assert "Invite a colleague You are the only one" in text_of(page)
    assert secret_in(made) not in page.content.decode()


def test_the_first_client_has_every_scope_and_is_in_the_sandbox(db: None) -> None:
    open_workspace(owner=new_user(), **FORM)
    with scope(Principal.system()):
        [client] = ApiClient.objects.filter(partner__slug="first-union")
        bank = client.partner
    assert (client.environment, len(client.scopes)) == ("sandbox", 13)
    assert (bank.domain, bank.status) == ("firstunion.example", "DRAFT")


def test_a_name_that_is_taken_is_said_so_and_what_was_typed_stays(world: Any) -> None:
    http, before = browser(new_user()), banks()
    answer = http.post(WORKSPACE, FORM | {"slug": "norden"})
    assert answer.status_code == 422
    assert "There is a problem “norden” is taken. Choose another." in text_of(answer)
    assert 'value="First Union"' in answer.content.decode()
    assert banks() == before


@pytest.mark.parametrize(
    "slug", ["ab", "Norden", "1st", "first--union", "first_union", "ünion", "first-", "a" * 41]
)
def test_a_name_in_addresses_is_plain(db: None, slug: str) -> None:
    answer = browser(new_user()).post(WORKSPACE, FORM | {"slug": slug})
    assert answer.status_code == 422
    assert banks() == set()


def test_a_domain_that_a_bank_has_leads_to_asking_which_names_nobody(world: Any) -> None:
    user = new_user("una@norden.example")
    http, before = browser(user), banks()
    page = http.get(WORKSPACE)
    assert "A bank whose people have addresses at norden.example is here already" in text_of(page)
    assert not re.search(r"Norden Bank|owner@|analyst@", page.content.decode())
    assert http.post(WORKSPACE, FORM).status_code == 422
    with pytest.raises(Refused, match="is here already"):
        open_workspace(owner=user, **FORM)
    assert banks() == before
    assert "Asked." in text_of(http.post("/register/ask", follow=True))
    letter = take_mail("owner@norden.example")
    assert "una@norden.example asks to join the team of Norden Bank." in letter.body
    again = http.post("/register/ask", follow=True)
    assert "You have asked already." in text_of(again)
    with scope(Principal.system()):
        assert JoinRequest.objects.count() == 1
        assert not Mail.objects.filter(to="owner@norden.example", template__contains="join").exists()


def test_whoever_is_in_the_team_is_led_there(world: Any) -> None:
    page = browser(world.bank.members[1].user).get(WORKSPACE)
    assert "you are in its team" in text_of(page)
    assert 'href="/partners/norden/"' in page.content.decode()


def test_the_domain_of_a_bank_that_left_is_free(world: Any) -> None:
    with scope(Principal.system()):
        Partner.objects.filter(slug="norden").update(status="SURRENDERED")
    made = open_workspace(owner=new_user("una@norden.example"), **FORM)
    assert made.partner.domain == "norden.example"


@pytest.mark.parametrize("email", ["una@gmail.com", "una@GMX.de"])
def test_a_public_mail_provider_shows_no_bank(db: None, email: str) -> None:
    http = browser(new_user(email))
    for answer in (http.get(WORKSPACE), http.post(WORKSPACE, FORM)):
        assert "does not show which bank you work for" in text_of(answer)
    assert banks() == set()


def test_an_address_that_nobody_confirmed_opens_nothing(db: None) -> None:
    user = User.objects.create_user("una@firstunion.example", PASSWORD)
    with pytest.raises(Refused, match="Confirm your e-mail"):
        open_workspace(owner=user, **FORM)


def test_staff_cannot_act_for_a_bank(world: Any, reviewer: Client) -> None:
    assert "platform staff" in text_of(reviewer.get(WORKSPACE))
    assert reviewer.post(WORKSPACE, FORM).status_code == 422
    with pytest.raises(Refused, match="Platform staff"):
        open_workspace(owner=world.staff.first.user, **FORM)


def test_a_form_sent_without_a_session_comes_back_after_signing_in(db: None) -> None:
    user = new_user()
    http = Client()
    asked = http.post(WORKSPACE, FORM | {"password": "typed by mistake"})
    assert asked["Location"] == f"/accounts/login/?next={WORKSPACE}"
    signed_in = http.post(asked["Location"], {"login": user.email, "password": PASSWORD, "next": WORKSPACE})
    assert signed_in["Location"] == WORKSPACE
    kept = http.get(WORKSPACE)
    assert "What you typed is kept" in text_of(kept)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', kept.content.decode()))
    assert {name: fields.get(name) for name in FORM} == FORM
    assert "typed by mistake" not in kept.content.decode()
    assert banks() == set()  # nothing happens before it is sent again
    assert http.post(WORKSPACE, fields).status_code == 200
    assert banks() == {"first-union"}
    assert "What you typed is kept" not in text_of(http.get(WORKSPACE))


def test_what_is_kept_is_sealed_and_for_its_own_page_only(db: None) -> None:
    user = new_user()
    http = Client()
    http.post(WORKSPACE, FORM)
    assert "First Union" not in str(dict(http.session.items()))
    http.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert "What you typed is kept" not in text_of(http.get("/register"))
    assert "What you typed is kept" in text_of(http.get(WORKSPACE))
