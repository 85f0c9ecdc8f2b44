"""Linking begun on a person's own pages: a one-time m.me link, and a page that tells what became of it."""

import re
from contextlib import closing
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import time_machine
from django.db import transaction
from django.test import Client
from django.utils import timezone

from consents.models import LinkedAccount, LinkToken
from partners.actions.partners import change_partner_status
from partners.actions.senders import configure_sender
from partners.models import Sender
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.sandbox.conftest import wait_until

from .conftest import Phone, words


class Page:
    """The page that holds the link, as one load of it showed it."""

    def __init__(self, http: Client, path: str) -> None:
        self.http = http
        self.answer = http.get(path)
        assert self.answer.status_code == 200
        html = self.answer.content.decode()
        chat = re.search(r'href="([^"]+/m\.me/[^"]+)"', html)
        state = re.search(r'hx-get="([^"]+)" hx-trigger="every 2s" hx-swap="none"', html)
        assert chat is not None
        assert state is not None
        self.chat, self.state = chat[1], state[1]
        self.reference = parse_qs(urlsplit(self.chat).query)["ref"][0]

    def asks(self) -> Any:
        """What htmx gets when it asks."""
        return self.http.get(self.state, headers={"HX-Request": "true"})

    def goes_to(self) -> str:
        """Where the page goes by itself, once it does."""
        answer = wait_until(lambda: (found := self.asks()).status_code == 200 and found)
        return answer["HX-Redirect"]


@pytest.fixture
def page(portal: Any, signed_in: Any) -> Page:
    """Ana, who was linked before, links another chat."""
    return Page(signed_in(portal.ana), f"{portal.start}?again=1")


def test_only_live_and_active_senders_of_active_banks_are_offered(portal: Any, signed_in: Any) -> None:
    http = signed_in(portal.ana)
    sandbox_sender = configure_sender(
        partner_id=portal.bank.partner.id,
        environment="sandbox",
        channel="messenger",
        external_id="s1",
        name="Norden tries things",
        secrets={},
        actor=Principal.system(),
    )
    home = words(http.get("/me/link/"))
    assert "Norden Bank Linked" in home
    assert "Harbour Not linked" in home
    assert "Norden tries things" not in home
    assert "Listed are the banks that send messages through Parley today" in home
    assert http.get(f"/me/link/{sandbox_sender.id}").status_code == 404
    change_partner_status(partner_id=portal.other.partner.id, to="SUSPENDED", actor=portal.staff.reviewer)
    with scope(Principal.system()), transaction.atomic():
        Sender.objects.filter(pk=portal.sender.pk).update(status="PAUSED")
    for sender in (portal.sender, portal.other.sender):
        assert http.get(f"/me/link/{sender.id}?again=1").status_code == 404
    assert "No bank can be linked today" in words(http.get("/me/link/"))


def test_the_page_shows_both_identities_and_a_link_of_ones_own(portal: Any, page: Page, rows: Any) -> None:
    text, html = words(page.answer), page.answer.content.decode()
    assert "ana@people.example" in text
    assert "Your Messenger chat with Norden Bank norden.example" in text
    assert "Linking is not consent." in text
    assert page.chat.startswith(f"{portal.sandbox_url}/m.me/{portal.sender.external_id}?ref=parley-")
    (token,) = rows(LinkToken)
    assert page.reference.encode() not in bytes(token.digest)
    weight = re.findall(r'<a class="([^"]+)"[^>]*>(?:Open Messenger|Not now)', html)
    assert len(weight) == 2
    assert len(set(weight)) == 1
    assert '"allowEval": false, "includeIndicatorStyles": false' in html
    script = re.search(r'<script src="([^"]+htmx[^"]+)"', html)
    assert script is not None
    with closing(page.http.get(script[1])) as served:
        assert b"htmx" in served.getvalue()
    assert "unsafe" not in page.answer["Content-Security-Policy"]


def test_a_known_persons_tap_links_and_the_page_tells(
    portal: Any, page: Page, phone: Phone, rows: Any
) -> None:
    assert page.asks().status_code == 204
    assert "Not linked yet" in words(page.http.get(page.state))
    phone.opens(page.reference)
    assert page.goes_to() == f"{portal.start}/linked"
    assert page.http.get(page.state)["Location"] == f"{portal.start}/linked"
    account = rows(LinkedAccount)[-1]
    assert (account.person_id, account.status) == (portal.ana.person_id, "ACTIVE")
    assert timezone.now() - account.last_inbound_at < timezone.timedelta(minutes=1)
    done = words(page.http.get(f"{portal.start}/linked"))
    assert "Your chat is linked" in done
    assert "Nothing is sent yet" in done
    phone.shows("This chat is now linked.")


