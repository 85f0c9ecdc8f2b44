"""Through the bank's SAML provider and back: who comes in, and who does not."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.cache import cache
from django.test import Client

from partners.actions.invitations import invite_member
from partners.models import SignOn
from portal.accounts.models import User
from portal.api import valkey
from tests.conftest import PASSWORD
from tests.partners.sso.conftest import begin, subject_of, trail
from tests.partners.team.conftest import browser, link_in, principal, take_mail, text_of

from .conftest import Running, link, post, through

pytestmark = pytest.mark.django_db
SetUp = Callable[..., SignOn]
REFEDS = "https://refeds.org/profile/mfa"


@pytest.fixture
def analyst(world: Any, idp: Running, set_up: SetUp) -> Any:
    """Norden's analyst, linked; the bank vouches for two steps, and may."""
    set_up(world.bank, trusts_second_step=True)
    user = world.bank.members[1].user
    link(world.bank, idp, user)
    idp.control(answer={"acr": REFEDS})
    return user


def is_in(http: Client) -> bool:
    return "_auth_user_id" in http.session


def test_a_linked_member_comes_in(world: Any, idp: Running, analyst: Any) -> None:
    http = Client()
    path, fields = idp.sign_in(begin(http, world.bank), analyst.email)
    kept = post(path, fields)
    assert (kept.status_code, kept.cookies) == (303, {})  # else it would take the place of the session's
    answer = http.get(kept.headers["Location"])
    assert (answer.status_code, answer.headers["Location"]) == (302, "/partners/norden/")
    assert http.session["_auth_user_id"] == str(analyst.pk)
    assert http.get("/partners/norden/deliveries").status_code == 200
    [event] = trail("sign_on.used")
    assert (event.actor_id, event.partner_id) == (analyst.pk, world.bank.partner.id)
    assert SocialAccount.objects.get(user=analyst).extra_data == {}
    assert "bank" in answer.cookies


def test_the_request_is_signed_and_names_no_person(
    world: Any, idp: Running, set_up: SetUp, settings: Any
) -> None:
    set_up(world.bank, trusts_second_step=True, second_step_acr="urn:two&steps")
    known = Client().get(f"/accounts/bank/{world.bank.partner.id}/metadata")
    assert known["Content-Type"] == "application/samlmetadata+xml"
    assert "Norden" not in known.content.decode()
    idp.control(metadata=known.content.decode().partition("?>")[2])
    url = begin(Client(), world.bank, "?ForceAuthn=true")
    assert url.startswith(f"{idp.url}/sso?tenant=norden&via=HTTP-Redirect&SAMLRequest=")
    page = idp.ask(url)
    assert page.status_code == 200
    assert 'name="acr" value="urn:two&amp;steps"' in page.text
    assert f'name="acs" value="{settings.BASE_URL}/accounts/bank/{world.bank.partner.id}/acs"' in page.text
    assert 'name="anew" value=""' in page.text


UNFIT: list[tuple[dict[str, Any], str]] = [
    ({"sign": "nothing"}, "Its assertion is not signed"),
    ({"sign": "response"}, "Its assertion is not signed"),
    ({"method": "sha1"}, "method that is too weak"),
    ({"key": "other"}, "not signed by a key of your bank’s"),
    ({"fault": "tampered"}, "not signed by a key of your bank’s"),
    ({"fault": "object"}, "for something else than what it stands in"),
    ({"fault": "wrapped in an object"}, "one assertion, in its usual place"),
    ({"fault": "wrapped in an extension"}, "one assertion, in its usual place"),
    ({"fault": "wrapped beside"}, "one assertion, in its usual place"),
    ({"fault": "wrapped within"}, "one assertion, in its usual place"),
    ({"fault": "two"}, "one assertion, in its usual place"),
    ({"fault": "transform"}, "leaves out a part of what it signs"),
    ({"fault": "encrypted"}, "is encrypted"),
    ({"fault": "dtd"}, "document type or entities"),
    ({"answer": {"audience": "https://other.example"}}, "meant for somebody else"),
    ({"answer": {"audience": None}}, "meant for somebody else"),
    ({"answer": {"recipient": "https://other.example/acs"}}, "not confirmed for this sign-in here"),
    ({"answer": {"recipient": None}}, "not confirmed for this sign-in here"),
    ({"answer": {"destination": "https://other.example/acs"}}, "addressed to another place"),
    ({"answer": {"ends": -61}}, "has run out"),
    ({"answer": {"ends": None}}, "not confirmed for this sign-in here"),
    ({"answer": {"begins": 90}}, "does not count yet"),
    ({"answer": {"at": 90}}, "signed in later than now"),
    ({"answer": {"in_response_to": "_another"}}, "belongs to another sign-in"),
    ({"answer": {"in_response_to": None}}, "belongs to another sign-in"),
    ({"answer": {"issuer": "https://other.example"}}, "of another issuer"),
    ({"answer": {"subject": ""}}, "NameID"),
    ({"answer": {"subject": "x" * 192}}, "NameID"),
    ({"answer": {"format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"}}, "another one each time"),
    ({"answer": {"email": None}}, "did not tell an e-mail address"),
    ({"answer": {"email": ["a@norden.example", "b@norden.example"]}}, "did not tell an e-mail address"),
    ({"answer": {"status": "NoAuthnContext"}}, "cannot ask for the second step"),
    ({"answer": {"status": "AuthnFailed"}}, "You did not finish signing in"),
]


