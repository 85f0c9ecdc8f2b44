"""Where somebody is signed in, and signing out there; and a form that was sent when the session had ended."""

import re
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from portal.accounts import kept
from tests.conftest import PASSWORD

from .conftest import TEAM, browser, roles, text_of

pytestmark = pytest.mark.django_db
LIST = "/accounts/sessions/"
FORM = {"email": "dee@norden.example", "role": "developer"}


def sign_in(user: Any, agent: str = "Firefox on Linux") -> Client:
    http = Client(headers={"user-agent": agent})
    http.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return http


def session_of(http: Client) -> UserSession:
    return UserSession.objects.get(session_key=http.session.session_key)


def test_one_device_is_signed_out_and_the_others_stay(world: Any) -> None:
    user = world.ana.person.user
    here, there, elsewhere = (
        sign_in(user, agent) for agent in ("Firefox Linux", "Chrome Android", "Edg Windows")
    )
    text = text_of(here.get(LIST))
    for words in ("Firefox on Linux (this one)", "Chrome on Android", "Edge on Windows"):
        assert words in text
    answer = here.post(f"/devices/{session_of(there).pk}/end", follow=True)
    assert "Signed out there." in text_of(answer)
    assert "Chrome on Android" not in text_of(answer)
    assert there.get("/me/")["Location"] == "/accounts/login/?next=/me/"
    assert [http.get("/me/").status_code for http in (here, elsewhere)] == [200, 200]


def test_nobody_ends_another_persons_session(world: Any) -> None:
    ana, ben = (sign_in(one.person.user) for one in (world.ana, world.ben))
    assert ben.post(f"/devices/{session_of(ana).pk}/end").status_code == 404
    assert ana.get("/me/").status_code == 200


def signed_out_in_mid_form(user: Any) -> Client:
    """As when a session ends: the browser stays the same."""
    http = browser(user)
    http.cookies.pop("session")
    assert http.post(f"{TEAM}/invite", FORM)["Location"] == f"/accounts/login/?next={TEAM}/invite"
    http.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return http


def test_a_members_form_comes_back(world: Any) -> None:
    http = signed_out_in_mid_form(world.bank.members[0].user)
    page = http.get(f"{TEAM}/invite")
    assert "You are signed in again" in text_of(page)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.content.decode()))
    assert {name: fields[name] for name in FORM} == FORM
    http.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert "An invitation is on its way" in text_of(http.post(f"{TEAM}/invite", fields, follow=True))


def test_it_is_not_shown_to_whoever_may_not_open_the_page(world: Any) -> None:
    http = signed_out_in_mid_form(world.other.members[0].user)
    page = http.get(f"{TEAM}/invite")
    assert page.status_code == 404
    assert FORM["email"] not in page.content.decode()


def test_a_page_that_only_takes_forms_comes_back_too(world: Any, member_page: Any) -> None:
    user = world.bank.members[0].user
    http, path = browser(user), f"{TEAM}/invitations/inv_{'0' * 32}/renew"
    http.cookies.pop("session")
    http.post(path, {"note": "typed"})
    http.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    page = http.get(path)
    assert 'name="note" value="typed"' in page.content.decode()
    assert roles(world.bank.partner)[user.email] == "owner"


def test_it_is_forgotten_after_a_while(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_LIFETIME", -kept._LIFETIME)
    http = signed_out_in_mid_form(world.bank.members[0].user)
    assert "You are signed in again" not in text_of(http.get(f"{TEAM}/invite"))


def test_nothing_large_is_kept(world: Any) -> None:
    http = Client()
    http.post(f"{TEAM}/invite", FORM | {"note": "x" * 40_000})
    assert kept._SESSION not in http.session