def test_a_new_persons_get_started_links(portal: Any, page: Page, sandbox: httpx.Client) -> None:
    sandbox.post(f"/m.me/{portal.sender.external_id}", json={"ref": page.reference, "name": "Ana"})
    assert page.goes_to() == f"{portal.start}/linked"


def test_a_used_link_says_so(portal: Any, page: Page, phone: Phone, sandbox: httpx.Client, rows: Any) -> None:
    phone.opens(page.reference)
    page.goes_to()
    other = Phone(sandbox, phone.page, "Mallory")
    other.opens(page.reference)
    refusal = other.shows("This link has been used. Each link works once")
    assert refusal["buttons"][0]["type"] == "account_link"
    assert len(rows(LinkedAccount)) == 4


def test_an_old_link_says_so_in_the_chat_and_on_the_page(portal: Any, page: Page, phone: Phone) -> None:
    with time_machine.travel(timezone.now() + timezone.timedelta(minutes=15, seconds=1)):
        assert page.goes_to() == f"{portal.start}/expired"
        phone.opens(page.reference)
        phone.shows("This link is too old. A link works for 15 minutes")
    again = page.http.get(f"{portal.start}/expired")
    assert f'<a class="button" href="{portal.start}?again=1">Start again</a>' in again.content.decode()


def test_in_somebody_elses_chat_it_is_refused_and_spoilt(
    portal: Any, page: Page, signed_in: Any, phone: Phone, rows: Any
) -> None:
    phone.opens(Page(signed_in(portal.ben), f"{portal.start}?again=1").reference)
    phone.shows("This chat is now linked.")
    phone.opens(page.reference)
    phone.shows("This chat is linked with somebody else’s Parley account.")
    assert page.goes_to() == f"{portal.start}/failed"
    failed = words(page.http.get(f"{portal.start}/failed"))
    assert "opened in a chat that is linked with somebody else’s Parley account" in failed
    assert rows(LinkedAccount)[-1].person_id == portal.ben.person_id
    phone.opens(page.reference)
    phone.shows("This link is not known")


def test_a_banks_own_reference_is_answered_like_anything_else(portal: Any, phone: Phone) -> None:
    phone.opens("branch-12")
    phone.shows("This is an automatic service")
    assert not any("link is not known" in one["text"] for one in phone.messages())


def test_what_became_of_anothers_link_is_not_told(
    portal: Any, page: Page, phone: Phone, signed_in: Any
) -> None:
    phone.opens(page.reference)
    page.goes_to()
    ben = signed_in(portal.ben)
    assert ben.get(page.state)["Location"] == f"{portal.start}/failed"
    assert ben.get(f"{portal.start}/state?link=nonsense").status_code == 404
    far = f"{portal.start}/state?link=lnk_{'f' * 32}"
    assert ben.get(far)["Location"] == f"{portal.start}/failed"


def test_whoever_has_signed_out_meanwhile_is_sent_to_sign_in(portal: Any, page: Page) -> None:
    page.http.logout()
    assert page.asks()["HX-Redirect"].startswith("/accounts/login/?next=")
    assert page.http.get(page.state).status_code == 302


def test_linked_is_only_said_where_it_is_so(portal: Any, signed_in: Any) -> None:
    ana, charlie = signed_in(portal.ana), signed_in(portal.charlie)
    assert ana.get(portal.start)["Location"] == f"{portal.start}/linked"
    assert charlie.get(f"{portal.start}/linked")["Location"] == "/me/link/"
    assert "Nothing was linked" in words(charlie.get(f"{portal.start}/declined"))
    assert charlie.get(f"{portal.start}/else").status_code == 404


def test_whoever_has_another_chat_gets_another_link(portal: Any, signed_in: Any) -> None:
    page = Page(signed_in(portal.ana), f"{portal.start}?again=1")
    waiting = page.http.get(page.state).content.decode()
    (again,) = re.findall(r'href="([^"]+)">Get another link', waiting)
    assert page.http.get(again).status_code == 200


def test_asking_again_and_again_is_cheap(portal: Any, page: Page, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(11):
        assert page.asks().status_code == 204


def test_a_link_is_known_to_its_owner_by_its_id_alone(portal: Any, page: Page, rows: Any) -> None:
    (token,) = rows(LinkToken)
    assert page.state == f"{portal.start}/state?link={public_id('lnk', token.id)}"
    assert page.reference not in page.state
