"""A bank that has just registered, two of its people, and three of the staff."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from partners.access import member_principal
from partners.actions.partners import add_member, register_partner
from partners.lei import with_check_digits
from partners.models import Partner, Submission, Verification
from portal.accounts.actions import create_user_with_totp
from portal.demo.verification import submit_bank
from portal.demo.world import make_staff
from portal.mail.models import Mail
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.conftest import PASSWORD

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
SYSTEM = Principal.system()
HOME = "/partners/fresh/verification"
CASE = "/staff/reviews/fresh"
PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\n%%EOF\n"
PROFILE = {
    "legal_name": "Fresh Bank  plc",
    "country": "DE",
    "regulator": "BaFin",
    "licence": "L-100",
    "lei": with_check_digits("5299FRESH000000000").lower(),
}
CONTACTS = {
    f"{who}_{part}": text
    for who in ("security", "privacy", "incident")
    for part, text in (("name", f"Una {who}"), ("email", f"{who}@fresh.example"), ("phone", "+49 30 123456"))
}
ANSWERS = {
    "second_step": "yes", "leavers": "4", "certificate": "soc2", "certificate_until": "", "tested": "2026-10-01",
    "encrypted": "no", "keys": "vault", "incidents": "24", "suppliers": "none",
}  # fmt: skip


@contextmanager
def as_system() -> Iterator[None]:
    with scope(SYSTEM), transaction.atomic():
        yield


def browser(user: Any) -> Client:
    """Signed in, past the second step."""
    http = Client()
    http.force_login(user, backend=BACKEND)
    return http


def make_desk() -> SimpleNamespace:
    """Everybody, as principals and as browsers."""
    people = {
        name: create_user_with_totp(email=f"{name}@fresh.example", password=PASSWORD, name=name.title(), **more)[0]
        for name, more in (
            ("owner", {}), ("colleague", {}), ("analyst", {}), ("auditor", {"staff_role": "auditor"}),
            ("third", {"staff_role": "reviewer"}),
        )
    }  # fmt: skip
    staff = make_staff("parley.example", PASSWORD)
    bank = register_partner(name="Fresh Bank", slug="fresh", owner=people["owner"], domain="fresh.example")
    for name, role in (("colleague", "compliance"), ("analyst", "analyst")):
        add_member(partner_id=bank.id, user=people[name], role=role, actor=SYSTEM)
    people |= {"first": staff.first.user, "second": staff.second.user}
    with transaction.atomic():
        owner, _ = member_principal(people["owner"], "fresh")
    return SimpleNamespace(
        bank=bank,
        people=people,
        owner=owner,
        first=staff.reviewer,
        second=staff.second_reviewer,
        third=Principal(Kind.STAFF, id=people["third"].pk),
        http={name: browser(user) for name, user in people.items()},
    )


@pytest.fixture
def desk(db: None) -> SimpleNamespace:
    """Before anything is stated."""
    return make_desk()


@pytest.fixture
def case(desk: SimpleNamespace) -> SimpleNamespace:
    """Everything is handed in."""
    submit_bank(desk.bank, desk.owner, desk.third)
    return desk


def state(desk: Any) -> tuple[Partner, Verification | None, Submission | None]:
    """As the rows have it."""
    with as_system():
        partner = Partner.objects.get(pk=desk.bank.pk)
        return (
            partner,
            Verification.objects.filter(partner=partner).first(),
            Submission.objects.latest_of(partner.id),
        )


def version(desk: Any) -> int:
    """What a page that is opened now would carry."""
    _, verification, _ = state(desk)
    return verification.version if verification else 0


def mails() -> list[tuple[str, str, str]]:
    """On their way: template, address and headline; then they are gone."""
    with as_system():
        found = [
            (one.template.removeprefix("partners/review_"), one.to.partition("@")[0], one.context["headline"])
            for one in Mail.objects.filter(template__startswith="partners/review_").order_by("id")
        ]
        Mail.objects.all().delete()
    return found


def text_of(response: Any) -> str:
    """What a page says."""
    main = response.content.decode().partition("<main")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def decide(desk: Any, who: str, decision: str, **typed: Any) -> Any:
    """On its page, as it is now."""
    return desk.http[who].post(f"{CASE}/decide/{decision}", {"seen": version(desk), **typed})


def take(desk: Any, who: str, **typed: Any) -> Any:
    return desk.http[who].post(f"{CASE}/take", {"seen": version(desk), **typed}, follow=True)
