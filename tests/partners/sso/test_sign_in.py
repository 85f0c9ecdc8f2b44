"""Through the bank and back: who comes in, and who does not."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.db import transaction
from django.test import Client

from partners.actions.sso import link_to_bank
from partners.actions.team import remove_member
from partners.models import Membership, SignOn
from partners.refusals import Refused
from partners.sso.provider import Identity
from portal.accounts.models import User
from portal.tenancy.context import scope
from tests.partners.team.conftest import browser, text_of

from .conftest import PAGE, SYSTEM, Running, begin, link, subject_of, through, trail

pytestmark = pytest.mark.django_db
SetUp = Callable[..., SignOn]


@pytest.fixture
def analyst(world: Any, provider: Running, set_up: SetUp) -> Any:
    """Norden's analyst, linked; the bank vouches for two steps, and may."""
    set_up(world.bank, trusts_second_step=True)
    user = world.bank.members[1].user
    link(world.bank, provider, user)
    provider.control(claims={"amr": ["pwd", "mfa"]})
    return user


def is_in(http: Client) -> bool:
    return "_auth_user_id" in http.session


def test_a_linked_member_comes_in(world: Any, provider: Running, analyst: Any) -> None:
    http = Client()
    answer = through(http, world.bank, provider, analyst.email)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/partners/norden/")
    assert http.session["_auth_user_id"] == str(analyst.pk)
    assert http.get("/partners/norden/deliveries").status_code == 200
    [event] = trail("sign_on.used")
    assert (event.actor_id, event.partner_id) == (analyst.pk, world.bank.partner.id)
    kept = SocialAccount.objects.get(user=analyst)
    assert kept.extra_data == {}
    assert not SocialToken.objects.exists()
    assert not SocialApp.objects.exists()


def test_what_is_asked_of_the_bank(world: Any, provider: Running, set_up: SetUp, settings: Any) -> None:
    set_up(world.bank, trusts_second_step=True, second_step_acr="two-steps")
    asked = dict(parse_qsl(urlsplit(begin(Client(), world.bank, "?scope=phone&process=connect")).query))
    assert asked["redirect_uri"] == f"{settings.BASE_URL}/accounts/bank/{world.bank.partner.id}/callback"
    assert (asked["code_challenge_method"], asked["acr_values"]) == ("S256", "two-steps")
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    assert len(asked["nonce"]) >= 32


def test_nobody_is_sent_to_the_bank_without_end(world: Any, provider: Running, set_up: SetUp) -> None:
    set_up(world.bank)
    begun = [Client().get(f"/accounts/bank/{world.bank.partner.id}/").status_code for _ in range(31)]
    assert begun == [302] * 30 + [429]


UNFIT: list[tuple[dict[str, Any], str]] = [
    ({"claims": {"nonce": "another"}}, "belongs to another sign-in"),
    ({"claims": {"nonce": None}}, "not valid, or has run out"),
    ({"claims": {"exp": 1_000_000_000}}, "not valid, or has run out"),
    ({"claims": {"iat": 4_000_000_000}}, "not valid, or has run out"),
    ({"claims": {"iss": "https://other.example"}}, "of another issuer"),
    ({"claims": {"aud": "somebody"}}, "meant for somebody else"),
    ({"claims": {"aud": ["parley", "somebody"]}}, "meant for several"),
    ({"claims": {"azp": "somebody"}}, "meant for somebody else"),
    ({"claims": {"sub": None}}, "not valid"),
    ({"claims": {"sub": "x" * 192}}, "missing or too long"),
    ({"claims": {"email_verified": False}}, "did not tell an e-mail address"),
    ({"claims": {"email": ["x"]}}, "did not tell an e-mail address"),
    ({"fault": "other key"}, "not valid"),
    ({"fault": "no id token"}, "gave no ID token"),
    ({"fault": "broken keys"}, "no key for signatures"),
    ({"claims": {"email": None}, "fault": "other person"}, "somebody else than the ID token"),
    ({"configuration": {"issuer": "https://other.example"}}, "which is not this issuer"),
    ({"configuration": {"token_endpoint": "http://10.0.0.1/"}}, "cannot be used"),
]


