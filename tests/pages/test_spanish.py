"""People read, and are answered, in Spanish as well as in English; banks and staff in English alone."""

import io
import re
import zipfile
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from consents.actions.ask_again import ask_people
from portal.accounts.language import ENGLISH
from portal.accounts.models import User
from portal.ids import public_id
from portal.mail.models import Mail
from portal.mail.outbox import compose, send_due_mail
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.conftest import PASSWORD, ROOT
from tests.isolation.matrix import ROWS, Door, Row
from tests.isolation.stage import BACKEND, Stage
from tests.isolation.test_matrix import path, things_for
from tests.partners.amending import agree_on
from tools.messages import FOR_STAFF

from .test_every_page import NO_PAGE

SPOKEN = {"aria-label", "alt", "title", "placeholder", "data-label"}
# What is the same everywhere: names, and what a bank or a person wrote
DATA = re.compile(
    "|".join(
        (
            r"Parley|Messenger|messenger|API|PDF|JSON|UTC|Single sign-on|no",
            r"(· )?Norden Bank(, grt_\w+)?,?|Norden Bank \(Norden Bank plc\), norden\.example\.|Harbour|NB|Ana|Late\.",
            r"(Current|Savings) account( •• \d{4})?|CUST-1|(rec_\w+, )?AGR-NORDEN v1|[\w.@-]+\.example|http://\S+",
            r"[a-z]{3}_[0-9a-f]{32}|[0-9a-f-]{36}|[0-9a-f]{64}|[\d-]{10} [\d:]{8} UTC",
            r"[A-Z][\w-]+(/[\w -]+)+",  # time zones have no other names
        )
    )
)
OWN_ACCOUNT = [
    "language/", "email/", "password/change/", "2fa/", "sessions/", "2fa/totp/activate/", "2fa/webauthn/add/",
    "logout/", "3rdparty/",
]  # fmt: skip
PEOPLES = [
    row
    for row in ROWS
    if row.door in (Door.PUBLIC, Door.PERSON)
    and row.answers.get("GET", 200) == 200
    and "GET" in row.methods
    and NO_PAGE.get(row.route, "a part of a page") == "a part of a page"
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


def in_both(http: Client, user: User | None, address: str) -> None:
    """The same page in both languages: what reads the same has to be data."""
    pages = []
    for language in ("en", "es"):
        if user is not None:
            User.objects.filter(pk=user.pk).update(locale=language)
        answer = http.get(address, headers={"accept-language": language})
        pages.append(said(answer))
        assert answer.headers["Content-Language"] == language
        assert f'<html lang="{language}">' in answer.content.decode()
    same = {piece for piece in pages[0] & pages[1] if not DATA.fullmatch(piece.removesuffix(" – Parley"))}
    assert same == set(), f"{address} says the same in both languages"


@pytest.mark.parametrize("row", PEOPLES, ids=lambda row: f"/{row.route}")
def test_a_page_for_people_says_nothing_in_english(stage: Stage, row: Row) -> None:
    who = "nobody" if row.door is Door.PUBLIC else "ana"
    thing = things_for(stage, row, who)[0]
    in_both(stage.http(who), stage.users.get(who), path(row, thing))


@pytest.mark.parametrize(
    "address", ["login/", "signup/", "password/reset/", "password/reset/done/", "inactive/"]
)
def test_the_way_in_says_nothing_in_english(db: None, address: str) -> None:
    in_both(Client(), None, f"/accounts/{address}")


@pytest.mark.parametrize("address", OWN_ACCOUNT)
def test_the_account_says_nothing_in_english(stage: Stage, address: str) -> None:
    in_both(stage.http("ana"), stage.users["ana"], f"/accounts/{address}")


def test_the_pages_of_errors_say_nothing_in_english(db: None) -> None:
    answer = Client().get("/nowhere", headers={"accept-language": "es"})
    assert answer.status_code == 404
    assert "Esa página no existe" in answer.content.decode()
    refused = Client(enforce_csrf_checks=True).post("/accounts/login/", headers={"accept-language": "es-AR"})
    assert "Este formulario ya no se puede enviar" in refused.content.decode()


def test_the_browser_is_asked_and_banks_and_machines_are_spoken_to_in_english(stage: Stage) -> None:
    spanish = {"accept-language": "es-MX,es;q=0.9,en;q=0.5"}
    front = Client().get("/", headers=spanish)
    assert "solo los que usted pidió" in front.content.decode()
    assert "Accept-Language" in front.headers["Vary"]
    assert "only those you asked for" in Client().get("/", headers={"accept-language": "de"}).content.decode()
    User.objects.filter(pk=stage.users["owner"].pk).update(locale="es")
    home = stage.http("owner").get("/partners/norden/", headers=spanish).content.decode()
    assert "Sign out" in home
    assert 'action="/language"' not in home
    problem = Client().get("/api/v1/me", headers=spanish).json()
    assert problem["title"] == Client().get("/api/v1/me").json()["title"]


def test_a_choice_before_signing_in_is_taken_along(world: Any) -> None:
    user, http = world.ana.person.user, Client()
    there = "/accounts/login/?next=/me/"
    answer = http.post("/language", {"language": "es", "next": there})
    assert (answer.status_code, answer["Location"]) == (302, there)
    assert "Iniciar sesión" in http.get(there).content.decode()
    form = {"login": user.email, "password": world.ana.person.password, "next": "/me/"}
    assert "Bancos conectados" in http.post(there, form, follow=True).content.decode()
    user.refresh_from_db()
    assert (user.locale, http.cookies["language"].value) == ("es", "")
    http.post("/language", {"language": "en", "next": "/me/"})
    assert "Connected banks" in http.get("/me/", headers={"accept-language": "es"}).content.decode()


def test_a_new_account_speaks_the_language_of_its_sign_up(db: None) -> None:
    form = {"email": "dora@people.example", "password1": PASSWORD, "password2": PASSWORD}
    Client().post("/accounts/signup/", form, headers={"accept-language": "es"})
    assert User.objects.get(email="dora@people.example").locale == "es"
    send_due_mail()
    code = mail.outbox[-1]
    assert code.subject == "Parley: su código"
    assert "Escríbalo en la página que se lo pide." in code.body
    assert "Parley envía mensajes de bancos" in code.body


@pytest.mark.parametrize("wrong", ["", "de", "es-MX", "es\n"])
def test_a_language_that_is_not_offered_changes_nothing(world: Any, wrong: str) -> None:
    http = Client()
    http.force_login(world.ana.person.user, backend=BACKEND)
    assert http.post("/language", {"language": wrong}).status_code == 400
    assert User.objects.get(pk=world.ana.person.user.pk).locale == "en"


@pytest.mark.parametrize(
    "away", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", ""]
)
def test_a_choice_never_leads_elsewhere(db: None, away: str) -> None:
    assert Client().post("/language", {"language": "es", "next": away})["Location"] == "/"


MAILS = sorted(
    path.name.removesuffix(".subject.txt")
    for path in (ROOT / "templates/emails/consents").glob("*.subject.txt")
    if not FOR_STAFF.search(path.relative_to(ROOT / "templates").as_posix())
)
NOW = "2026-11-24T18:00:00.000Z"
WRITTEN = {
    "partner": "Norden Bank", "page": "http://127.0.0.1/x", "complaints": "http://127.0.0.1/y", "reference": "CUST-1",
    "kinds": ["BALANCES"], "banks": ["Harbour"], "ended": NOW, "until": NOW, "at": NOW,
}  # fmt: skip


@pytest.mark.parametrize("is_other", [False, True])
@pytest.mark.parametrize("template", MAILS)
def test_a_mail_to_a_person_says_nothing_in_english(template: str, is_other: bool) -> None:
    words = {"headline": "CUST-1", "is_due": True, "is_closed": True, "is_over": True} if is_other else {}
    pages = []
    for language in ("en", "es"):
        letter = compose(Mail(template=f"consents/{template}", context=WRITTEN | words, locale=language))
        html = str(letter.alternatives[0][0])
        assert f'<html lang="{language}">' in html
        pages.append({letter.subject, *letter.body.splitlines(), *Speech(html).pieces})
    same = {one.removeprefix("- ") for one in pages[0] & pages[1] if re.search("[a-z]", one)}
    assert {one for one in same if not DATA.fullmatch(one)} == set()


def test_a_person_takes_everything_along_in_spanish(stage: Stage) -> None:
    files = []
    for language in ("en", "es"):
        User.objects.filter(pk=stage.users["ana"].pk).update(locale=language)
        answer = stage.http("ana").post("/me/privacy/export")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as whole:
            files.append(Speech(whole.read("parley.html").decode()).pieces)
    same = {piece for piece in files[0] & files[1] if re.search(r"[^\W\d_]{2}", piece)}
    assert {piece for piece in same if not DATA.fullmatch(piece)} == set()
    assert "Usted: Permitió mensajes" in files[1]


def test_what_a_person_does_and_is_told_is_in_spanish(stage: Stage) -> None:
    user, http = stage.users["ana"], stage.http("ana")
    User.objects.filter(pk=user.pk).update(locale="es")
    page = f"/me/grants/{public_id('grt', stage.world.ana.grant.id)}"
    for action, words in (
        ("pause", "Los mensajes están en pausa."),
        ("resume", "Los mensajes vuelven a llegar."),
    ):
        assert words in http.post(f"{page}/{action}", follow=True).content.decode()
    assert "ya no se puede hacer" in http.post(f"{page}/resume", follow=True).content.decode()
    agree_on(stage.world, new=["SHIPMENTS"], retention_days=120)
    ask_people()
    in_both(http, user, f"{page}/terms")
    with scope(Principal.system()):
        letter = compose(Mail.objects.get(template="consents/asked_again", to=user.email))
    assert letter.subject == "Norden Bank: nuevas condiciones para sus mensajes"
    assert "Lo que permitió sigue como antes." in letter.body
    assert '<html lang="es">' in str(letter.alternatives[0][0])
