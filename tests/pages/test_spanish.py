"""People read, and are answered, in Spanish as well as in English; banks and staff in English alone."""

from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client, override_settings

from consents.actions.ask_again import ask_people
from portal.accounts.language import ENGLISH
from portal.accounts.models import User
from portal.ids import public_id
from portal.mail.outbox import send_due_mail
from tests.conftest import PASSWORD
from tests.isolation.matrix import ROWS, Door
from tests.isolation.stage import Stage, make_stage, rolled_back
from tests.isolation.test_matrix import path, things_for
from tests.partners.amending import agree_on

SPOKEN = {"aria-label", "alt", "title", "placeholder", "data-label"}
# Data, and names that are the same everywhere
SAME = {"Parley", "– Parley", "Messenger"}
ACCOUNT = [
    "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/accounts/password/reset/done/",
    "/accounts/inactive/",
]  # fmt: skip
OWN_ACCOUNT = [
    "/accounts/language/", "/accounts/email/", "/accounts/password/change/", "/accounts/2fa/", "/accounts/sessions/",
    "/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/add/", "/accounts/reauthenticate/", "/accounts/logout/",
    "/accounts/3rdparty/",
]  # fmt: skip
PEOPLES = [
    row
    for row in ROWS
    if row.door in (Door.PUBLIC, Door.PERSON)
    and "GET" in row.methods
    and not f"/{row.route}".startswith(ENGLISH)
]


class Speech(HTMLParser):
    """What a page says, piece by piece; not what is marked as being in a language of its own."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.pieces: set[str] = set()
        self.inside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag in ("script", "style", "code") or (self.inside or ("lang" in given and tag != "html")):
            self.inside.append(tag)
        else:
            self.pieces |= {str(given[name]) for name in SPOKEN & given.keys()}

    def handle_endtag(self, tag: str) -> None:
        if tag in self.inside:
            while self.inside.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self.inside:
            self.pieces.add(" ".join(data.split()))


def said(answer: Any) -> set[str]:
    """The pieces with words in them."""
    assert answer.status_code == 200, answer.status_code
    found = {piece for piece in Speech(answer.content.decode()).pieces if any(map(str.isalpha, piece))}
    assert found
    return found


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: Any) -> Iterator[Stage]:
    with (
        override_settings(ACCOUNT_REAUTHENTICATION_TIMEOUT=86_400),
        django_db_blocker.unblock(),
        rolled_back(),
    ):
        yield make_stage()


def in_both(http: Client, user: User | None, address: str) -> tuple[set[str], set[str]]:
    """The same page in English and in Spanish, to somebody or to nobody."""
    pages = []
    for language in ("en", "es"):
        if user is not None:
            User.objects.filter(pk=user.pk).update(locale=language)
        answer = http.get(address, headers={"accept-language": language})
        assert answer.headers["Content-Language"] == language
        assert f'<html lang="{language}">' in answer.content.decode()
        pages.append(said(answer))
    return pages[0], pages[1]


@pytest.mark.parametrize("row", PEOPLES, ids=lambda row: f"/{row.route}")
def test_a_page_for_people_says_nothing_in_english(stage: Stage, row: Any) -> None:
    who = "nobody" if row.door is Door.PUBLIC else "ana"
    print(
        row.route,
        *map(repr, in_both(stage.http(who), stage.users.get(who), path(row, things_for(stage, row, who)[0]))),
    )
