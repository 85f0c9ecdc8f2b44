"""Complaints: a thread between a person and the staff, which the bank sees nothing of."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from consents.actions.complain import MOST_OPEN
from consents.models import Complaint, ComplaintMessage
from consents.views.complaints import PAGE
from portal.audit.models import AuditEvent
from portal.ids import public_id
from portal.mail.outbox import send_due_mail
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.notifications.conftest import Api

from .conftest import words

pytestmark = pytest.mark.django_db
SYSTEM = Principal.system()
LATE = "The fraud alert came a day too late."


@pytest.fixture
def ana(world: Any, signed_in: Callable[[Any], Client]) -> Client:
    return signed_in(world.ana)


@pytest.fixture
def staff(world: Any) -> Client:
    http = Client()
    http.force_login(world.staff.second.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return http


def lodge(http: Client, about: str, text: str = LATE) -> str:
    """Returns the page of the new complaint."""
    answer = http.post("/me/complaints/new", {"about": about, "text": text})
    assert answer.status_code == 302, words(answer)
    return answer["Location"]


def sent() -> list[tuple[str, str]]:
    mail.outbox.clear()
    send_due_mail()
    return sorted((one.to[0], one.subject) for one in mail.outbox)


def codes() -> list[str]:
    with scope(SYSTEM), transaction.atomic():
        rows = AuditEvent.objects.filter(target_type="Complaint").order_by("id")
        return list(rows.values_list("code", flat=True))


def test_both_sides_take_turns_until_it_is_closed(world: Any, ana: Client, staff: Client) -> None:
    sent()
    page = lodge(ana, public_id("ptn", world.bank.partner.id))
    desk = page.replace("/me/", "/staff/")
    assert sent() == [
        ("operator@parley.example", "A complaint waits for an answer"),
        ("reviewer@parley.example", "A complaint waits for an answer"),
    ]
    assert "Norden Bank" in words(staff.get("/staff/complaints"))
    case = words(staff.get(desk))
    assert LATE in case
    assert "ana@people.example" not in case
    assert "Answer it first." in words(staff.post(f"{desk}/close", follow=True))
    assert "Answered" in words(staff.post(desk, {"text": "We found the cause."}, follow=True))
    assert sent() == [("ana@people.example", "We have answered your complaint")]
    assert "We found the cause." in words(ana.get(page))
    ana.post(page, {"text": "Which one?"})
    ana.post(page, {"text": "And when?"})
    assert len(sent()) == 2, "they know already that it waits"
    assert "Which one?" in words(staff.get(desk))
    staff.post(desk, {"text": "A full queue."})
    staff.post(f"{desk}/close")
    assert "Closed" in words(ana.get(page))
    assert "Your complaint is closed" in [subject for _, subject in sent()]
    assert "closed already" in words(ana.post(f"{page}/close", follow=True))
    ana.post(page, {"text": "It happened again."})
    assert "With Parley" in words(ana.get(page))
    told = [code for code in codes() if code != "complaint.opened"]
    assert told == [f"complaint.{one}" for one in (
        "lodged", "answered", "continued", "continued", "answered", "closed", "continued"
    )]  # fmt: skip
    assert codes().count("complaint.opened") >= 3


def test_the_bank_learns_nothing_of_it(world: Any, ana: Client) -> None:
    page = lodge(ana, public_id("ptn", world.bank.partner.id))
    events = Api(world.bank.clients["live"]).get("/audit-events").content.decode()
    assert "complaint" not in events
    member = Client()
    member.force_login(
        world.bank.members[0].user, backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    assert member.get(page).status_code == 404
    assert member.get("/staff/complaints").status_code == 404


def test_what_is_written_is_sealed_and_in_no_mail(world: Any, ana: Client) -> None:
    sent()
    lodge(ana, "us", "My number is 5551234.")
    sent()
    assert not any("5551234" in one.body for one in mail.outbox)
    with scope(SYSTEM), transaction.atomic():
        (message,) = ComplaintMessage.objects.all()
        assert b"5551234" not in bytes(message.text)
        with connection.cursor() as cursor:
            cursor.execute("SELECT string_agg(data::text, '') FROM audit_auditevent")
            assert "5551234" not in cursor.fetchone()[0]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"about": "us", "text": " "}, "Fill in “What happened"),
        ({"about": "us", "text": "x" * 4001}, "at most 4000 characters"),
        ({"about": "", "text": "Late."}, "Fill in “What is it about?”"),
        ({"about": "other", "text": "Late."}, "not one of the available choices"),
    ],
)
def test_bad_input_keeps_what_was_typed_and_changes_nothing(
    world: Any, ana: Client, fields: dict[str, str], says: str
) -> None:
    # A bank that Ana was never connected with
    about = public_id("ptn", world.other.partner.id) if fields["about"] == "other" else fields["about"]
    answer = ana.post("/me/complaints/new", {**fields, "about": about})
    assert answer.status_code == 422
    assert says in words(answer)
    assert codes() == []
    with scope(SYSTEM), transaction.atomic():
        assert ComplaintMessage.objects.count() == 0


def test_the_queue_turns_page_by_page_the_longest_waiting_first(world: Any, staff: Client) -> None:
    began = timezone.now() - timedelta(days=1)
    rows = [
        Complaint(person_id=world.ana.person_id, changed_at=began + timedelta(minutes=number))
        for number in range(PAGE + 1)
    ]
    with scope(SYSTEM), transaction.atomic():
        Complaint.objects.bulk_create(reversed(rows))
    names = [public_id("cmp", one.id) for one in rows]
    first = staff.get("/staff/complaints").content.decode()
    assert list(dict.fromkeys(re.findall(r"cmp_[0-9a-f]{32}", first))) == names[:PAGE]
    second = staff.get(f"/staff/complaints?show=open&after={names[PAGE - 1]}").content.decode()
    assert [name for name in names if name in second] == names[PAGE:]


def test_a_persons_complaints_are_theirs_alone(
    world: Any, ana: Client, signed_in: Callable[[Any], Client]
) -> None:
    page, ben = lodge(ana, "us"), signed_in(world.ben)
    assert ben.get(page).status_code == 404
    assert ben.post(page, {"text": "Me too."}).status_code == 404
    assert ben.post(f"{page}/close").status_code == 404
    assert "No complaints" in words(ben.get("/me/complaints"))


def test_nobody_fills_the_queue_alone(world: Any, ana: Client) -> None:
    for _ in range(MOST_OPEN):
        lodge(ana, "us")
    answer = ana.post("/me/complaints/new", {"about": "us", "text": LATE})
    assert answer.status_code == 422
    assert "Write in one of those instead." in words(answer)
    assert codes() == ["complaint.lodged"] * MOST_OPEN
