"""What a person sees of all that happened: across banks, narrowed, page by page, and as a file."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications.views.activity import AT_ONCE
from partners.clusters import Cluster
from portal.audit.codes import Code
from portal.audit.models import AuditEvent
from portal.audit.record import record
from portal.demo.world import make_customer
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.keys import destroy_keys
from tests.notifications.conftest import Api
from tests.pages.test_person import connect_harbour, text_of

PATH = "/me/activity"
ABOUT_PEOPLE = (
    "consent.", "account.", "quiet_hours.", "grant_request.", "person", "discreet_mode.", "complaint.",
)  # fmt: skip
PARCEL = {"merchant": "=Kiosk", "carrier": "DHL", "tracking_number": "1", "status": "SHIPPED"}


@pytest.fixture
def two_banks(world: Any, api: Any) -> Any:
    """Ana has a message of each of her two banks."""
    connect_harbour(world)
    assert api.send().status_code == 202
    sent = Api(world.other.clients["live"]).send("parcel", PARCEL, customer_ref="H-1")
    assert sent.status_code == 202, sent.content
    return world


def said(ana: Client, **query: str) -> str:
    return text_of(ana.get(PATH, query)).partition("Show")[2]


def file_of(ana: Client, shape: str, **query: str) -> str:
    answer = ana.get(f"{PATH}.{shape}", query)
    assert answer.status_code == 200
    assert answer["Content-Disposition"] == f'attachment; filename="parley-activity.{shape}"'
    return b"".join(answer.streaming_content).decode()


def test_it_tells_who_what_when_and_why_across_banks(ana: Client, two_banks: Any) -> None:
    grant, staff = two_banks.ana.grant, Principal(Kind.STAFF, id=two_banks.staff.reviewer.id)
    whose = {"partner_id": grant.partner_id, "person_id": grant.person_id}
    with scope(Principal.system()), transaction.atomic():
        record(Code.CONSENT_REVOKED, actor=staff, target=grant, **whose)
    page = said(ana)
    assert "Parley’s staff · Norden Bank Ended the connection" in page
    assert "Your account •• 4821 has $1,234.50 available" in page
    assert "Harbour wrote it, Messenger carried it" in page
    assert page.count("Why did I get this?") == 2
    assert "You · Harbour Allowed messages" in page
    assert "Linked a chat" in page
    assert page.index("Ended the connection") < page.index("$1,234.50") < page.index("Norden Bank Allowed")


def test_nothing_of_others_is_in_it(sign_in: Callable[[Any], Client], two_banks: Any) -> None:
    for story in (two_banks.ben, two_banks.charlie):
        http = sign_in(story.person.user)
        assert "1,234.50" not in said(http)
        assert "1,234.50" not in file_of(http, "json")
        assert public_id("grt", two_banks.ana.grant.id) not in http.get(PATH).content.decode()


def test_it_is_narrowed_by_bank_kind_and_day(ana: Client, two_banks: Any) -> None:
    assert "Harbour" not in said(ana, bank="norden").partition("Save as")[0]
    assert "4821" in said(ana, bank="norden")
    assert "4821" not in said(ana, bank="harbour")
    messages = said(ana, kind="messages")
    assert (messages.count("Why did I get this?"), "Allowed messages" in messages) == (2, False)
    assert said(ana, kind="SHIPMENTS").count("Why did I get this?") == 1
    own = said(ana, kind="own")
    assert ("Allowed messages" in own, "Why did I" in own) == (True, False)
    today, day = timezone.now().date(), timedelta(days=1)
    assert "4821" in said(ana, since=f"{today}", until=f"{today}")
    assert "Nothing fits" in said(ana, since=f"{today + day}")
    assert "Nothing fits" in said(ana, until=f"{today - day}")


def test_a_filter_that_makes_no_sense_says_so(ana: Client, world: Any) -> None:
    for query in ({"bank": "nowhere"}, {"kind": "ADS"}, {"since": "31.2.2026"}):
        answer = ana.get(PATH, query)
        assert (answer.status_code, "There is a problem" in answer.content.decode()) == (422, True)
        assert ana.get(f"{PATH}.csv", query).status_code == 404
    for before in ("x", "1.x", "-", f"{'0' * 32}.", f"{'f' * 33}.1"):
        assert ana.get(PATH, {"before": before}).status_code == 404
    assert ana.get(f"{PATH}.xlsx").status_code == 404


def on_all_pages(ana: Client, words: str) -> list[str]:
    """What matches, page after page."""
    texts, query = [], ""
    while True:
        page = ana.get(PATH + query).content.decode()
        texts += re.findall(words, page)
        older = re.search(r'href="(\?before=[0-9a-f.]+)" rel="next"', page)
        if older is None:
            return texts
        query = older[1]


def test_every_entry_stands_on_one_page_and_on_one_only(
    ana: Client, api: Any, world: Any, grant_path: Callable[[Any], str]
) -> None:
    for number in range(30):
        api.send()
        if number % 3 == 0:
            ana.post(f"{grant_path(world.ana)}/reconfirm")
    texts = on_all_pages(ana, r"Consent record|Confirmed that messages may come")
    assert (texts.count("Consent record"), len(texts)) == (30, 40)


def test_the_same_is_saved_as_csv_and_as_json(ana: Client, two_banks: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(file_of(ana, "csv"))))
    again = json.loads(file_of(ana, "json"))
    assert len(rows) == len(again) > 4
    assert [row["at"] for row in rows] == [row["at"] for row in again]
    (balance,) = [row for row in again if row["text"].startswith("Your account")]
    assert balance["bank"] == balance["who"] == "Norden Bank"
    assert balance["why"].startswith("ACCOUNT_UPDATES, consent record ")
    assert balance["reference"].startswith("ntf_")
    assert [one["bank"] for one in json.loads(file_of(ana, "json", kind="SHIPMENTS"))] == ["Harbour"]
    assert json.loads(file_of(ana, "json", until="2020-01-01")) == []


def test_a_file_is_read_in_parts_and_holds_nothing_that_a_spreadsheet_would_run(
    ana: Client, two_banks: Any
) -> None:
    before, grant = file_of(ana, "csv").splitlines(), two_banks.ana.grant
    whose = {"partner_id": grant.partner_id, "person_id": grant.person_id}
    with scope(Principal.system()), transaction.atomic():
        for _ in range(AT_ONCE):
            record(Code.CONSENT_RESUMED, actor=Principal(Kind.PERSON), target=grant, **whose)
    whole = file_of(ana, "csv")
    added = [line for line in whole.splitlines() if line not in before]
    assert len(added) == AT_ONCE
    assert sorted({*whole.splitlines()} - {*added}) == sorted(before)
    cells = [cell for row in csv.reader(io.StringIO(whole)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_what_was_erased_stays_as_a_line_without_its_text(ana: Client, two_banks: Any) -> None:
    with scope(Principal.system()), transaction.atomic():
        destroy_keys(partner_id=two_banks.bank.partner.id, person_id=two_banks.ana.person_id)
    page = said(ana)
    assert "What it said has been erased." in page
    assert "1,234.50" not in page


def test_nothing_in_the_trail_of_a_person_is_without_words(world: Any) -> None:
    from notifications.activity import OF_MESSAGES, WORDS

    named = {*WORDS, *OF_MESSAGES}
    about_people = {code for code in Code if code.startswith(ABOUT_PEOPLE)}
    assert about_people <= named
    with scope(Principal.system()), transaction.atomic():
        known = set(AuditEvent.objects.exclude(person_id=None).values_list("code", flat=True))
    assert known <= {str(code) for code in named}


def test_queries_do_not_grow_with_messages_or_banks(
    ana: Client, two_banks: Any, api: Any, django_assert_num_queries: Any
) -> None:
    ana.get(PATH)
    with CaptureQueriesContext(connection) as found:
        ana.get(PATH)
    count = len(found)
    assert count <= 25
    for _ in range(5):
        api.send()
    make_customer(
        two_banks.other, customer_ref="H-9", address="3019", accounts=two_banks.ben.accounts,
        clusters=[Cluster.RECEIPTS], person=two_banks.ben.person,
    )  # fmt: skip
    with django_assert_num_queries(count):
        ana.get(PATH)


def test_people_find_it_from_every_page_of_theirs(ana: Client, world: Any) -> None:
    page = ana.get("/me/").content.decode()
    assert '<a href="/me/activity">Activity</a>' in page
    assert '<a href="/me/" aria-current="page">' in page
    assert '<a href="/me/activity" aria-current="page">' in ana.get(PATH).content.decode()
