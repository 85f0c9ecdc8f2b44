"""What banks looked up about a person, in the person's activity: who, when, what, why and how often."""

import csv
import io
import json
import threading
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone

from consents.actions.erase import erase_person
from consents.models import Reading
from notifications.actions.export import export_person
from portal.ids import first_uuid7, public_id
from portal.tasks import clean_up
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from tests.notifications.conftest import Api
from tests.pages.test_activity import PATH, file_of, on_all_pages, said
from tests.pages.test_person import connect_harbour

SYSTEM = Principal.system()
ALLOWED = "Norden Bank, by its program “{name}” Looked up what you allow"
BECAME = "Looked up what became of its messages"


@pytest.fixture
def notification(api: Api) -> str:
    return api.send().json()["id"]


def noted(**wanted: Any) -> list[Reading]:
    with scope(SYSTEM), transaction.atomic():
        return list(Reading.objects.filter(**wanted).order_by("id"))


def by_a_client(world: Any, *, days_ago: int) -> None:
    """As the API notes it, on an earlier day."""
    moment, grant = timezone.now() - timedelta(days=days_ago), world.ana.grant
    client = Principal(Kind.CLIENT, id=grant.id, partner_id=grant.partner_id)
    with scope(client), transaction.atomic():
        Reading.objects.create(
            id=first_uuid7(moment), partner_id=grant.partner_id, person_id=grant.person_id, grant=grant,
            kind="grant", actor_kind="client", actor_id=grant.id, actor_name="old", day=moment.date(),
            first_at=moment, last_at=moment,
        )  # fmt: skip


def test_it_tells_who_looked_up_what_when_and_why(
    ana: Client, api: Api, world: Any, notification: str
) -> None:
    grant = public_id("grt", world.ana.grant.id)
    assert api.get(f"/grants/{grant}").status_code == 200
    assert api.get(f"/notifications/{notification}").status_code == 200
    page = said(ana)
    name = noted(kind="grant")[0].actor_name
    assert ALLOWED.format(name=name) in page
    assert "To know what it may send you ( grants:read )." in page
    assert BECAME in page
    assert "To know whether they reached you, and when you read them ( notifications:read )." in page
    assert page.index(BECAME) < page.index("Looked up what you allow") < page.index("$1,234.50")
    assert "times on that day" not in page


def test_the_same_again_and_again_is_one_entry_with_a_count(
    ana: Client, api: Api, world: Any, notification: str
) -> None:
    for _ in range(20):
        api.get(f"/grants/{public_id('grt', world.ana.grant.id)}")
    for path in ("/grants", "/grants?customer_ref=CUST-1", "/notifications", "/notifications?status=SENT"):
        assert api.get(path).status_code == 200
    page = said(ana)
    assert page.count("Looked up what you allow") == page.count(BECAME) == 1
    assert "22 times on that day, last on" in page
    (messages,) = noted(kind="messages")
    assert (messages.times, messages.person_id) == (1, world.ana.grant.person_id)
    assert messages.first_at == messages.last_at


def test_a_list_is_noted_for_each_whom_it_shows_and_for_nobody_else(
    sign_in: Callable[[Any], Client], api: Api, world: Any
) -> None:
    api.get("/grants")
    assert {one.person_id for one in noted()} == {world.ana.grant.person_id, world.ben.grant.person_id}
    api.get("/grants?customer_ref=CUST-1")
    times = {one.person_id: one.times for one in noted()}
    assert times == {world.ana.grant.person_id: 2, world.ben.grant.person_id: 1}
    assert "Looked up what you allow" in said(sign_in(world.ben.person.user))
    assert "Looked up" not in said(sign_in(world.charlie.person.user)).partition("Save as")[0]


def test_what_was_refused_or_is_nobodys_is_not_noted(api: Api, world: Any) -> None:
    grant = public_id("grt", world.ana.grant.id)
    other = Api(world.other.clients["live"])
    sandbox = Api(world.bank.clients["sandbox"])
    assert [one.get(f"/grants/{grant}").status_code for one in (other, sandbox)] == [404, 404]
    assert api.get("/grants?customer_ref=nobody").json()["data"] == []
    assert api.get("/usage").status_code == api.get("/audit-events").status_code == 200
    assert noted() == []


