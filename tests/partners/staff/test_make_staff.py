"""`manage.py make_staff`: a colleague comes in by a link that works once."""

import re
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client

from portal.accounts.models import User
from portal.audit.models import AuditEvent
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

pytestmark = pytest.mark.django_db
NEW = "a long enough pass phrase"


def make(email: str, role: str = "auditor", **more: Any) -> str:
    """The path of the link that it prints."""
    out = StringIO()
    call_command("make_staff", email, role, stdout=out, **more)
    [link] = re.findall(r"https?://\S+", out.getvalue())
    return link.removeprefix(settings.BASE_URL)


def choose(http: Client, link: str) -> Any:
    """Opens the link, which leads to one without the secret in it, and chooses a password there."""
    leads = http.get(link)
    if leads.status_code != 302:
        return leads
    return http.post(leads.headers["Location"], {"password1": NEW, "password2": NEW})


def test_the_link_lets_them_in_once_and_they_need_a_second_step(world: SimpleNamespace) -> None:
    cache.clear()  # allauth counts the tries of an address there
    link = make("Olga@parley.example", "reviewer", name="Olga Otis")
    user = User.objects.get(email="olga@parley.example")
    assert (user.staff_role, user.name, user.has_usable_password()) == ("reviewer", "Olga Otis", False)
    assert choose(Client(), link).status_code == 302
    http = Client()
    answer = http.post("/accounts/login/", {"login": user.email, "password": NEW})
    assert answer.status_code == 302
    assert http.get("/staff/partners").headers["Location"] == "/accounts/2fa/"
    assert "_auth_user_id" in http.session
    again = Client().get(link)
    assert (again.status_code, 'name="password1"' in again.content.decode()) == (200, False)
    with scope(Principal.system()):
        event = AuditEvent.objects.get(code="staff.added")
    assert (event.actor_kind, event.target_id, event.data) == ("system", user.pk, {"role": "reviewer"})


@pytest.mark.parametrize(
    ("email", "words"),
    [
        ("owner@norden.example", "in a bank’s team"),
        ("Owner@Norden.example", "in a bank’s team"),
        ("ana@people.example", "an account with this address already"),
        ("reviewer@parley.example", "an account with this address already"),
        ("nobody", "no e-mail address"),
    ],
)
def test_an_address_that_cannot_be_used_changes_nothing(
    world: SimpleNamespace, email: str, words: str
) -> None:
    before = list(User.objects.order_by("pk").values("pk", "email", "staff_role", "password"))
    with pytest.raises(CommandError, match=words):
        make(email)
    assert list(User.objects.order_by("pk").values("pk", "email", "staff_role", "password")) == before


def test_a_role_that_there_is_not_is_refused(world: SimpleNamespace) -> None:
    with pytest.raises(CommandError, match="invalid choice"):
        make("new@parley.example", "owner")
    assert not User.objects.filter(email="new@parley.example").exists()
