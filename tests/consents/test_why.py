"""“Why this message?” below every message: by the real worker, on the simulated phone, and where it leads."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import timezone

from consents.actions.discreet import set_discreet
from consents.actions.stop import end_grant
from consents.models import LinkedAccount
from notifications.actions.deliver import deliver_batch
from notifications.actions.templates import add_version, approve_template, submit_template
from notifications.channels import Message, Outcome
from notifications.channels.messenger.graph import credentials
from notifications.channels.messenger.transport import Messenger
from notifications.channels.messenger.utility import utility_body
from notifications.courier import courier
from notifications.models import Delivery, Lane, Notification, Template
from portal.accounts.language import OFFERED
from portal.demo.platform import move_page
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.conftest import PASSWORD
from tests.notifications.conftest import Api
from tests.notifications.test_quiet import FRAUD
from tests.sandbox.conftest import wait_until

from .conftest import Phone, words

SYSTEM = Principal.system()
SPANISH = "Alerta de {{ merchant }}: {{ amount }}, cuenta {{ account }}, {{ occurred_at }}, caso {{ case }}."
_cases = itertools.count(1)


@pytest.fixture
def chat(portal: Any, phone: Phone) -> Phone:
    """Ana's, whom the bank may send to; the platform knows that the portal has moved to another port."""
    move_page(phone.page, portal.sender.id, portal.bank.sender_secrets)
    query = credentials(portal.bank.sender_secrets)
    address = f"/{settings.MESSENGER_GRAPH_VERSION}/{phone.page}/message_templates"
    wait_until(
        lambda: (
            {one["status"] for one in phone.http.get(address, params=query).json()["data"]} == {"APPROVED"}
        )
    )
    answer = phone.http.put("/people/2001", json={"page_id": phone.page, "name": "Ana", "linked": True})
    assert answer.is_success
    phone.address = "2001"
    return phone


def gets(portal: Any, chat: Phone, **more: Any) -> dict[str, Any]:
    """What the phone shows of a fraud alert that the bank sends now."""
    case = f"CASE-{next(_cases)}-{timezone.now().timestamp():.0f}"
    sent = Api(portal.bank.clients["live"]).send("fraud_alert", {**FRAUD, "case": case}, **more)
    assert sent.status_code == 202, sent.content
    return chat.shows(case)


def link_of(shown: dict[str, Any], title: str = "Why this message?") -> str:
    (button,) = shown["buttons"]
    assert (button["type"], button["title"]) == ("web_url", title)
    return button["url"]


def in_spanish(portal: Any) -> None:
    member = Principal(Kind.MEMBER, partner_id=portal.bank.partner.id, id=portal.ana.person.user.id)
    with scope(SYSTEM), transaction.atomic():
        template = Template.objects.get(partner=portal.bank.partner, name="fraud_alert")
    version = add_version(template_id=template.id, locale="es-MX", body=f"{SPANISH} Gracias.", actor=member)
    submit_template(version_id=version.id, actor=member)
    approve_template(version_id=version.id, actor=portal.staff.reviewer)


def silent_for(**time: int) -> None:
    """Nobody has written since."""
    with scope(SYSTEM), transaction.atomic():
        LinkedAccount.objects.update(last_inbound_at=timezone.now() - timedelta(**time))


def test_the_button_speaks_the_messages_language_in_and_outside_the_window(portal: Any, chat: Phone) -> None:
    in_spanish(portal)
    english, spanish = gets(portal, chat), gets(portal, chat, locale="es-MX")
    assert [english["raw"]["messaging_type"], spanish["raw"]["messaging_type"]] == ["RESPONSE", "RESPONSE"]
    silent_for(hours=30)
    later, mas_tarde = gets(portal, chat), gets(portal, chat, locale="es-MX")
    assert [later["raw"]["messaging_type"], mas_tarde["raw"]["messaging_type"]] == ["UTILITY", "UTILITY"]
    assert later["text"].startswith("Update from your bank: Was this you?")
    assert mas_tarde["text"].startswith("Aviso de su banco: Alerta de Kiosk")
    links = [link_of(one) for one in (english, later)]
    links += [link_of(one, "¿Por qué lo recibí?") for one in (spanish, mas_tarde)]
    with scope(SYSTEM), transaction.atomic():
        ids = [public_id("dlv", one) for one in Delivery.objects.values_list("id", flat=True)]
    assert sorted(links) == sorted(f"{portal.url}/why/{one}" for one in ids)
    (suffix,) = later["raw"]["message"]["template"]["components"][1]["parameters"]
    assert suffix == {"type": "URL", "url": links[1].rpartition("/")[2]}


@pytest.mark.parametrize("language", OFFERED)
def test_the_templates_words_fit(language: str) -> None:
    assert len(utility_body(language).replace("{{1}}", "x" * 900)) <= 1024


@pytest.mark.parametrize(
    ("length", "has_button", "shown"),
    [(640, True, 640), (641, False, 641), (1900, False, 1900), (2500, False, None)],
)
def test_a_text_too_long_for_buttons_has_the_address_below_it(
    portal: Any, chat: Phone, length: int, has_button: bool, shown: int | None
) -> None:
    why = f"dlv_{length:032}"
    message = Message(address=chat.address, text="x" * length, reference="r", in_window=True, why=why)
    assert sends(portal, message) is Outcome.SENT
    got = chat.messages()[0]
    below = f"\n\nWhy this message? {portal.url}/why/{why}"
    if has_button:
        assert (got["text"], link_of(got)) == ("x" * length, f"{portal.url}/why/{why}")
        return
    assert got["buttons"] == []
    text = "x" * shown if shown else "x" * (1998 - len(below)) + "…"
    assert got["text"] == text + below