def test_what_does_not_fit_signs_nobody_in(world: Any, provider: Running, analyst: Any) -> None:
    for faults, words in UNFIT:
        provider.control()
        http = Client()
        back = provider.sign_in(begin(http, world.bank), analyst.email)
        provider.control(**faults)
        answer = http.get(back)
        assert (answer.status_code, is_in(http)) == (403, False), faults
        assert words in text_of(answer), faults
        provider.control()
        assert http.get(back).status_code == 403, "a state works once"
    assert trail("sign_on.used") == []


def test_a_token_that_names_no_address_is_completed_by_asking(
    world: Any, provider: Running, analyst: Any
) -> None:
    provider.control(claims={"email": None, "email_verified": None, "amr": ["mfa"]})
    assert through(Client(), world.bank, provider, analyst.email).status_code == 302


def test_another_browser_cannot_finish_what_one_began(world: Any, provider: Running, analyst: Any) -> None:
    back = provider.sign_in(begin(Client(), world.bank), analyst.email)
    other = Client()
    answer = other.get(back)
    assert answer.status_code == 403
    assert "begun elsewhere, or too long ago" in text_of(answer)
    assert not is_in(other)


def test_another_banks_state_is_worth_nothing(
    world: Any, provider: Running, analyst: Any, set_up: SetUp
) -> None:
    set_up(world.other)
    http = Client()
    back = provider.sign_in(begin(http, world.bank), analyst.email)
    moved = back.replace(str(world.bank.partner.id), str(world.other.partner.id))
    assert http.get(moved).status_code == 403
    assert not is_in(http)


def test_the_same_subject_at_another_bank_is_somebody_else(
    world: Any, provider: Running, analyst: Any, set_up: SetUp
) -> None:
    """Harbour's provider names Norden's analyst, with Norden's address and with one of its own."""
    set_up(world.other)
    for email in (analyst.email, "analyst@harbour.example"):
        provider.control(claims={"sub": subject_of(analyst.email)})
        http = Client()
        assert through(http, world.other, provider, email).status_code == 403
        assert not is_in(http)


def test_an_address_of_another_domain_does_not_count(world: Any, provider: Running, analyst: Any) -> None:
    provider.control(claims={"sub": subject_of(analyst.email), "email": "analyst@elsewhere.example"})
    http = Client()
    answer = through(http, world.bank, provider, analyst.email)
    assert answer.status_code == 403
    assert "not at a domain of its own" in text_of(answer)
    assert not is_in(http)
    [event] = trail("sign_on.refused")
    assert event.actor_id == analyst.pk
    assert "elsewhere" not in str(event.data)


def test_somebody_who_is_not_linked_is_told_how(world: Any, provider: Running, analyst: Any) -> None:
    """Though the address is a member's own: an address links nobody."""
    http = Client()
    answer = through(http, world.bank, provider, "owner@norden.example")
    assert answer.status_code == 403
    assert "is not linked to an account here" in text_of(answer)
    assert not is_in(http)
    assert [event.actor_id for event in trail("sign_on.refused")] == [None]


def test_who_left_the_team_meanwhile_stays_out(world: Any, provider: Running, analyst: Any) -> None:
    http = Client()
    back = provider.sign_in(begin(http, world.bank), analyst.email)
    with scope(SYSTEM), transaction.atomic():
        member = Membership.objects.get(partner=world.bank.partner, user=analyst)
        remove_member(partner_id=world.bank.partner.id, member_id=member.pk, actor=SYSTEM)
    answer = http.get(back)
    assert answer.status_code == 403
    assert "not in the team of Norden Bank any more" in text_of(answer)
    assert not is_in(http)


