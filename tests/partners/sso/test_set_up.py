"""The bank's page: set up, checked, turned on, required; and joining through the bank."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.test import Client

from partners.actions.invitations import invite_member
from partners.actions.sso import change_sign_on_mode, save_sign_on
from partners.actions.team import change_role, remove_member
from partners.models import Membership, SignOn
from partners.sso.reading import open_secret
from portal.accounts.actions import create_person_user
from portal.accounts.models import User
from portal.tenancy.context import scope
from tests.conftest import PASSWORD
from tests.partners.team.conftest import browser, link_in, principal, take_mail, text_of

from .conftest import PAGE, SYSTEM, Running, link, subject_of, through, trail
from .provider import CLIENT, SECRET

pytestmark = pytest.mark.django_db
SetUp = Callable[..., SignOn]


@pytest.fixture
def owner(world: Any) -> Client:
    """Norden's, who has just given the password once more."""
    return browser(world.bank.members[0].user)


@pytest.fixture
def form(provider: Running) -> dict[str, Any]:
    return {
        "issuer": provider.url,
        "client_id": CLIENT,
        "secret": SECRET,
        "domains": ["norden.example"],
        "second_step_acr": "",
    }


def row() -> SignOn:
    with scope(SYSTEM), transaction.atomic():
        return SignOn.objects.select_related("partner").get()


def sign_in(user: User) -> tuple[Client, Any]:
    """By password."""
    http = Client()
    return http, http.post("/accounts/login/", {"login": user.email, "password": PASSWORD})


def test_an_owner_sets_it_up_checks_it_links_and_turns_it_on(
    world: Any, provider: Running, owner: Client, form: Any
) -> None:
    assert "Not set up yet" in text_of(owner.get(PAGE))
    assert owner.post(f"{PAGE}/set-up", form).status_code == 302
    text = text_of(owner.get(PAGE))
    assert "Single sign-on is Off" in text
    assert f"/accounts/bank/{world.bank.partner.id}/callback" in text
    for words in ("Check the provider first", "Link your own sign-in first"):
        assert words in text_of(owner.post(f"{PAGE}/mode", {"mode": "on"}))
        owner.post(f"{PAGE}/check")
    assert "It is reached, and says that it is this issuer." in text_of(owner.get(PAGE))
    through(owner, world.bank, provider, "owner@norden.example")
    owner.post(f"{PAGE}/link")
    assert "Single sign-on is now: on." in text_of(owner.post(f"{PAGE}/mode", {"mode": "on"}, follow=True))
    codes = ("configured", "checked", "linked", "mode_changed")
    assert [len(trail(f"sign_on.{code}")) for code in codes] == [1, 2, 1, 1]


def test_the_secret_is_sealed_and_never_shown(
    world: Any, provider: Running, owner: Client, form: Any
) -> None:
    owner.post(f"{PAGE}/set-up", form)
    with scope(SYSTEM), transaction.atomic():
        assert open_secret(row()) == SECRET
    assert SECRET.encode() not in bytes(row().secret)
    wrong = owner.post(f"{PAGE}/set-up", form | {"issuer": "nowhere"})
    for answer in (owner.get(PAGE), owner.get(f"{PAGE}/set-up"), wrong):
        assert SECRET not in answer.content.decode()
    assert SECRET not in str([event.data for event in trail("sign_on.configured")])


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"issuer": "http://login.norden.example"}, "must begin with https://"),
    ({"issuer": "https://10.0.0.1"}, "must be on the public internet"),
    ({"issuer": "https://login.norden.example?a=1"}, "An issuer has no “?”"),
    ({"domains": ["harbour.example"]}, "is not one of the available choices"),
    ({"domains": []}, "Fill in “E-mail domains”."),
    ({"secret": ""}, "Fill in “Client secret”."),
]


def test_what_cannot_be_used_comes_back_with_a_sentence(world: Any, owner: Client, form: Any) -> None:
    for wrong, words in WRONG:
        answer = owner.post(f"{PAGE}/set-up", form | wrong)
        assert answer.status_code == 422, wrong
        assert words in text_of(answer), wrong
    assert trail("sign_on.configured") == []