def test_what_does_not_fit_signs_nobody_in(world: Any, idp: Running, analyst: Any) -> None:
    for faults, words in UNFIT:
        cache.clear()  # a person does not try so often
        idp.control(**{"answer": {"acr": REFEDS}} | faults)
        http = Client()
        answer = through(http, world.bank, idp, analyst.email)
        assert (answer.status_code, is_in(http)) == (403, False), faults
        assert words in text_of(answer), faults
    assert trail("sign_on.used") == []


def test_what_is_no_response_at_all(world: Any, idp: Running, analyst: Any) -> None:
    for sent, words in (
        ("***", "not base64"),
        ("PGE+", "not XML that can be read"),
        ("PGEvPg==", "not a SAML response"),
        ("", "gave no answer"),
    ):
        http = Client()
        path, fields = idp.sign_in(begin(http, world.bank), analyst.email)
        answer = http.get(post(path, fields | {"SAMLResponse": sent}).headers["Location"])
        assert words in text_of(answer)
        assert not is_in(http)
    path, fields = idp.sign_in(begin(http, world.bank), analyst.email)
    assert post(path, fields | {"SAMLResponse": "x" * 262_145}).status_code == 403


def test_an_answer_counts_once(world: Any, idp: Running, analyst: Any) -> None:
    http = Client()
    path, fields = idp.sign_in(begin(http, world.bank), analyst.email)
    back = post(path, fields).headers["Location"]
    assert post(path, fields).status_code == 403
    assert http.get(back).status_code == 302
    http.post("/accounts/logout/")
    answer = http.get(back)
    assert "begun elsewhere, or too long ago" in text_of(answer)
    assert not is_in(http)


def test_an_assertion_that_was_seen_before_is_refused_in_whatever_answer(
    world: Any, idp: Running, analyst: Any
) -> None:
    idp.control(answer={"acr": REFEDS, "id": "_always_the_same"})
    assert through(Client(), world.bank, idp, analyst.email).status_code == 302
    http = Client()
    answer = through(http, world.bank, idp, analyst.email)
    assert "was used before" in text_of(answer)
    assert not is_in(http)


def test_another_browser_cannot_finish_what_one_began(world: Any, idp: Running, analyst: Any) -> None:
    one, other = Client(), Client()
    path, fields = idp.sign_in(begin(one, world.bank), analyst.email)
    back = post(path, fields).headers["Location"]
    begin(other, world.bank)
    answer = other.get(back)
    assert answer.status_code == 403
    assert "begun elsewhere, or too long ago" in text_of(answer)
    assert not is_in(other)
    assert one.get(back).status_code == 302, "the other one has taken nothing away"


def test_what_nobody_asked_for_is_not_kept(world: Any, idp: Running, analyst: Any) -> None:
    """An answer without a request, with a RelayState that leads elsewhere."""
    path, fields = idp.sign_in(begin(Client(), world.bank), analyst.email)
    for state in ("https://evil.example/", "//evil.example", "", "x" * 5000):
        answer = post(path, fields | {"RelayState": state})
        assert answer.status_code == 403
        assert "Location" not in answer.headers


def test_where_it_leads_is_not_the_providers_to_say(world: Any, idp: Running, analyst: Any) -> None:
    http = Client()
    path, fields = idp.sign_in(begin(http, world.bank, "?next=https://evil.example/"), analyst.email)
    back = post(path, fields).headers["Location"]
    assert urlsplit(back).netloc == ""
    assert http.get(f"{back}&next=https://evil.example/").headers["Location"] == "/partners/norden/"