def test_a_closed_account_and_platform_staff_stay_out(world: Any, provider: Running, analyst: Any) -> None:
    User.objects.filter(pk=analyst.pk).update(staff_role="reviewer")
    answer = through(Client(), world.bank, provider, analyst.email)
    assert "Platform staff cannot act for a bank" in text_of(answer)
    User.objects.filter(pk=analyst.pk).update(staff_role="", is_active=False)
    http = Client()
    answer = through(http, world.bank, provider, analyst.email)
    assert not is_in(http)
    assert answer.headers["Location"] == "/accounts/inactive/"


def test_a_provider_that_is_away_or_says_no(world: Any, provider: Running, analyst: Any) -> None:
    http = Client()
    back = provider.sign_in(begin(http, world.bank), analyst.email)
    provider.control(fault="down")
    for path in (f"/accounts/bank/{world.bank.partner.id}/", back):
        answer = http.get(path)
        assert answer.status_code == 502
        assert "does not work at the moment" in text_of(answer)
    provider.control()
    state = dict(parse_qsl(urlsplit(begin(http, world.bank)).query))["state"]
    callback = f"/accounts/bank/{world.bank.partner.id}/callback"
    answer = http.get(f"{callback}?error=access_denied&state={state}")
    assert answer.status_code == 403
    assert "You did not finish signing in" in text_of(answer)


def test_a_provider_that_is_slow_or_inside_is_not_asked_for_long(
    world: Any, provider: Running, analyst: Any, settings: Any
) -> None:
    settings.OUTBOUND_PATIENCE = 0.3
    provider.control(fault="slow")
    start = time.monotonic()
    assert Client().get(f"/accounts/bank/{world.bank.partner.id}/").status_code == 502
    assert time.monotonic() - start < 6
    provider.control()
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    assert Client().get(f"/accounts/bank/{world.bank.partner.id}/").status_code == 502


def test_without_the_banks_word_the_second_step_is_asked_for(
    world: Any, provider: Running, analyst: Any
) -> None:
    for claims in ({"amr": ["pwd"]}, {"amr": "mfa"}, {}, {"acr": "two-steps"}):
        provider.control(claims=claims)
        http = Client()
        answer = through(http, world.bank, provider, analyst.email)
        assert answer.headers["Location"] == "/accounts/2fa/authenticate/", claims
        assert not is_in(http)


def test_the_banks_word_counts_only_where_its_owner_says_so(
    world: Any, provider: Running, analyst: Any, set_up: SetUp
) -> None:
    set_up(world.bank, trusts_second_step=False)
    answer = through(Client(), world.bank, provider, analyst.email)
    assert answer.headers["Location"] == "/accounts/2fa/authenticate/"
    set_up(world.bank, trusts_second_step=True, second_step_acr="two-steps")
    provider.control(claims={"acr": "two-steps"})
    answer = through(Client(), world.bank, provider, analyst.email)
    assert answer.headers["Location"] == "/partners/norden/"


def test_the_banks_word_alone_opens_the_banks_own_pages(world: Any, provider: Running, analyst: Any) -> None:
    """Norden could name the analyst at will; neither Harbour nor what is their own may hang on that."""
    with scope(SYSTEM), transaction.atomic():
        from partners.actions.partners import add_member

        add_member(partner_id=world.other.partner.id, user=analyst, role="owner", actor=SYSTEM)
    analyst.authenticator_set.all().delete()
    http = Client()
    through(http, world.bank, provider, analyst.email)
    assert http.get("/partners/norden/").status_code == 200
    for path in ("/partners/harbour/", "/me/", "/accounts/email/", "/accounts/password/change/", "/register"):
        answer = http.get(path)
        assert answer.status_code == 403, path
        assert "this one needs a proof of your own" in text_of(answer)
    http.post("/accounts/reauthenticate/", {"password": "correct horse battery staple"})
    assert http.get("/me/").status_code == 200
    assert http.get("/partners/harbour/").headers["Location"] == "/accounts/2fa/"