def test_what_members_see_on_their_pages_is_noted_without_their_name(
    ana: Client, sign_in: Callable[[Any], Client], world: Any, notification: str
) -> None:
    owner = world.bank.members[0].user
    http = sign_in(owner)
    assert http.get(f"/partners/norden/deliveries/{notification}").status_code == 200
    assert http.get("/partners/norden/deliveries").status_code == 200
    (one,) = noted()
    assert (one.actor_kind, one.actor_id, one.times) == ("member", owner.id, 2)
    page = said(ana)
    assert f"Norden Bank, somebody of its team {BECAME}" in page
    assert "( deliveries:read ). 2 times on that day" in page
    assert owner.email not in page


def test_it_is_narrowed_saved_and_taken_along(ana: Client, api: Api, world: Any, notification: str) -> None:
    connect_harbour(world)
    api.get("/grants")
    Api(world.other.clients["live"]).get("/grants")
    only = said(ana, kind="readings")
    assert (only.count("Looked up what you allow"), "$1,234.50" in only, "Allowed messages" in only) == (
        2, False, False,
    )  # fmt: skip
    assert said(ana, kind="readings", bank="harbour").count("Looked up what you allow") == 1
    assert "Looked up what you allow" in said(ana, kind="others")
    for kind in ("own", "messages", "BALANCES"):
        assert "Looked up what you allow" not in said(ana, kind=kind)
    today, day = timezone.now().date(), timedelta(days=1)
    assert "Looked up what you allow" in said(ana, since=f"{today}", until=f"{today}")
    assert "Nothing fits" in said(ana, kind="readings", until=f"{today - day}")
    assert "Nothing fits" in said(ana, kind="readings", since=f"{today + day}")
    (row,) = json.loads(file_of(ana, "json", kind="readings", bank="norden"))
    assert (row["bank"], row["what"]) == ("Norden Bank", "Looked up what you allow")
    assert row["who"].startswith("Norden Bank, by its program “")
    assert row["why"] == "To know what it may send you, grants:read"
    assert row["state"].startswith("1, ")
    assert row["reference"] == public_id("grt", world.ana.grant.id)
    assert row in list(csv.DictReader(io.StringIO(file_of(ana, "csv"))))
    actor = Principal(Kind.PERSON, id=world.ana.person.user.pk, person_id=world.ana.grant.person_id)
    with zipfile.ZipFile(io.BytesIO(export_person(actor=actor))) as whole:
        found = json.loads(whole.read("parley.json"))["lookups"]
        assert "by its program" in whole.read("parley.html").decode()
    assert [(one["bank"], one["times"], one["scope"]) for one in found] == [
        ("Norden Bank", 1, "grants:read"), ("Harbour", 1, "grants:read"),
    ]  # fmt: skip


def test_every_entry_stands_on_one_page_and_queries_do_not_grow(
    ana: Client, world: Any, api: Api, django_assert_num_queries: Any
) -> None:
    for number in range(60):
        by_a_client(world, days_ago=number)
        if number % 6 == 0:
            api.send()
    texts = on_all_pages(ana, r"Consent record|Looked up what you allow")
    assert (texts.count("Consent record"), len(texts)) == (10, 70)
    with django_assert_num_queries(_queries_of(ana, kind="readings", until="2020-01-01")):
        ana.get(PATH, {"kind": "readings"})


def _queries_of(ana: Client, **query: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as found:
        ana.get(PATH, query)
    return len(found)


def test_it_is_kept_for_a_year(world: Any) -> None:
    for days in (364, 366, 700):
        by_a_client(world, days_ago=days)
    assert clean_up()["readings"] == 2
    assert [(timezone.now() - one.first_at).days for one in noted()] == [364]


def test_erasing_takes_it(api: Api, world: Any) -> None:
    api.get("/grants")
    actor = Principal(Kind.PERSON, id=world.ana.person.user.pk, person_id=world.ana.grant.person_id)
    erase_person(actor=actor)
    assert len(api.get("/grants").json()["data"]) == 2  # the ended one is still the bank's to see
    assert {one.person_id for one in noted()} == {world.ben.grant.person_id}


def test_lists_that_are_read_at_once_are_all_counted(committed_world: Any) -> None:
    """None waits for another in a circle, and none is lost."""
    client, answers = committed_world.bank.clients["live"], []

    def read() -> None:
        api = Api(client)
        answers.extend(api.get("/grants").status_code for _ in range(10))
        connections.close_all()

    threads = [threading.Thread(target=read) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert answers == [200] * 40
    assert [one.times for one in noted()] == [40, 40]