@pytest.mark.parametrize("length", [900, 901])
def test_outside_the_window_the_platform_takes_a_long_text_too(portal: Any, chat: Phone, length: int) -> None:
    why = f"dlv_{length:032}"
    message = Message(address=chat.address, text="x" * length, reference="r", in_window=False, why=why)
    assert sends(portal, message) is Outcome.SENT
    got = chat.messages()[0]
    assert link_of(got) == f"{portal.url}/why/{why}"
    assert got["text"].count("x") == (900 if length == 900 else 899)
    assert ("…" in got["text"]) is (length > 900)


def sends(portal: Any, message: Message) -> Outcome:
    async def send() -> Any:
        page, secrets = portal.sender.external_id, portal.bank.sender_secrets
        return await Messenger().send(courier().session(), page=page, secrets=secrets, message=message)

    return courier().run(send()).outcome


def test_it_tells_who_under_which_consent_what_for_and_how_to_stop(
    portal: Any, chat: Phone, signed_in: Any, django_assert_max_num_queries: Any
) -> None:
    shown = gets(portal, chat)
    path = link_of(shown).removeprefix(portal.url)
    ana = signed_in(portal.ana)
    ana.get(path)
    with django_assert_max_num_queries(17):
        answer = ana.get(path)
    page = words(answer)
    for said in (
        "Why did I get this?", shown["text"], "Norden Bank wrote it, Messenger carried it", "You allowed it on",
        str(portal.ana.grant.record_id), "“fraud_alert”, version 1", "Pause all messages", "Disconnect",
        "write STOP in the chat",
    ):  # fmt: skip
        assert said in page, said
    assert f"/me/grants/{public_id('grt', portal.ana.grant.id)}/disconnect" in answer.content.decode()


def test_only_its_person_sees_it_and_signing_in_leads_there(portal: Any, chat: Phone, signed_in: Any) -> None:
    set_discreet(is_discreet=True, actor=person(portal))
    path = link_of(gets(portal, chat)).removeprefix(portal.url)
    for stranger in (portal.ben, portal.charlie):
        answer = signed_in(stranger).get(path)
        assert (answer.status_code, "Norden" in answer.content.decode()) == (404, False)
    nobody = Client()
    asked = nobody.get(path)
    assert (asked.status_code, asked.url) == (302, f"/accounts/login/?next={path}")
    page = nobody.get(asked.url)
    assert not any(one in page.content.decode() for one in ("Norden", "fraud", "4821", "Ana"))
    typed = {"login": portal.ana.person.user.email, "password": PASSWORD, "next": path}
    landed = nobody.post("/accounts/login/", typed)
    assert (landed.status_code, landed.url) == (302, path)
    assert "Norden Bank wrote it" in words(nobody.get(path))


def test_what_is_no_message_is_not_found(portal: Any, signed_in: Any) -> None:
    ana = signed_in(portal.ana)
    for text in ("dlv_" + "0" * 32, public_id("grt", portal.ana.grant.id), "dlv_1", "x"):
        assert ana.get(f"/why/{text}").status_code == 404


def test_a_page_says_the_same_when_the_text_and_the_connection_are_gone(
    portal: Any, chat: Phone, signed_in: Any
) -> None:

    path = link_of(gets(portal, chat)).removeprefix(portal.url)
    end_grant(grant_id=portal.ana.grant.id, actor=person(portal), reason="")
    with scope(SYSTEM), transaction.atomic():
        Notification.objects.update(data=b"")
    page = words(signed_in(portal.ana).get(path))
    assert "What it said has been erased." in page
    assert "You allowed it on" in page
    assert "Pause all messages" not in page


def test_answers_to_what_a_person_writes_have_none(portal: Any, chat: Phone) -> None:
    chat.writes("HELP")
    assert "/why/" not in str(chat.shows("START to go on"))


def test_standard_messages_have_it_too(portal: Any, chat: Phone) -> None:
    assert Api(portal.bank.clients["live"]).send().status_code == 202
    assert deliver_batch(lane=Lane.STANDARD) == 1
    assert link_of(chat.shows("$1,234.50 available"))


def person(portal: Any) -> Principal:
    whose = portal.ana.person
    return Principal(Kind.PERSON, id=whose.user.id, person_id=portal.ana.grant.person_id)


def test_the_simulated_platform_refuses_what_meta_would(portal: Any, chat: Phone) -> None:
    """A button's address with a gap, in and outside the window; a title of 21 characters."""
    for in_window in (True, False):
        message = Message(address=chat.address, text="x", reference="r", in_window=in_window, why="dlv 1")
        assert sends(portal, message) is Outcome.PERMANENT
    button = {"type": "web_url", "url": "https://bank.example/", "title": "x" * 21}
    message = Message(address=chat.address, text="x", reference="r", in_window=True, buttons=(button,))
    assert sends(portal, message) is Outcome.PERMANENT
