"""The way in, what is shown to whom, and how a form says what is wrong."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404
from django.test import Client, RequestFactory

from consents.records import Account
from portal.accounts.actions import create_user_with_totp
from portal.api.errors import handler400, handler403, handler404, handler500
from portal.demo.world import SignIn, make_customer

from .test_person import text_of

pytestmark = pytest.mark.django_db


def nav_of(answer: Any) -> str:
    """The main navigation's links."""
    found = re.search(r'<nav aria-label="Main">(.*?)</nav>', answer.content.decode(), re.DOTALL)
    assert found
    return " ".join(re.findall(r"<a [^>]*>", found[1]))


def test_people_go_to_their_banks_and_members_to_their_banks_home(
    world: Any, sign_in: Callable[[Any], Client]
) -> None:
    expected = {
        world.ana.person.user: "/me/",
        world.bank.members[1].user: "/partners/norden/",
        world.staff.first.user: "/",
    }
    for user, path in expected.items():
        answer = sign_in(user).get("/start")
        assert (answer.status_code, answer["Location"]) == (302, path)
    assert Client().get("/start")["Location"] == "/accounts/login/?next=/start"


def test_the_form_leads_there_unless_a_page_was_asked_for(world: Any) -> None:
    known = {"login": "ana@people.example", "password": world.ana.person.password}
    assert Client().post("/accounts/login/", known)["Location"] == "/start"
    asked = Client().post("/accounts/login/?next=/docs/design", known | {"next": "/docs/design"})
    assert asked["Location"] == "/docs/design"


def test_navigation_fits_who_is_signed_in(ana: Client, world: Any, sign_in: Callable[[Any], Client]) -> None:
    assert nav_of(Client().get("/")) == ""
    assert nav_of(ana.get("/me/")) == '<a href="/me/" aria-current="page"> <a href="/me/activity">'
    analyst = sign_in(world.bank.members[1].user)
    assert nav_of(analyst.get("/")) == '<a href="/partners/norden/">'
    there = nav_of(analyst.get("/partners/norden/deliveries"))
    assert there == '<a href="/partners/norden/" aria-current="true">'


def test_a_member_who_is_a_customer_too_has_both(world: Any, sign_in: Callable[[Any], Client]) -> None:
    member = world.bank.members[1]
    make_customer(
        world.other, customer_ref="H-9", address="3011", clusters=["BALANCES"],
        accounts=[Account("acc-h", "•• 0002", "Current account")],
        person=SignIn(member.user, member.email, member.password),
    )  # fmt: skip
    http = sign_in(member.user)
    assert http.get("/start")["Location"] == "/me/"
    assert nav_of(http.get("/")) == '<a href="/me/"> <a href="/me/activity"> <a href="/partners/norden/">'


def test_a_wrong_password_is_a_problem_said_in_three_places(world: Any) -> None:
    answer = Client().post("/accounts/login/", {"login": "ana@people.example", "password": "wrong"})
    page = answer.content.decode()
    assert "<title>Error: Sign in – Parley</title>" in page
    assert "There is a problem The e-mail or the password is not right." in text_of(answer)
    assert 'value="ana@people.example"' in page


def test_a_field_and_the_summary_say_the_same(db: None) -> None:
    page = Client().post("/accounts/signup/", {"email": "", "password1": "short", "password2": "short"})
    text = page.content.decode()
    for field, words in (
        ("id_email", "Fill in “E-mail”."),
        ("id_password1", "This password is too short. It must contain at least 12 characters."),
    ):
        assert f'<a href="#{field}">{words}</a>' in text
        assert re.search(rf'<p class="field-error" id="{field}_error">{re.escape(words)}', text)
        assert re.search(rf'<input[^>]*aria-describedby="{field}_helptext {field}_error"[^>]*>', text)
        assert re.search(r'<input[^>]*aria-invalid="true"', text)


def test_too_many_tries_get_a_page_that_says_so(settings: Any, db: None) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "1/m/ip"}
    for _ in range(2):
        answer = Client().post("/accounts/login/", {"login": "x@people.example", "password": "wrong"})
    assert answer.status_code == 429
    assert "<h1>Too many tries</h1>" in answer.content.decode()


def test_staff_and_members_must_have_a_second_step(world: Any, sign_in: Callable[[Any], Client]) -> None:
    user, _ = create_user_with_totp(email="new@norden.example", password="a lamp under the river", name="N")
    assert sign_in(user).get("/partners/norden/deliveries").status_code == 404
    page = sign_in(world.ana.person.user).get("/partners/norden/deliveries", follow=True)
    assert "Set up a second step" in text_of(page)


def test_errors_have_pages_with_a_way_on(ana: Client, world: Any, sign_in: Callable[[Any], Client]) -> None:
    missing = ana.get("/nothing")
    assert missing.status_code == 404
    assert "There is no such page" in missing.content.decode()
    assert missing["X-Request-Id"] in missing.content.decode()
    assert 'href="/me/"' in missing.content.decode()
    strict = Client(enforce_csrf_checks=True)
    stale = strict.post("/accounts/login/", {"login": "x"})
    assert stale.status_code == 403
    assert "This form can no longer be sent" in stale.content.decode()


@pytest.mark.parametrize(
    ("handler", "error", "status", "heading"),
    [
        (handler400, BadRequest(), 400, "This request could not be read"),
        (handler403, PermissionDenied("Ask an owner."), 403, "You cannot open this page"),
        (handler404, Http404(), 404, "There is no such page"),
    ],
)
def test_each_refusal_has_its_own_words(handler: Any, error: Exception, status: int, heading: str) -> None:
    answer = handler(RequestFactory().get("/me/"), error)
    assert answer.status_code == status
    assert f"<h1>{heading}</h1>" in answer.content.decode()
    assert f"<title>{heading} – Parley</title>" in answer.content.decode()
    assert str(error) in answer.content.decode()


def test_the_page_after_a_crash_needs_nothing_that_may_have_crashed(
    django_assert_num_queries: Any,
) -> None:
    request = RequestFactory().get("/me/")
    request.request_id = "req-1"
    with django_assert_num_queries(0):
        answer = handler500(request)
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.content.decode()
    assert "req-1" in answer.content.decode()
    assert "Sign in" not in answer.content.decode()