def test_what_a_bank_vouched_for_does_not_pass_to_the_next(
    world: Any, provider: Running, analyst: Any
) -> None:
    """In the same browser."""
    http = Client()
    through(http, world.bank, provider, analyst.email)
    http.post("/accounts/logout/")
    http.post("/accounts/login/", {"login": analyst.email, "password": "correct horse battery staple"})
    assert not is_in(http)  # the second step is still to come


def test_a_sign_on_that_is_off_signs_nobody_in(
    world: Any, provider: Running, analyst: Any, set_up: SetUp
) -> None:
    http = Client()
    back = provider.sign_in(begin(http, world.bank), analyst.email)
    set_up(world.bank, mode="off")
    answer = http.get(back)
    assert "has not turned its single sign-on on" in text_of(answer)
    assert not is_in(http)
    assert Client().get(f"/accounts/bank/{world.bank.partner.id}/").status_code == 404
    assert Client().get(f"/accounts/bank/{world.ana.person.user.pk}/callback").status_code == 404


def test_a_member_links_after_seeing_both_names(world: Any, provider: Running, set_up: SetUp) -> None:
    set_up(world.bank, mode="off")
    http = browser(world.bank.members[0].user)
    answer = through(http, world.bank, provider, "boss@norden.example")
    assert answer.headers["Location"] == f"{PAGE}/link"
    text = text_of(http.get(f"{PAGE}/link"))
    assert "boss@norden.example" in text
    assert "owner@norden.example" in text
    assert not SocialAccount.objects.exists()
    assert "Linked. You can now sign in" in text_of(http.post(f"{PAGE}/link", follow=True))
    kept = SocialAccount.objects.get()
    assert (kept.provider, kept.uid) == (str(world.bank.partner.id), subject_of("boss@norden.example"))
    assert [event.actor_id for event in trail("sign_on.linked")] == [world.bank.members[0].user.pk]
    assert "Begin again" in text_of(http.post(f"{PAGE}/link", follow=True))


def test_linking_is_refused_where_it_would_tie_the_wrong_people(
    world: Any, provider: Running, analyst: Any
) -> None:
    owner, stranger = world.bank.members[0].user, world.other.members[0].user
    known = Identity(str(world.bank.partner.id), provider.url, "new", "x@norden.example", "", False, 0)
    for identity, user, words in (
        (known._replace(subject=subject_of(analyst.email)), owner, "Somebody else here is linked"),
        (known, analyst, "You are linked already"),
        (known, stranger, "not in this bank’s team"),
        (known._replace(issuer="https://old.example"), owner, "does not use this for your address"),
        (known._replace(email="x@elsewhere.example"), owner, "does not use this for your address"),
    ):
        with pytest.raises(Refused, match=words):
            link_to_bank(identity=identity, user=user)
    assert SocialAccount.objects.count() == 1


def test_a_stranger_who_is_signed_in_is_not_offered_a_link(
    world: Any, provider: Running, analyst: Any
) -> None:
    answer = through(browser(world.other.members[0].user), world.bank, provider, "new@norden.example")
    assert answer.status_code == 403
    assert SocialAccount.objects.count() == 1


def test_a_link_ends(world: Any, provider: Running, analyst: Any) -> None:
    http = browser(analyst)
    assert "Norden Bank Linked" in text_of(http.get("/accounts/3rdparty/"))
    account = SocialAccount.objects.get()
    http.post("/accounts/3rdparty/", {"account": account.pk})
    assert SocialAccount.objects.exists()
    assert "The link is ended." in text_of(http.post(f"{PAGE}/unlink", follow=True))
    assert not SocialAccount.objects.exists()
    assert len(trail("sign_on.unlinked")) == 1
    assert through(Client(), world.bank, provider, analyst.email).status_code == 403