def test_the_check_says_what_is_wrong(world: Any, provider: Running, owner: Client, form: Any) -> None:
    owner.post(f"{PAGE}/set-up", form)
    for faults, words in (
        ({"fault": "down"}, "It answered 503 where 200 was due."),
        ({"fault": "broken keys"}, "Its key set has no key for signatures."),
        ({"configuration": {"code_challenge_methods_supported": ["plain"]}}, "with PKCE (S256)."),
        ({"configuration": {"issuer": "https://x.example"}}, "which is not this issuer."),
        ({"configuration": {"authorization_endpoint": None}}, "“authorization_endpoint” cannot be used"),
    ):
        provider.control(**faults)
        owner.post(f"{PAGE}/check")
        assert words in text_of(owner.get(PAGE)), faults
        assert not row().is_proven


def test_another_issuer_ends_the_links_and_turns_it_off(
    world: Any, provider: Running, owner: Client, form: Any, set_up: SetUp
) -> None:
    set_up(world.bank, mode="required")
    link(world.bank, provider, world.bank.members[1].user)
    owner.post(f"{PAGE}/set-up", form | {"secret": "", "trusts_second_step": "on"})
    assert (row().is_required, SocialAccount.objects.count()) == (True, 1)
    owner.post(f"{PAGE}/set-up", form | {"client_id": "another"})
    assert (row().is_on, row().checked_at, SocialAccount.objects.count()) == (False, None, 1)
    owner.post(f"{PAGE}/set-up", form | {"issuer": "https://login.norden.example"})
    assert SocialAccount.objects.count() == 0


def test_required_leaves_members_only_the_banks_way(
    world: Any, provider: Running, owner: Client, set_up: SetUp
) -> None:
    boss, analyst = (one.user for one in world.bank.members[:2])
    set_up(world.bank)
    link(world.bank, provider, boss)
    link(world.bank, provider, analyst)
    analyst.authenticator_set.all().delete()
    before, _ = sign_in(analyst)
    browser(analyst)  # sets up a second step
    assert before.get("/partners/norden/").status_code == 200
    for chosen in ({}, {"break_glass": str(analyst.pk)}):
        assert owner.post(f"{PAGE}/mode", {"mode": "required", **chosen}).status_code == 422
    owner.post(f"{PAGE}/mode", {"mode": "required", "break_glass": str(boss.pk)})
    assert before.get("/partners/norden/").headers["Location"].startswith("/accounts/login/")
    assert owner.get("/partners/norden/").status_code == 200
    http, answer = sign_in(analyst)
    assert answer.status_code == 403
    assert "not with a password" in text_of(answer)
    assert f"/accounts/bank/{world.bank.partner.id}/" in answer.content.decode()
    assert "_auth_user_id" not in http.session
    assert Client().post("/accounts/login/", {"login": analyst.email, "password": "no"}).status_code == 200
    assert sign_in(boss)[1].headers["Location"] == "/accounts/2fa/authenticate/"
    assert sign_in(world.ana.person.user)[1].status_code == 302
    assert through(http, world.bank, provider, analyst.email).status_code == 302


def test_who_is_not_linked_yet_links_first(
    world: Any, provider: Running, owner: Client, set_up: SetUp
) -> None:
    analyst = world.bank.members[1].user
    analyst.authenticator_set.all().delete()
    set_up(world.bank, mode="required", trusts_second_step=True)
    http, _ = sign_in(analyst)
    browser(analyst)  # sets up a second step
    for path in ("/partners/norden/", "/partners/norden/deliveries"):
        assert http.get(path).headers["Location"] == PAGE
    assert "Link yours first." in text_of(http.get("/partners/norden/", follow=True))
    through(http, world.bank, provider, analyst.email)
    http.post("/accounts/reauthenticate/", {"password": PASSWORD})
    http.post(f"{PAGE}/link")
    assert http.get("/partners/norden/").status_code == 200


