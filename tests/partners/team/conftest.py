"""A bank's owner, a colleague, a stranger and staff in front of the pages; and what is in their mail."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from partners.access import member_principal
from partners.models import Membership, Partner
from portal.accounts.models import User
from portal.ids import public_id
from portal.mail.models import Mail
from portal.mail.outbox import compose
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.conftest import PASSWORD

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
TEAM = "/partners/norden/team"


@pytest.fixture(autouse=True)
def _nothing_was_tried_before() -> None:
    """allauth counts the tries of an address in the cache."""
    cache.clear()


def browser(user: User, *, has_second_step: bool = True, is_fresh: bool = True) -> Client:
    """Signed in; `is_fresh` has also just given the password once more."""
    if has_second_step and not user.authenticator_set.exists():
        TOTP.activate(user, generate_totp_secret())
    http = Client()
    http.force_login(user, backend=BACKEND)
    if is_fresh:
        answer = http.post("/accounts/reauthenticate/", {"password": PASSWORD})
        assert answer.status_code == 302, answer.content
    return http


@pytest.fixture
def owner(world: Any) -> Client:
    """Norden's, who has just given the password once more."""
    return browser(world.bank.members[0].user)


@pytest.fixture
def colleague(world: Any) -> Client:
    """Norden's analyst."""
    return browser(world.bank.members[1].user)


@pytest.fixture
def stranger(world: Any) -> Client:
    """Harbour's owner."""
    return browser(world.other.members[0].user)


@pytest.fixture
def reviewer(world: Any) -> Client:
    """Of the platform's staff."""
    return browser(world.staff.first.user)


def text_of(response: Any) -> str:
    """What a person reads, in one line."""
    words = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(words).split())


def take_mail(to: str) -> Any:
    """The latest e-mail that waits for an address, as it would be sent; it is then gone."""
    with scope(Principal.system()):
        *_, found = Mail.objects.filter(to=to).order_by("id")
        message = compose(found)
        found.delete()
    return message


def link_in(message: Any) -> str:
    """The path of the link in an e-mail; the same in both of its forms."""
    [path] = set(re.findall(r"https?://[^/\s]+(/(?:invitations|register)/\S+)", message.body))
    assert path in message.alternatives[0][0]
    return path


def roles(partner: Partner) -> dict[str, str]:
    """By e-mail."""
    with scope(Principal.system()), transaction.atomic():
        return dict(Membership.objects.filter(partner=partner).values_list("user__email", "role"))


def principal(user: User, slug: str = "norden") -> Principal:
    with transaction.atomic():
        return member_principal(user, slug)[0]


@pytest.fixture
def member_page() -> Callable[[User, str], str]:
    """The page of somebody in a bank's team."""

    def path(user: User, more: str = "") -> str:
        with scope(Principal.system()):
            member = Membership.objects.get(user=user, partner__slug="norden")
        return f"{TEAM}/members/{public_id('mem', member.pk)}{more}"

    return path
