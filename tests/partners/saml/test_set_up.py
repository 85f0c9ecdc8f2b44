"""The bank's page: SAML set up, tried, turned on, changed; and an installation that speaks none."""

import base64
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import transaction
from django.test import Client

from partners.models import SignOn
from partners.saml.certificates import as_pem, read_certificate
from partners.sso.reading import open_secret
from portal.tenancy.context import scope
from tests.partners.sso.conftest import PAGE, SYSTEM, trail
from tests.partners.team.conftest import browser, text_of
from tests.settings.production import ROOT

from .conftest import Running, link, through

pytestmark = pytest.mark.django_db
SetUp = Callable[..., SignOn]
SET_UP = f"{PAGE}/set-up/saml"
REFEDS = "https://refeds.org/profile/mfa"


@pytest.fixture
def owner(world: Any) -> Client:
    """Norden's, who has just given the password once more."""
    return browser(world.bank.members[0].user)


@pytest.fixture
def pasted(idp: Running) -> dict[str, Any]:
    """A form with the provider's metadata."""
    return {"metadata": idp.metadata(), "domains": ["norden.example"], "second_step_acr": ""}


@pytest.fixture
def typed(idp: Running) -> dict[str, Any]:
    """The same, without."""
    return {
        "issuer": idp.entity_id,
        "sso_url": f"{idp.url}/sso",
        "certificates": as_pem(idp.certificates()["first"]),
        "domains": ["norden.example"],
        "second_step_acr": "",
    }


def row() -> SignOn:
    with scope(SYSTEM), transaction.atomic():
        return SignOn.objects.select_related("partner").get()


def test_an_owner_sets_it_up_checks_it_links_and_turns_it_on(
    world: Any, idp: Running, owner: Client, pasted: Any
) -> None:
    page = text_of(owner.get(SET_UP))
    door = f"/accounts/bank/{world.bank.partner.id}"
    assert f"{door}/acs" in page
    assert f"{door}/metadata" in page
    assert owner.post(SET_UP, pasted).status_code == 302
    text = text_of(owner.get(PAGE))
    assert "Single sign-on is Off" in text
    assert f"Its sign-in address {idp.url}/sso?tenant=norden&via=HTTP-Redirect" in text
    assert read_certificate(idp.certificates()["first"]).fingerprint in text
    for words in ("Check the provider first", "Link your own sign-in first"):
        assert words in text_of(owner.post(f"{PAGE}/mode", {"mode": "on"}))
        owner.post(f"{PAGE}/check")
    assert "Valid today: 1." in text_of(owner.get(PAGE))
    through(owner, world.bank, idp, "owner@norden.example")
    owner.post(f"{PAGE}/link")
    assert "Single sign-on is now: on." in text_of(owner.post(f"{PAGE}/mode", {"mode": "on"}, follow=True))
    codes = ("configured", "checked", "linked", "mode_changed")
    assert [len(trail(f"sign_on.{code}")) for code in codes] == [1, 2, 1, 1]
    [event] = trail("sign_on.configured")
    assert event.data["kind"] == "saml"
    assert event.data["certificates"] == [read_certificate(idp.certificates()["first"]).fingerprint]


def test_what_the_metadata_says_can_be_typed_too(world: Any, idp: Running, owner: Client, typed: Any) -> None:
    assert owner.post(SET_UP, typed).status_code == 302
    found = row()
    assert (found.kind, found.issuer, found.sso_url) == ("saml", idp.entity_id, f"{idp.url}/sso")
    assert found.certificates == [idp.certificates()["first"]]
    page = owner.get(SET_UP).content.decode()
    assert found.certificates[0][:60] in page
    assert f'value="{idp.entity_id}"' in page


