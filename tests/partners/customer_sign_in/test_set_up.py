"""A bank sets up how its customers sign in: typed, checked at its provider, turned on; never shown again."""

from typing import Any

import pytest
from django.test import Client

from partners.actions.customer_sign_in import save_customer_sign_in, switch_customer_sign_in
from partners.customer_sign_in import provider_of
from partners.models import CustomerSignIn
from partners.refusals import Refused
from portal.audit.models import AuditEvent
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.bank_site import SECRET, SYSTEM, BankSite
from tests.consents.conftest import words
from tests.partners.clients.kit import signed_in

pytestmark = pytest.mark.django_db
PAGE = "/partners/norden/customer-sign-in"


@pytest.fixture
def owner(world: Any) -> Client:
    return signed_in(world.bank.members[0].user)


def typed(site: BankSite, **more: str) -> dict[str, str]:
    found = {"issuer": site.issuer, "client_id": "parley", "secret": SECRET, "scopes": "openid accounts"}
    return found | {"customer_ref_claim": "sub", "accounts_claim": "accounts"} | more


def kept(environment: str = "live") -> CustomerSignIn:
    with scope(SYSTEM):
        return CustomerSignIn.objects.get(environment=environment)


def after(http: Client, action: str, **typed: str) -> str:
    """What the page says once the button was pressed."""
    answer = http.post(f"{PAGE}/live/{action}", typed, follow=True)
    assert answer.status_code == 200
    return words(answer)


def test_it_is_set_up_checked_and_turned_on(world: Any, owner: Client, site: BankSite, settings: Any) -> None:
    assert words(owner.get(PAGE)).count("Not set up yet.") == 2
    answer = owner.post(f"{PAGE}/live/set-up", typed(site), follow=True)
    page = answer.content.decode()
    assert "Saved. Check the provider next." in page
    assert f"{settings.BASE_URL}/me/banks/callback/norden" in page
    assert SECRET not in page
    assert SECRET not in owner.get(f"{PAGE}/live/set-up").content.decode()
    assert SECRET.encode() not in bytes(kept().secret)
    with scope(SYSTEM):
        provider = provider_of(kept())
    assert provider is not None
    assert provider.secret == SECRET
    assert "Check the provider first" in after(owner, "switch", to="on")
    assert "Turn it on when you are ready." in after(owner, "check")
    assert kept().host == "127.0.0.1"
    assert "Customer sign-in is now on" in after(owner, "switch", to="on")
    assert "and people can begin there" in after(owner, "check")
    with scope(SYSTEM):
        events = AuditEvent.objects.filter(target_id=kept().id).order_by("id")
        codes = [(event.code.rpartition(".")[2], event.actor_id) for event in events]
        told = str([event.data for event in events])
    assert codes == [
        (code, world.bank.members[0].user.pk) for code in ("configured", "checked", "switched", "checked")
    ]
    assert SECRET not in told
    assert "Customer sign-in is now off" in after(owner, "switch", to="off")
    assert not kept().is_on


def test_any_change_turns_it_off_until_the_next_check(owner: Client, site: BankSite) -> None:
    assert after(owner, "check").count("Set it up first.") == 1
    for change in (
        {"client_id": "other"}, {"secret": "another"}, {"scopes": "openid"},
        {"customer_ref_claim": "https://norden.example/ref"}, {"accounts_claim": "konten"}, {"issuer": f"{site.issuer}/x"},
    ):  # fmt: skip
        assert after(owner, "set-up", **typed(site))
        after(owner, "check")
        after(owner, "switch", to="on")
        assert kept().is_on
        assert after(owner, "set-up", **typed(site, secret=""))
        assert kept().is_on, "an empty secret stays as it is"
        after(owner, "set-up", **typed(site, **{"secret": "", **change}))
        assert (kept().is_on, kept().checked_at) == (False, None), change


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"issuer": "http://login.norden.example"}, "must begin with https://"),
        ({"issuer": "https://10.0.0.1"}, "must be on the public internet"),
        ({"issuer": "https://login.norden.example?x=1"}, "An issuer has no"),
        ({"scopes": "profile"}, "“openid” has to be among the scopes"),
        ({"scopes": "openid  accounts"}, "one space between scopes"),
        ({"accounts_claim": "my accounts"}, "letters, digits and"),
        ({"secret": ""}, "Fill in “Client secret”"),
    ],
)
def test_what_cannot_be_used_is_said_and_changes_nothing(
    owner: Client, site: BankSite, wrong: dict[str, str], why: str
) -> None:
    answer = owner.post(f"{PAGE}/live/set-up", typed(site, **wrong))
    assert answer.status_code == 422
    assert why in words(answer)
    with scope(SYSTEM):
        assert not CustomerSignIn.objects.exists()


@pytest.mark.parametrize(
    ("fault", "why"),
    [({"mode": "down", "status": 503}, "It answered 503"), ({"mode": "error"}, "something else than JSON")],
)
def test_a_check_says_what_is_wrong_and_turns_it_off(
    owner: Client, site: BankSite, fault: dict[str, Any], why: str
) -> None:
    after(owner, "set-up", **typed(site))
    after(owner, "check")
    after(owner, "switch", to="on")
    site.fails(**fault)
    assert why in after(owner, "check")
    assert (kept().is_on, kept().is_proven) == (False, False)


def test_only_who_manages_senders_may(world: Any, site: BankSite) -> None:
    analyst = signed_in(world.bank.members[1].user)
    assert analyst.get(PAGE).status_code == 403
    assert analyst.post(f"{PAGE}/live/set-up", typed(site)).status_code == 403
    assert signed_in(world.other.members[0].user).get(PAGE).status_code == 404
    assert signed_in(world.bank.members[0].user).get(f"{PAGE}/elsewhere/set-up").status_code == 404
    stranger = Principal(Kind.MEMBER, world.other.members[0].user.pk, world.other.partner.id)
    whose: dict[str, Any] = {"partner_id": world.bank.partner.id, "environment": "live", "actor": stranger}
    for act in (
        lambda: save_customer_sign_in(**whose, **typed(site)),
        lambda: switch_customer_sign_in(**whose, is_on=True),
    ):
        with pytest.raises(Refused, match="Your role"):
            act()


def test_each_environment_has_its_own(owner: Client, site: BankSite) -> None:
    after(owner, "set-up", **typed(site))
    owner.post(f"{PAGE}/sandbox/set-up", typed(site, client_id="tries"))
    assert (kept().client_id, kept("sandbox").client_id) == ("parley", "tries")