def test_who_joins_with_a_password_links_first_and_their_other_sessions_end(
    world: Any, provider: Running, set_up: SetUp
) -> None:
    set_up(world.bank, mode="required", trusts_second_step=True)
    provider.control(claims={"amr": ["mfa"]})
    user = create_person_user(email="dee@norden.example", password=PASSWORD, name="Dee")
    path, (elsewhere, _) = letter(world, user.email), sign_in(user)
    here = browser(user)  # sets up a second step
    assert elsewhere.get("/partners").status_code == 200
    assert here.post(path, {"name": "Dee"}).status_code == 302
    assert here.get("/partners/norden/deliveries").headers["Location"] == PAGE
    assert elsewhere.get("/partners/norden/").headers["Location"].startswith("/accounts/login/")
    through(here, world.bank, provider, user.email)
    assert "Linked." in text_of(here.post(f"{PAGE}/link", follow=True))
    assert here.get("/partners/norden/deliveries").status_code == 200


def test_who_comes_back_to_the_team_and_is_linked_comes_in_anew(
    world: Any, provider: Running, set_up: SetUp
) -> None:
    analyst = world.bank.members[1].user
    set_up(world.bank, mode="required", trusts_second_step=True)
    link(world.bank, provider, analyst)
    leave(world, analyst)
    http = browser(analyst)
    back = http.post(letter(world, analyst.email), {"name": ""}).headers["Location"]
    assert back.endswith(f"/accounts/bank/{world.bank.partner.id}/")
    assert http.get("/partners/norden/").headers["Location"].startswith("/accounts/login/")
    provider.control(claims={"amr": ["mfa"]})
    assert through(http, world.bank, provider, analyst.email).headers["Location"] == "/partners/norden/"


def leave(world: Any, user: User) -> None:
    """Somebody removes them from the team."""
    with scope(SYSTEM), transaction.atomic():
        member = Membership.objects.get(partner=world.bank.partner, user=user)
        remove_member(partner_id=world.bank.partner.id, member_id=member.pk, actor=SYSTEM)


@pytest.mark.parametrize("end", ["turned off", "removed", "unlinked elsewhere"])
def test_sessions_that_the_banks_word_opened_end_with_it_at_once(
    world: Any, provider: Running, owner: Client, set_up: SetUp, end: str
) -> None:
    set_up(world.bank, trusts_second_step=True)
    boss, analyst = (one.user for one in world.bank.members[:2])
    provider.control(claims={"amr": ["mfa"]})
    link(world.bank, provider, boss)
    link(world.bank, provider, analyst)
    by_bank, proven, by_password = Client(), Client(), browser(analyst)
    for http in (by_bank, proven):
        assert through(http, world.bank, provider, analyst.email).status_code == 302
    proven.post("/accounts/reauthenticate/", {"password": PASSWORD})
    if end == "turned off":
        assert owner.post(f"{PAGE}/mode", {"mode": "off"}).status_code == 302
    elif end == "removed":
        leave(world, analyst)
    else:
        by_password.post(f"{PAGE}/unlink")
    for path in ("/partners/norden/", "/partners"):
        answer = by_bank.get(path)
        assert answer.headers["Location"].startswith("/accounts/login/")
    assert "_auth_user_id" not in by_bank.session
    for http in (proven, by_password):  # they have shown more than the bank's word
        assert http.get("/partners").status_code == 200


def test_turned_on_again_and_a_new_secret_leave_sessions_as_they_are(
    world: Any, provider: Running, owner: Client, set_up: SetUp, form: Any
) -> None:
    analyst = world.bank.members[1].user
    set_up(world.bank, mode="off")
    set_up(world.bank, trusts_second_step=True)
    provider.control(claims={"amr": ["mfa"]})
    link(world.bank, provider, analyst)
    http = Client()
    assert through(http, world.bank, provider, analyst.email).status_code == 302
    owner.post(f"{PAGE}/set-up", form | {"secret": "another-client-secret"})
    assert not row().is_on
    assert http.get("/partners/norden/deliveries").status_code == 200