def test_another_banks_provider_signs_none_of_ours_in(
    world: Any, idp: Running, analyst: Any, set_up: SetUp
) -> None:
    """Harbour's, of another key, names Norden's analyst: at its own door, and at Norden's."""
    harbour = idp.certificates()["other"]
    set_up(world.other, certificates=[harbour], issuer="https://login.harbour.example")
    told = {"acr": REFEDS, "issuer": "https://login.harbour.example", "subject": subject_of(analyst.email)}
    for email in (analyst.email, "analyst@harbour.example"):
        idp.control(answer=told, key="other")
        http = Client()
        assert through(http, world.other, idp, email).status_code == 403
        assert not is_in(http)
    http = Client()
    path, fields = idp.sign_in(begin(http, world.bank), analyst.email)
    answer = http.get(post(path, fields).headers["Location"])
    assert "of another issuer" in text_of(answer)
    path, fields = idp.sign_in(begin(http, world.bank), analyst.email)
    moved = path.replace(str(world.bank.partner.id), str(world.other.partner.id))
    assert post(moved, fields).status_code == 403
    assert not is_in(http)


def test_addresses_and_links_count_as_with_openid_connect(world: Any, idp: Running, analyst: Any) -> None:
    idp.control(answer={"subject": subject_of(analyst.email), "email": "analyst@elsewhere.example"})
    assert "not at a domain of its own" in text_of(through(Client(), world.bank, idp, analyst.email))
    idp.control()
    assert "is not linked to an account here" in text_of(
        through(Client(), world.bank, idp, "owner@norden.example")
    )
    assert [event.actor_id for event in trail("sign_on.refused")] == [analyst.pk, None]


SECOND_STEPS: list[tuple[dict[str, Any], str]] = [
    ({"acr": REFEDS}, ""),
    ({"acr": "http://schemas.microsoft.com/claims/multipleauthn"}, ""),
    (
        {
            "attributes": {
                "http://schemas.microsoft.com/claims/authnmethodsreferences": [
                    "http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password",
                    "http://schemas.microsoft.com/claims/multipleauthn",
                ]
            }
        },
        "",
    ),
    ({"acr": "urn:two-steps"}, "urn:two-steps"),
]


def test_the_banks_second_step_counts_where_its_owner_says_so(
    world: Any, idp: Running, analyst: Any, set_up: SetUp
) -> None:
    for trusts, leads_to in ((True, "/partners/norden/"), (False, "/accounts/2fa/authenticate/")):
        for told, level in SECOND_STEPS:
            set_up(world.bank, trusts_second_step=trusts, second_step_acr=level)
            idp.control(answer=told)
            http = Client()
            assert through(http, world.bank, idp, analyst.email).headers["Location"] == leads_to, told
    set_up(world.bank, trusts_second_step=True)
    for told in ({}, {"acr": "urn:two-steps"}, {"attributes": {"amr": "mfa"}}):
        idp.control(answer=told)
        answer = through(Client(), world.bank, idp, analyst.email)
        assert answer.headers["Location"] == "/accounts/2fa/authenticate/", told


def test_who_has_no_password_shows_at_the_bank_again_that_it_is_them(
    world: Any, idp: Running, set_up: SetUp
) -> None:
    set_up(world.bank, trusts_second_step=True)
    boss = world.bank.members[0].user
    boss.set_unusable_password()
    boss.save()
    boss.authenticator_set.all().delete()
    link(world.bank, idp, boss)
    idp.control(answer={"acr": REFEDS})
    http = Client()
    through(http, world.bank, idp, boss.email)
    new = {"email": "new@norden.example", "role": "analyst"}
    path = http.post("/partners/norden/team/invite", new).headers["Location"]
    assert path.startswith(f"/accounts/bank/{world.bank.partner.id}/again?")

    def prove(email: str, **told: Any) -> Any:
        url = http.get(f"{path}&go=1").headers["Location"]
        assert 'name="anew" value="true"' in idp.ask(url).text
        idp.control(answer={"acr": REFEDS} | told)
        return http.get(post(*idp.sign_in(url, email)).headers["Location"], follow=True)

    assert "somebody else’s sign-in" in text_of(prove("dee@norden.example"))
    assert "did not say that you have signed in just now" in text_of(prove(boss.email, at=-3600))
    with pytest.raises(ValueError):
        take_mail("new@norden.example")
    assert "An invitation is on its way" in text_of(prove(boss.email))
    assert take_mail("new@norden.example")


