"""The person begins: the directory, the bank's own sign-in and back, and everything that can go wrong there."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import transaction
from django.test import Client
from django.utils import timezone

from consents.actions.stop import end_grant
from consents.models import GrantRequest, Person
from consents.requests import content_of
from consents.views.directory import PAGE
from partners.access import staff_principal
from partners.actions.customer_sign_in import note_customer_sign_in_check, switch_customer_sign_in
from partners.actions.leaving import suspend_partner
from partners.actions.senders import configure_sender, pause_sender
from partners.models import AgreementVersion, CustomerSignIn, Sender
from portal.audit.models import AuditEvent
from portal.demo.world import make_person
from portal.ids import public_id, uuid7
from portal.tenancy.context import scope
from tests.bank_site import ACCOUNTS, SYSTEM, BankSite, set_up
from tests.conftest import PASSWORD
from tests.notifications.conftest import Api
from tests.partners.clients.kit import BACKEND

from .asking import Asked, newcomer, signed_in
from .conftest import words

pytestmark = pytest.mark.django_db


@pytest.fixture
def norden(world: Any, site: BankSite) -> CustomerSignIn:
    """Its customers can begin."""
    return set_up(world.bank, site)


@pytest.fixture
def dora(world: Any) -> Client:
    """Somebody without any bank, signed in."""
    http = Client()
    http.force_login(make_person("dora@people.example", "Dora", PASSWORD).user, backend=BACKEND)
    return http


def page_of(sign_in: CustomerSignIn, rest: str = "") -> str:
    return f"/me/banks/{public_id('csi', sign_in.id)}{rest}"


def gone(http: Client, sign_in: CustomerSignIn) -> str:
    """Where the bank's page is, for this browser."""
    answer = http.get(page_of(sign_in, "/go"))
    assert answer.status_code == 302, answer.content
    return answer.headers["Location"]


def through(http: Client, sign_in: CustomerSignIn, site: BankSite, customer: str = "CUST-9") -> Any:
    """The answer to coming back."""
    return http.get(site.sign_in(gone(http, sign_in), customer))


def asked() -> list[GrantRequest]:
    with scope(SYSTEM), transaction.atomic():
        return list(GrantRequest.objects.order_by("id"))


def trail(code: str) -> list[AuditEvent]:
    with scope(SYSTEM), transaction.atomic():
        return list(AuditEvent.objects.filter(code=code).order_by("id"))


def test_the_directory_lists_banks_that_can_be_connected_now(
    world: Any, norden: CustomerSignIn, dora: Client
) -> None:
    def listed() -> bool:
        return page_of(norden) in dora.get("/me/banks").content.decode()

    def undone(change: Callable[[], Any]) -> None:
        with transaction.atomic():
            change()
            assert not listed()
            assert "cannot be connected from here at the moment" in words(dora.get(page_of(norden)))
            assert dora.get(page_of(norden, "/go")).headers["Location"] == page_of(norden)
            transaction.set_rollback(True)
        assert listed()

    def end_agreement() -> None:
        with scope(SYSTEM):
            AgreementVersion.objects.filter(partner=world.bank.partner).update(status="TERMINATED")

    partner_id, actor = world.bank.partner.id, SYSTEM
    assert listed()
    operator = staff_principal(world.staff.second.user)
    undone(lambda: suspend_partner(partner_id=partner_id, actor=operator, reason="test"))
    undone(lambda: pause_sender(sender_id=world.bank.sender.pk, reason="test", actor=actor))
    undone(end_agreement)
    undone(
        lambda: switch_customer_sign_in(partner_id=partner_id, environment="live", is_on=False, actor=actor)
    )


def banks_like(sign_in: CustomerSignIn, count: int) -> None:
    """So many other banks that people can begin with, and that stand before it."""
    with scope(SYSTEM), transaction.atomic():
        bank = sign_in.partner
        version = AgreementVersion.objects.in_force().select_related("agreement").get(partner=bank)
        sender = Sender.objects.filter(partner=bank, environment="live").first()
        for number in range(count):
            name = {"name": f"Bank {number}", "slug": f"bank-{number}", "domain": ""}
            other = {"partner": again(bank, **name)}
            again(version, agreement=again(version.agreement, number=f"AGR-BANK-{number}", **other), **other)
            again(sender, **other)
            again(sign_in, **other)