def test_an_owner_can_come_in_once_the_chosen_one_is_none_any_more(
    world: Any, provider: Running, set_up: SetUp
) -> None:
    boss, analyst = (one.user for one in world.bank.members[:2])
    set_up(world.bank, mode="required")
    link(world.bank, provider, analyst)
    assert sign_in(analyst)[1].status_code == 403
    with scope(SYSTEM), transaction.atomic():
        ids = dict(Membership.objects.filter(partner=world.bank.partner).values_list("user_id", "id"))
    for user, was, to in ((analyst, "analyst", "owner"), (boss, "owner", "analyst")):
        change_role(partner_id=world.bank.partner.id, member_id=ids[user.pk], was=was, to=to, actor=SYSTEM)
    assert sign_in(analyst)[1].status_code == 302


def test_a_domain_that_is_no_longer_the_banks_is_not_reached(
    world: Any, provider: Running, set_up: SetUp
) -> None:
    analyst = world.bank.members[1].user
    set_up(world.bank, mode="required")
    link(world.bank, provider, analyst)
    with scope(SYSTEM), transaction.atomic():
        type(world.bank.partner).objects.filter(pk=world.bank.partner.pk).update(domain="new.example")
    assert sign_in(analyst)[1].status_code == 302
    assert through(Client(), world.bank, provider, analyst.email).status_code == 403


def test_who_lost_the_right_meanwhile_changes_nothing(
    world: Any, provider: Running, set_up: SetUp, form: Any
) -> None:
    from partners.refusals import Refused

    set_up(world.bank)
    actor = principal(world.bank.members[1].user)
    given = form | {"trusts_second_step": False, "partner_id": world.bank.partner.id, "actor": actor}
    with pytest.raises(Refused, match="role does not include the team"):
        save_sign_on(**given)
    with pytest.raises(Refused, match="role does not include the team"):
        change_sign_on_mode(partner_id=world.bank.partner.id, mode="off", break_glass=None, actor=actor)


def letter(world: Any, email: str) -> str:
    """The path of an invitation into Norden's team."""
    actor = principal(world.bank.members[0].user)
    invite_member(partner_id=world.bank.partner.id, email=email, role="developer", actor=actor)
    return link_in(take_mail(email))


def test_an_invitation_is_accepted_through_the_bank(world: Any, provider: Running, set_up: SetUp) -> None:
    set_up(world.bank, trusts_second_step=True)
    provider.control(claims={"amr": ["mfa"], "auth_time": int(time.time())})
    path, http = letter(world, "dee@norden.example"), Client()
    query = f"?invitation={path.rpartition('/')[2]}"
    assert query in http.get(path).content.decode()
    assert http.get(f"{path}/bank").headers["Location"] == path
    answer = through(http, world.bank, provider, "dee@norden.example", query)
    assert answer.headers["Location"] == f"{path}/bank"
    assert not User.objects.filter(email="dee@norden.example").exists()
    assert "dee@norden.example" in text_of(http.get(f"{path}/bank"))
    assert http.post(f"{path}/bank", {"name": ""}).headers["Location"] == "/partners/norden/"
    user = User.objects.get(email="dee@norden.example")
    assert (user.name, user.has_usable_password()) == ("Dee", False)
    assert http.get("/partners/norden/deliveries").status_code == 200
    assert http.get("/me/").status_code == 403
    assert SocialAccount.objects.get(user=user).uid == subject_of("dee@norden.example")
    assert through(Client(), world.bank, provider, "dee@norden.example").status_code == 302
    refused = http.post(f"{PAGE}/unlink", follow=True)
    assert "You have no password yet" in text_of(refused)