def test_the_key_is_sealed_and_never_shown(world: Any, idp: Running, owner: Client, pasted: Any) -> None:
    owner.post(SET_UP, pasted)
    with scope(SYSTEM), transaction.atomic():
        key = open_secret(row())
    assert key is not None
    assert key.startswith("-----BEGIN PRIVATE KEY-----")
    line = key.splitlines()[1]
    assert line.encode() not in bytes(row().secret)
    for page in (PAGE, SET_UP, f"/accounts/bank/{world.bank.partner.id}/metadata"):
        assert line not in owner.get(page).content.decode()
    assert line not in str([event.data for event in trail("sign_on.configured")])
    before = bytes(row().secret)
    owner.post(SET_UP, pasted)
    assert bytes(row().secret) == before, "the bank's provider knows its certificate"


def weak(key: Any, algorithm: Any) -> str:
    """A certificate that nobody should trust."""
    name, now = x509.Name([]), datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1).not_valid_before(now - timedelta(days=1))
    made = made.not_valid_after(now + timedelta(days=1)).sign(key, algorithm)
    return base64.b64encode(made.public_bytes(Encoding.DER)).decode()


WEAK = weak(rsa.generate_private_key(public_exponent=65537, key_size=1024), SHA256())
ODD = weak(ed25519.Ed25519PrivateKey.generate(), None)
ENTITY = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
UNUSABLE: list[tuple[Callable[[str], str], str]] = [
    (lambda it: ENTITY + it, "document type or entities of its own"),
    (lambda it: it.replace("<md:", '<!DOCTYPE x SYSTEM "http://127.0.0.1/x"><md:', 1), "document type or"),
    (lambda it: f"{it}<!--{'x' * 262_144}-->", "It is too long"),
    (lambda it: it[:-9], "not XML that can be read"),
    (lambda it: "<a/>", "not the metadata of one provider"),
    (
        lambda it: (
            f'<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">{it}</md:EntitiesDescriptor>'
        ),
        "of one provider",
    ),
    (lambda it: it.replace("IDPSSODescriptor", "SPSSODescriptor"), "describes no identity provider"),
    (lambda it: it.replace("HTTP-Redirect", "SOAP"), "no sign-in by redirect"),
    (lambda it: it.replace("X509Certificate", "X509SKI"), "Give the certificates"),
    (lambda it: it.replace("entityID", "entity"), "Give the entity id"),
    (lambda it: it.replace("http://127.0.0.1", "http://login.norden.example"), "must begin with https://"),
    (lambda it: it.replace("http://127.0.0.1", "https://10.0.0.1"), "usual port"),
]


def test_metadata_that_cannot_be_used_comes_back_with_a_sentence(
    world: Any, owner: Client, pasted: Any
) -> None:
    for change, words in UNUSABLE:
        answer = owner.post(SET_UP, pasted | {"metadata": change(pasted["metadata"])})
        assert answer.status_code == 422, words
        assert words in text_of(answer)
    assert trail("sign_on.configured") == []


def test_what_is_typed_wrongly_comes_back_with_a_sentence(
    world: Any, idp: Running, owner: Client, typed: Any
) -> None:
    for wrong, words in (
        ({"issuer": ""}, "Give the entity id"),
        ({"sso_url": ""}, "Give the address where people sign in"),
        ({"sso_url": "javascript:alert(1)"}, "full web address"),
        ({"certificates": ""}, "Give the certificates"),
        ({"certificates": "nothing"}, "One of the certificates is none"),
        ({"certificates": as_pem("bm90aGluZw==")}, "One of the certificates is none"),
        ({"certificates": WEAK}, "less than 2048 bits"),
        ({"certificates": ODD}, "neither RSA nor of an elliptic curve"),
        ({"domains": ["harbour.example"]}, "is not one of the available choices"),
    ):
        answer = owner.post(SET_UP, typed | wrong)
        assert answer.status_code == 422, wrong
        assert words in text_of(answer), wrong
    assert trail("sign_on.configured") == []


def test_a_body_beyond_all_measure_is_not_read(world: Any, owner: Client, pasted: Any) -> None:
    answer = owner.post(SET_UP, pasted | {"metadata": "x" * 1_100_000})
    assert answer.status_code == 413
    assert trail("sign_on.configured") == []