def test_required_leaves_members_only_the_banks_way_and_one_owner_another(
    world: Any, idp: Running, analyst: Any, set_up: SetUp
) -> None:
    set_up(world.bank, mode="required", trusts_second_step=True)
    http = Client()
    answer = http.post("/accounts/login/", {"login": analyst.email, "password": PASSWORD})
    assert answer.status_code == 403
    assert f"/accounts/bank/{world.bank.partner.id}/" in answer.content.decode()
    assert through(http, world.bank, idp, analyst.email).headers["Location"] == "/partners/norden/"
    idp.control(fault="down")
    assert idp.ask(begin(Client(), world.bank)).status_code == 503
    owner = world.bank.members[0].user
    answer = Client().post("/accounts/login/", {"login": owner.email, "password": PASSWORD})
    assert answer.headers["Location"] == "/accounts/2fa/authenticate/"


def test_both_keys_of_a_rotation_count(world: Any, idp: Running, analyst: Any, set_up: SetUp) -> None:
    known = idp.certificates()
    set_up(world.bank, trusts_second_step=True, certificates=[known["first"], known["new"]])
    for key, sign in (("first", "assertion"), ("new", "assertion"), ("new", "both")):
        idp.control(answer={"acr": REFEDS}, key=key, sign=sign)
        assert through(Client(), world.bank, idp, analyst.email).status_code == 302
    set_up(world.bank, trusts_second_step=True, certificates=[known["new"]])
    idp.control(answer={"acr": REFEDS}, key="first")
    assert "not signed by a key of your bank’s" in text_of(through(Client(), world.bank, idp, analyst.email))


def test_what_was_begun_with_one_provider_does_not_end_with_another(
    world: Any, idp: Running, analyst: Any, set_up: SetUp
) -> None:
    http = Client()
    path, fields = idp.sign_in(begin(http, world.bank), analyst.email)
    set_up(world.bank, issuer="https://login.norden.example")
    answer = http.get(post(path, fields).headers["Location"])
    assert "not the provider that this sign-in began with" in text_of(answer)
    assert not is_in(http)


def test_the_address_of_the_other_kind_is_not_there(world: Any, idp: Running, analyst: Any) -> None:
    http, door = Client(), f"/accounts/bank/{world.bank.partner.id}"
    state = dict(parse_qsl(urlsplit(begin(http, world.bank)).query))["RelayState"]
    assert http.get(f"{door}/callback?code=x&state={state}").status_code == 404
    for path in ("acs", "metadata"):
        assert http.get(f"/accounts/bank/{world.other.partner.id}/{path}").status_code == 404
    assert http.put(f"{door}/acs").status_code == 405


def test_without_valkey_nobody_is_sent_off(world: Any, idp: Running, analyst: Any, monkeypatch: Any) -> None:
    http = Client()
    path, fields = idp.sign_in(begin(http, world.bank), analyst.email)
    monkeypatch.setattr(valkey, "_down_until", float("inf"))
    for answer in (http.get(f"/accounts/bank/{world.bank.partner.id}/"), post(path, fields)):
        assert answer.status_code == 502
        assert "does not work at the moment" in text_of(answer)


def test_an_invitation_is_accepted_through_the_bank(world: Any, idp: Running, set_up: SetUp) -> None:
    set_up(world.bank, trusts_second_step=True)
    idp.control(answer={"acr": REFEDS})
    actor = principal(world.bank.members[0].user)
    invite_member(partner_id=world.bank.partner.id, email="dee@norden.example", role="developer", actor=actor)
    path, http = link_in(take_mail("dee@norden.example")), Client()
    answer = through(http, world.bank, idp, "dee@norden.example", f"?invitation={path.rpartition('/')[2]}")
    assert answer.headers["Location"] == f"{path}/bank"
    assert http.post(f"{path}/bank", {"name": ""}).headers["Location"] == "/partners/norden/"
    user = User.objects.get(email="dee@norden.example")
    assert (user.name, user.has_usable_password()) == ("Dee", False)
    assert http.get("/partners/norden/deliveries").status_code == 200
    assert http.get("/me/").status_code == 403


def test_a_member_links_after_seeing_both_names(world: Any, idp: Running, set_up: SetUp) -> None:
    set_up(world.bank, mode="off")
    http = browser(world.bank.members[0].user)
    answer = through(http, world.bank, idp, "boss@norden.example")
    assert answer.headers["Location"] == "/partners/norden/sign-on/link"
    text = text_of(http.get("/partners/norden/sign-on/link"))
    assert "Boss, boss@norden.example" in text
    assert "Linked. You can now sign in" in text_of(http.post("/partners/norden/sign-on/link", follow=True))
    assert SocialAccount.objects.get().uid == subject_of("boss@norden.example")