def again(row: Any, **changes: Any) -> Any:
    """Another row like it."""
    values = {field.name: getattr(row, field.name) for field in row._meta.concrete_fields}
    return type(row).objects.create(**values | {"id": uuid7()} | changes)


def test_it_is_searched_and_turned_by_the_page(
    world: Any,
    norden: CustomerSignIn,
    site: BankSite,
    dora: Client,
) -> None:
    harbour = set_up(world.other, site)
    banks_like(norden, PAGE - 1)
    first = dora.get("/me/banks").content.decode()
    assert page_of(harbour) in first
    assert page_of(norden) not in first
    second = dora.get("/me/banks", {"after": public_id("csi", harbour.id)}).content.decode()
    assert page_of(norden) in second
    assert page_of(harbour) not in second
    assert "More banks" in first
    assert "More banks" not in second
    assert page_of(norden) in dora.get("/me/banks", {"q": "NORD"}).content.decode()
    assert page_of(harbour) in dora.get("/me/banks", {"q": "harbour.ex"}).content.decode()
    assert "No bank of that name" in words(dora.get("/me/banks", {"q": "100% _'\0"}))
    assert dora.get("/me/banks", {"after": "csi_nobody"}).status_code == 404


def test_what_is_asked_of_the_bank(
    norden: CustomerSignIn, site: BankSite, dora: Client, settings: Any
) -> None:
    page = words(dora.get(page_of(norden)))
    assert "Go to 127.0.0.1" in page
    url = gone(dora, norden)
    asked_of = dict(parse_qsl(urlsplit(url).query))
    assert url.startswith(f"{site.issuer}/authorize?")
    assert asked_of["redirect_uri"] == f"{settings.BASE_URL}/me/banks/callback/norden"
    assert (asked_of["response_type"], asked_of["code_challenge_method"]) == ("code", "S256")
    assert (asked_of["scope"], asked_of["ui_locales"]) == ("openid", "en")
    again = dict(parse_qsl(urlsplit(gone(dora, norden)).query))
    assert all(again[name] != asked_of[name] for name in ("state", "nonce", "code_challenge"))
    assert all(len(asked_of[name]) >= 32 for name in ("state", "nonce", "code_challenge"))


def test_a_customer_is_asked_what_the_bank_may_send(
    world: Any,
    norden: CustomerSignIn,
    site: BankSite,
    dora: Client,
) -> None:
    answer = through(dora, norden, site)
    [found] = asked()
    assert answer.headers["Location"] == f"/authorize/{public_id('req', found.id)}"
    with scope(SYSTEM):
        content, person = content_of(found), Person.objects.get(pk=found.person_id)
        covered = AgreementVersion.objects.get(partner=world.bank.partner).clusters
    assert (found.way, found.environment, found.status) == ("directory", "live", "PENDING")
    assert (set(found.clusters), found.duration_days) == (set(covered), 365)
    assert str(person.user_id) == dora.session["_auth_user_id"]
    assert content is not None
    assert (content.customer_ref, content.redirect_uri) == ("CUST-9", "")
    assert [vars(account) for account in content.accounts] == ACCOUNTS
    [event] = trail("customer_sign_in.used")
    assert (event.partner_id, event.person_id) == (world.bank.partner.id, found.person_id)
    assert "CUST-9" not in json.dumps(event.data)
    assert dora.session["at_the_bank"] == {}


def test_accounts_may_come_from_userinfo(norden: CustomerSignIn, site: BankSite, dora: Client) -> None:
    site.put(claims={"accounts": None})
    assert through(dora, norden, site).headers["Location"].startswith("/authorize/req_")
    site.put(claims={"accounts": None, "sub": "CUST-1"})
    assert through(dora, norden, site).status_code == 502


def _account(**more: Any) -> dict[str, Any]:
    return {"accounts": [ACCOUNTS[0] | more]}


