"""Two banks with an agreement in force, browsers of their teams and of two members of staff, and what they type."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from partners.actions.partners import add_member
from partners.clusters import SENDABLE
from partners.models import AgreementVersion
from portal.accounts.actions import create_user_with_totp
from portal.accounts.models import User
from portal.ids import parse_public_id, public_id
from portal.mail.models import Mail
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.conftest import PASSWORD

SYSTEM = Principal.system()
HOME = "/partners/norden/agreement"
TERMS = {
    "clusters": [cluster.value for cluster in SENDABLE],
    "channels": ["messenger"],
    "countries": "US",
    "retention_days": "90",
    "longest_grant_days": "365",
    "monthly_volume_cap": "1000000",
    "notice_days": "30",
}


@contextmanager
def as_system() -> Iterator[None]:
    """Reads whatever there is."""
    with scope(SYSTEM), transaction.atomic():
        yield


class Browser(Client):
    """Signed in."""

    def __init__(self, user: User) -> None:
        super().__init__()
        self.user = user
        self.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")

    def prove(self) -> None:
        """Who they are, once more."""
        answer = self.post("/accounts/reauthenticate/", {"password": PASSWORD})
        assert answer.status_code == 302, text_of(answer)

    def sign(self, page: str, version: AgreementVersion, **more: Any) -> Any:
        """Types what the page for signing asks for."""
        form = {"text_sha256": version.text_sha256, "is_authorised": "on", **more}
        return self.post(page, form, headers={"user-agent": "Firefox/140 on Linux"})


@pytest.fixture(autouse=True)
def _nothing_was_tried_before() -> None:
    """allauth counts the tries of an address in the cache."""
    cache.clear()


@pytest.fixture
def desk(world: Any) -> SimpleNamespace:
    """Everybody at their browser: owner, compliance (may negotiate, not sign), analyst, stranger, two of staff."""
    compliance, _ = create_user_with_totp(
        email="compliance@norden.example", password=PASSWORD, name="Cora Compliance"
    )
    add_member(partner_id=world.bank.partner.id, user=compliance, role="compliance", actor=SYSTEM)
    return SimpleNamespace(
        world=world,
        partner=world.bank.partner,
        owner=Browser(world.bank.members[0].user),
        compliance=Browser(compliance),
        analyst=Browser(world.bank.members[1].user),
        stranger=Browser(world.other.members[0].user),
        first=Browser(world.staff.first.user),
        second=Browser(world.staff.second.user),
        offer_page=f"/staff/agreements/offer/{public_id('ptn', world.bank.partner.id)}",
    )


def text_of(response: Any) -> str:
    """What a person reads, in one line."""
    words = re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(words).split())


def led_to(response: Any) -> AgreementVersion:
    """The version whose page an answer leads to."""
    assert response.status_code == 302, text_of(response)
    agv = response["Location"].rpartition("/")[2]
    return version(parse_public_id("agv", agv))


def version(version_id: Any) -> AgreementVersion:
    with as_system():
        return AgreementVersion.objects.select_related("agreement").get(pk=version_id)


def latest(partner: Any) -> AgreementVersion:
    with as_system():
        return AgreementVersion.objects.filter(partner=partner).latest("id")


def in_force(partner: Any) -> AgreementVersion | None:
    with as_system():
        return AgreementVersion.objects.in_force().filter(partner=partner).first()


def count(partner: Any) -> int:
    with as_system():
        return AgreementVersion.objects.filter(partner=partner).count()


def mails() -> list[tuple[str, str]]:
    """What is on its way: template and address."""
    with as_system():
        rows = Mail.objects.order_by("created_at", "id").values_list("template", "to")
        return [(template.removeprefix("partners/agreement_"), to) for template, to in rows]


def at_member(one: AgreementVersion, more: str = "") -> str:
    return f"{HOME}/{public_id('agv', one.id)}{more}"


def at_staff(one: AgreementVersion, more: str = "") -> str:
    return f"/staff/agreements/{public_id('agv', one.id)}{more}"


def offered(desk: Any, **changes: Any) -> AgreementVersion:
    """An amendment that the first of staff offered to Norden on the page."""
    return led_to(desk.first.post(desk.offer_page, {**TERMS, **changes}))


def agreed(desk: Any, **changes: Any) -> AgreementVersion:
    """The same, signed by both on their pages."""
    one = offered(desk, **changes)
    for browser, page in (
        (desk.owner, at_member(one, "/sign")),
        (desk.second, at_staff(one, "/countersign")),
    ):
        browser.prove()
        led_to(browser.sign(page, one))
    return version(one.id)