def test_who_has_no_password_shows_at_the_bank_again_that_it_is_them(
    world: Any, provider: Running, set_up: SetUp
) -> None:
    """allauth would take the session for proof enough."""
    set_up(world.bank, trusts_second_step=True)
    boss = world.bank.members[0].user
    boss.set_unusable_password()
    boss.save()
    boss.authenticator_set.all().delete()
    link(world.bank, provider, boss)
    claims = {"amr": ["mfa"]}
    provider.control(claims=claims)
    http = Client()
    through(http, world.bank, provider, boss.email)
    new = {"email": "new@norden.example", "role": "analyst"}
    answer = http.post("/partners/norden/team/invite", new)
    path = f"/accounts/bank/{world.bank.partner.id}/again?next=%2Fpartners%2Fnorden%2Fteam%2Finvite"
    assert answer.headers["Location"] == path

    assert "Continue to Norden Bank" in text_of(http.get(path))

    def prove(email: str, **more: Any) -> Any:
        url = http.get(f"{path}&go=1").headers["Location"]
        assert "prompt=login" in url
        provider.control(claims=claims | more)
        return http.get(provider.sign_in(url, email), follow=True)

    now = int(time.time())
    assert "somebody else’s sign-in" in text_of(prove("dee@norden.example", auth_time=now))
    for when in ({}, {"auth_time": now - 3600}):
        assert "did not say that you have signed in just now" in text_of(prove(boss.email, **when))
    with pytest.raises(ValueError):
        take_mail("new@norden.example")
    assert "An invitation is on its way" in text_of(prove(boss.email, auth_time=now))
    assert take_mail("new@norden.example")


def test_an_invitation_never_takes_over_an_account_with_the_same_address(
    world: Any, provider: Running, set_up: SetUp
) -> None:
    set_up(world.bank)
    path = letter(world, "dee@norden.example")
    User.objects.create_user("dee@norden.example", PASSWORD)
    http, query = Client(), f"?invitation={path.rpartition('/')[2]}"
    through(http, world.bank, provider, "dee@norden.example", query)
    answer = http.post(f"{path}/bank", {"name": "Dee"})
    assert answer.status_code == 422
    assert "There is an account with this address already" in text_of(answer)
    through(http, world.bank, provider, "eve@norden.example", query)
    assert "for another address" in text_of(http.post(f"{path}/bank", {"name": "Eve"}))
    assert not SocialAccount.objects.exists()


def test_nobody_learns_which_banks_are_here(world: Any, provider: Running, set_up: SetUp) -> None:
    set_up(world.bank)
    pages = []
    for email in ("x@norden.example", "x@harbour.example", "x@nowhere.example"):
        answer = Client().post("/sign-in/bank", {"email": email})
        pages.append((answer.status_code, text_of(answer).replace(email, "")))
    assert pages[0] == pages[1] == pages[2]
    message = take_mail("x@norden.example")
    assert f"/accounts/bank/{world.bank.partner.id}/" in message.body
    assert "Norden" in message.subject
    for email in ("x@harbour.example", "x@nowhere.example"):
        with pytest.raises(ValueError):
            take_mail(email)
    text = text_of(Client().get("/sign-in/bank"))
    assert "Norden" not in text
    for _ in range(6):
        answer = Client().post("/sign-in/bank", {"email": "x@norden.example"})
    assert answer.status_code == 429


def test_a_device_remembers_its_bank(world: Any, provider: Running, set_up: SetUp) -> None:
    analyst = world.bank.members[1].user
    set_up(world.bank)
    link(world.bank, provider, analyst)
    http = Client()
    through(http, world.bank, provider, analyst.email)
    assert "Continue to Norden Bank" in text_of(http.get("/sign-in/bank"))
    http.cookies["bank"] = str(world.bank.partner.id)
    assert "Norden" not in text_of(http.get("/sign-in/bank"))


def test_pages_cost_few_queries(
    world: Any, provider: Running, owner: Client, set_up: SetUp, django_assert_max_num_queries: Any
) -> None:
    set_up(world.bank)
    owner.get(PAGE)
    with django_assert_max_num_queries(22):
        owner.get(PAGE)