UNFIT: list[tuple[dict[str, Any], str]] = [
    ({"nonce": "of another sign-in"}, "belongs to another sign-in"),
    ({"iss": "https://other.example"}, "of another issuer"),
    ({"aud": "somebody"}, "meant for somebody else"),
    ({"exp": 1_000_000_000}, "not valid, or has run out"),
    ({"sub": None}, "not valid"),
    ({"sub": "x" * 129}, "“sub” cannot be used"),
    ({"sub": "CUST\0"}, "“sub” cannot be used"),
    ({"accounts": []}, "“accounts” cannot be used"),
    ({"accounts": "all of them"}, "“accounts” cannot be used"),
    ({"accounts": ["acc-1"]}, "“accounts/0” cannot be used"),
    ({"accounts": ACCOUNTS * 21}, "“accounts” cannot be used"),
    (_account(mask=7), "“accounts/0/mask” cannot be used"),
    (_account(type="x" * 41), "“accounts/0/type” cannot be used"),
]


def test_what_does_not_fit_connects_nobody(norden: CustomerSignIn, site: BankSite, dora: Client) -> None:
    for claims, why in UNFIT:
        site.put(claims={})
        back = site.sign_in(gone(dora, norden), "CUST-9")
        site.put(claims=claims)
        answer = dora.get(back)
        assert answer.status_code == 502, claims
        assert "does not fit together" in words(answer)
        assert page_of(norden) in answer.content.decode()
        assert why in trail("customer_sign_in.refused")[-1].data["words"], claims
        site.put(claims={})
        assert dora.get(back).status_code == 403, "a state works once"
    assert asked() == []


def test_a_full_account_number_is_refused(norden: CustomerSignIn, site: BankSite, dora: Client) -> None:
    site.put(claims=_account(ref="4111111111111111"))
    answer = through(dora, norden, site)
    assert (answer.status_code, asked()) == (409, [])
    with scope(SYSTEM):
        assert CustomerSignIn.objects.get(pk=norden.pk).problem == "/accounts/0/ref: Send a mask instead."
    assert "4111" not in answer.content.decode() + json.dumps(trail("customer_sign_in.refused")[-1].data)


@pytest.mark.parametrize(
    "fault", [{"mode": "down"}, {"mode": "down", "status": 503}, {"mode": "timeout"}, {"mode": "error"}]
)
def test_a_bank_that_is_away_or_slow_or_out_of_its_mind(
    norden: CustomerSignIn,
    site: BankSite,
    dora: Client,
    settings: Any,
    fault: dict[str, Any],
) -> None:
    settings.OUTBOUND_PATIENCE = 0.3
    back = site.sign_in(gone(dora, norden), "CUST-9")
    site.fails(**fault)
    for answer in (dora.get(page_of(norden, "/go")), dora.get(back)):
        assert answer.status_code == 502
        is_nonsense = fault["mode"] == "error"
        assert ("does not fit together" if is_nonsense else "does not answer") in words(answer)
        assert "Begin again" in words(answer)
    assert asked() == []


def test_another_browser_cannot_finish_what_one_began(
    world: Any,
    norden: CustomerSignIn,
    site: BankSite,
    dora: Client,
) -> None:
    back = site.sign_in(gone(dora, norden), "CUST-9")
    other = Client()
    other.force_login(world.charlie.person.user, backend=BACKEND)
    for path in (
        back,
        "/me/banks/callback/norden",
        f"/me/banks/callback/norden?state=x.{'csi_' + '0' * 32}&code=x",
    ):
        answer = other.get(path)
        assert (answer.status_code, asked()) == (403, [])
        assert "This sign-in is over" in words(answer)
    assert dora.get(back).status_code == 302


def test_an_answer_that_comes_back_to_another_banks_address_is_not_taken(
    world: Any, norden: CustomerSignIn, site: BankSite, dora: Client
) -> None:
    """One bank could otherwise have a customer sign in at another, and use what that gave (a mix-up)."""
    back = site.sign_in(gone(dora, set_up(world.other, site)), "CUST-9")
    answer = dora.get(back.replace("/harbour?", "/norden?"))
    assert (answer.status_code, asked()) == (403, [])


def test_nobody_is_sent_to_a_bank_without_end(norden: CustomerSignIn, dora: Client) -> None:
    assert [dora.get(page_of(norden, "/go")).status_code for _ in range(21)] == [302] * 20 + [429]