def test_a_rotation_leaves_it_on_and_a_wholly_new_key_does_not(
    world: Any, idp: Running, owner: Client, typed: Any, set_up: SetUp
) -> None:
    set_up(world.bank, mode="required")
    link(world.bank, idp, world.bank.members[1].user)
    known = idp.certificates()
    given = typed | {"sso_url": row().sso_url}
    both = "\n".join(as_pem(known[name]) for name in ("first", "new"))
    owner.post(SET_UP, given | {"certificates": both})
    assert (row().is_required, row().certificates) == (True, [known["first"], known["new"]])
    text = text_of(owner.get(PAGE))
    assert "Its certificate 2 Ends in 19 days , " in text
    owner.post(SET_UP, given | {"certificates": as_pem(known["new"])})
    assert (row().is_required, SocialAccount.objects.count()) == (True, 1)
    owner.post(SET_UP, given | {"certificates": as_pem(known["other"])})
    assert (row().is_on, row().checked_at, SocialAccount.objects.count()) == (False, None, 1)
    owner.post(SET_UP, given | {"issuer": "https://login.norden.example"})
    assert SocialAccount.objects.count() == 0


def test_a_certificate_that_has_ended_is_said_and_cannot_be_turned_on(
    world: Any, idp: Running, owner: Client, typed: Any
) -> None:
    owner.post(SET_UP, typed | {"certificates": idp.certificates()["ended"]})
    owner.post(f"{PAGE}/check")
    text = text_of(owner.get(PAGE))
    assert "Its certificate Ended" in text
    assert "None is valid today." in text
    assert "nothing may be wrong with it" in text_of(owner.post(f"{PAGE}/mode", {"mode": "on"}))


def test_the_other_kind_ends_links_and_the_sessions_that_hang_on_them(
    world: Any, idp: Running, owner: Client, pasted: Any, set_up: SetUp
) -> None:
    """Even where both kinds of a provider go by one name."""
    analyst = world.bank.members[1].user
    set_up(world.bank, trusts_second_step=True)
    link(world.bank, idp, analyst)
    idp.control(answer={"acr": REFEDS})
    http = Client()
    assert through(http, world.bank, idp, analyst.email).status_code == 302
    assert http.get("/partners/norden/").status_code == 200
    openid = {"issuer": idp.entity_id, "client_id": "x", "domains": ["norden.example"]}
    assert "Fill in “Client secret”." in text_of(owner.post(f"{PAGE}/set-up", openid | {"secret": ""}))
    owner.post(f"{PAGE}/set-up", openid | {"secret": "a client secret"})
    found = row()
    assert (found.kind, found.is_on, found.certificates, found.sso_url) == ("oidc", False, [], "")
    assert SocialAccount.objects.count() == 0
    assert http.get("/partners/norden/").headers["Location"].startswith("/accounts/login/")
    assert "ends every member’s link" in text_of(owner.get(SET_UP))
    owner.post(SET_UP, pasted)
    assert (row().kind, row().client_id) == ("saml", "")


def test_an_installation_without_the_extra_says_so(
    world: Any, idp: Running, owner: Client, set_up: SetUp, pasted: Any, monkeypatch: Any
) -> None:
    set_up(world.bank)
    monkeypatch.setitem(sys.modules, "onelogin", None)  # as Python has it where there is none
    for answer in (owner.get(SET_UP), owner.post(SET_UP, pasted)):
        assert answer.status_code == 404
        assert "This installation of Parley speaks no SAML." in text_of(answer)
    door = f"/accounts/bank/{world.bank.partner.id}"
    for path in ("/", "/metadata"):
        answer = Client().get(f"{door}{path}")
        assert answer.status_code == 503
        assert "speaks no SAML" in text_of(answer)
    assert owner.get(PAGE).status_code == 200


def test_nothing_of_the_extra_is_imported_at_start() -> None:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(('onelogin', 'xmlsec', 'lxml')));"
        "import django; django.setup(); from django.urls import get_resolver; get_resolver().url_patterns;"
        "from django.urls import reverse; print(reverse('member-sign-on-set-up-saml', args=['x']))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": "portal.settings", "PARLEY_ENV": "development", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.strip() == "/partners/x/sign-on/set-up/saml", ran.stderr