def test_too_late_is_over(norden: CustomerSignIn, site: BankSite, dora: Client) -> None:
    back = site.sign_in(gone(dora, norden), "CUST-9")
    session = dora.session
    session["at_the_bank"] = {state: [0.0, *rest] for state, (_, *rest) in session["at_the_bank"].items()}
    session.save()
    assert dora.get(back).status_code == 403


@pytest.mark.parametrize("named", ["https://other.example", ""])
def test_an_answer_of_another_issuer_is_not_taken(
    norden: CustomerSignIn,
    site: BankSite,
    dora: Client,
    named: str,
) -> None:
    path, _, query = site.sign_in(gone(dora, norden), "CUST-9").partition("?")
    answered = dict(parse_qsl(query)) | {"iss": named}
    answer = dora.get(f"{path}?{urlencode({name: text for name, text in answered.items() if text})}")
    assert (answer.status_code, asked()) == (502, [])
    assert "began with" in trail("customer_sign_in.refused")[-1].data["words"]


@pytest.mark.parametrize(
    ("error", "said", "noted"),
    [
        ("login_required", "Nothing was connected", ""),
        ("server_error", "does not answer", ""),
        ("temporarily_unavailable", "does not answer", ""),
        ("invalid_scope", "does not fit together", "It would not sign anybody in: invalid_scope."),
        ("4111 <b>", "does not fit together", "It would not sign anybody in: an error without a name."),
    ],
)
def test_what_the_bank_got_wrong_is_not_said_to_be_the_persons_doing(
    norden: CustomerSignIn, dora: Client, error: str, said: str, noted: str
) -> None:
    state = dict(parse_qsl(urlsplit(gone(dora, norden)).query))["state"]
    answer = dora.get("/me/banks/callback/norden", {"error": error, "state": state})
    assert said in words(answer)
    assert ("You did not finish" in words(answer)) == (error == "login_required")
    assert asked() == []
    with scope(SYSTEM):
        assert CustomerSignIn.objects.get(pk=norden.pk).problem == noted


def test_whoever_cancels_at_the_bank_has_connected_nothing(
    norden: CustomerSignIn,
    site: BankSite,
    dora: Client,
) -> None:
    answer = through(dora, norden, site, "")
    assert answer.status_code == 200
    assert "Nothing was connected" in words(answer)
    assert page_of(norden) in answer.content.decode()
    assert asked() == []


def test_a_session_that_was_lost_is_taken_up_after_signing_in(
    norden: CustomerSignIn,
    site: BankSite,
    dora: Client,
) -> None:
    back = site.sign_in(gone(dora, norden), "CUST-9")
    Session.objects.filter(pk=dora.session.session_key).delete()
    answer = dora.get(back)
    assert answer.status_code == 302
    assert (
        answer.headers["Location"]
        == f"/accounts/login/?{urlencode({'next': page_of(norden, '/go')}, safe='/')}"
    )
    typed = {"login": "dora@people.example", "password": PASSWORD}
    signed_in = dora.post(answer.headers["Location"], typed)
    assert signed_in.headers["Location"] == page_of(norden, "/go")
    assert through(dora, norden, site).headers["Location"].startswith("/authorize/req_")


def test_a_bank_that_is_suspended_meanwhile(
    world: Any,
    norden: CustomerSignIn,
    site: BankSite,
    dora: Client,
) -> None:
    back = site.sign_in(gone(dora, norden), "CUST-9")
    operator = staff_principal(world.staff.second.user)
    suspend_partner(partner_id=world.bank.partner.id, actor=operator, reason="test")
    answer = dora.get(back)
    assert (answer.status_code, asked()) == (409, [])
    assert "Norden Bank cannot be connected at the moment." in words(answer)


def test_who_is_connected_is_led_to_the_grant(world: Any, norden: CustomerSignIn, site: BankSite) -> None:
    http, grant = Client(), f"/me/grants/{public_id('grt', world.ana.grant.id)}"
    http.force_login(world.ana.person.user, backend=BACKEND)
    assert grant in http.get(page_of(norden)).content.decode()
    answer = through(http, norden, site, "CUST-1")
    assert answer.headers["Location"] == grant
    assert asked() == []


def test_a_customer_is_nobody_elses(world: Any, norden: CustomerSignIn, site: BankSite, dora: Client) -> None:
    answer = through(dora, norden, site, "CUST-1")
    assert (answer.status_code, asked()) == (409, [])
    assert "connected by somebody else" in words(answer)
    [event] = trail("customer_sign_in.refused")
    assert event.data["reason"] == "another_customer"
    assert (str(event.actor_id), event.partner_id) == (dora.session["_auth_user_id"], world.bank.partner.id)
    ana = Client()
    ana.force_login(world.ana.person.user, backend=BACKEND)
    end_grant(grant_id=world.ana.grant.id, actor=SYSTEM, reason="test", to="INVALIDATED")
    answer = through(ana, norden, site, "CUST-9")
    assert (answer.status_code, asked()) == (409, [])
    assert "as another one of its customers" in words(answer)
    assert through(ana, norden, site, "CUST-1").headers["Location"].startswith("/authorize/req_")


def test_people_are_sent_only_where_they_were_told(world: Any, norden: CustomerSignIn, dora: Client) -> None:
    with scope(SYSTEM):
        CustomerSignIn.objects.update(host="login.norden.example")
    answer = dora.get(page_of(norden, "/go"))
    assert answer.status_code == 502
    assert "somewhere else" in trail("customer_sign_in.refused")[-1].data["words"]
    whose = {"partner_id": world.bank.partner.id, "environment": "live", "actor": SYSTEM}
    moved = note_customer_sign_in_check(**whose, issuer=norden.issuer, findings=[], host="127.0.0.1")
    assert not moved.is_on


def test_a_linked_chat_leads_to_the_banks_own_page(world: Any, norden: CustomerSignIn) -> None:
    http = Client()
    http.force_login(world.ana.person.user, backend=BACKEND)
    page = http.get(f"/me/link/{world.bank.sender.id}/linked").content.decode()
    assert page_of(norden) in page
    switch_customer_sign_in(partner_id=world.bank.partner.id, environment="live", is_on=False, actor=SYSTEM)
    assert page_of(norden) not in http.get(f"/me/link/{world.bank.sender.id}/linked").content.decode()


def test_a_sandbox_has_its_own_way_in(world: Any, site: BankSite, dora: Client) -> None:
    sign_in = set_up(world.bank, site, "sandbox")
    assert page_of(sign_in) not in dora.get("/me/banks").content.decode()
    assert "cannot be connected from here" in words(dora.get(page_of(sign_in)))
    sender = configure_sender(
        partner_id=world.bank.partner.id,
        environment="sandbox",
        channel="messenger",
        external_id="9000",
        name="Norden tries",
        secrets={},
        actor=SYSTEM,
    )
    assert "Sandbox: nothing here reaches a real person" in words(dora.get(page_of(sign_in)))
    assert through(dora, sign_in, site).headers["Location"].startswith("/authorize/req_")
    assert asked()[0].environment == sender.environment == "sandbox"


def links(page: Any) -> list[str]:
    """Where a page leads, but for what stands around it."""
    main = page.content.decode().partition("<main")[2].partition("</main>")[0]
    return re.findall(r'href="([^"]+)"', main)


@pytest.mark.parametrize("is_offered", [True, False])
def test_a_question_first_opened_when_it_is_too_old_leads_to_one_next_step(
    world: Any, norden: CustomerSignIn, is_offered: bool
) -> None:
    zoe = newcomer(world)
    asked = Asked(Api(world.bank.clients["live"]), zoe.person)
    if not is_offered:
        actor = {"partner_id": world.bank.partner.id, "environment": "live", "actor": SYSTEM}
        switch_customer_sign_in(**actor, is_on=False)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        page = signed_in(zoe.person).get(asked.path)
        assert page.status_code == 410
        assert "this one of Norden Bank is older. Nothing was allowed." in words(page)
        if is_offered:
            assert "Begin again here: you sign in at Norden Bank, and are asked anew." in words(page)
            assert links(page) == [page_of(norden)]
        else:
            assert "Start again at Norden Bank: it then asks anew." in words(page)
            assert links(page) == ["https://norden.example/"]


def test_a_question_that_is_too_old_leads_to_the_beginning(
    norden: CustomerSignIn, site: BankSite, dora: Client
) -> None:
    question = through(dora, norden, site).headers["Location"]
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        page = dora.get(question)
    assert page.status_code == 410
    assert page_of(norden) in page.content.decode()
