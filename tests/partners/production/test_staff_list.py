"""The staff's list of banks, and how much waits for them."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from notifications.models import TemplateVersion
from partners.models import AgreementVersion, Partner, Production, Submission
from partners.views.staff_partner import PAGE
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.partners.clients.kit import signed_in

pytestmark = pytest.mark.django_db
SYSTEM = Principal.system()


@pytest.fixture
def reviewer(world: SimpleNamespace) -> Client:
    return signed_in(world.staff.first.user, is_fresh=False)


def listed(http: Client, query: str = "") -> list[str]:
    """The banks on the page, in order."""
    page = http.get(f"/staff/partners{query}").content.decode()
    return re.findall(r'<td data-label="Bank"><a href="/staff/partners/([a-z-]+)">', page)


def ask_to_go_live(world: SimpleNamespace) -> None:
    with scope(SYSTEM):
        Production.objects.filter(partner=world.bank.partner).update(
            requested_at=timezone.now(), enabled_at=None
        )


def test_banks_are_found_by_name_state_and_what_they_ask(world: SimpleNamespace, reviewer: Client) -> None:
    assert listed(reviewer) == ["harbour", "norden"]
    assert listed(reviewer, "?name=NORD") == ["norden"]
    assert listed(reviewer, "?name=nord&status=ACTIVE") == ["norden"]
    assert listed(reviewer, "?name=nord&status=SUSPENDED") == []
    assert listed(reviewer, "?name=%25") == []
    assert listed(reviewer, "?status=asking") == []
    ask_to_go_live(world)
    assert listed(reviewer, "?status=asking") == ["norden"]
    assert listed(reviewer, "?status=asking&name=harbour") == []


def test_the_pages_keep_what_was_searched(world: SimpleNamespace, reviewer: Client) -> None:
    rows = [Partner(name=f"Bar {one:02}", slug=f"bar-{one}", status="ACTIVE") for one in range(PAGE - 1)]
    with scope(SYSTEM), transaction.atomic():
        Partner.objects.bulk_create([*rows, Partner(name="Bar", slug="bar", status="SUSPENDED")])
    page = reviewer.get("/staff/partners?name=r&status=ACTIVE").content.decode()
    [more] = re.findall(r'<a href="([^"]+)" rel="next">', page)
    assert listed(reviewer, more.replace("&amp;", "&")) == ["norden"]


def test_the_queue_says_how_much_waits(world: SimpleNamespace, reviewer: Client) -> None:
    def counts() -> dict[str, Any]:
        page = reviewer.get("/staff/reviews").content.decode()
        found = re.findall(r"<dt>([^<]+)</dt><dd>(?:<a href=\"([^\"]+)\">)?(\d+)", page)
        return {name: (int(count), url.replace("&amp;", "&")) for name, url, count in found}

    names = [
        "Banks to verify",
        "Agreements to answer or sign",
        "Banks that ask to go live",
        "Templates to review",
    ]
    assert counts() == dict.fromkeys(names, (0, ""))
    ask_to_go_live(world)
    with scope(SYSTEM):
        Submission.objects.filter(partner=world.bank.partner).update(status="WAITING")
        AgreementVersion.objects.filter(partner=world.other.partner).update(status="ACCEPTED")
        waiting = TemplateVersion.objects.filter(partner=world.bank.partner).values("pk")[:3]
        TemplateVersion.objects.filter(pk__in=waiting).update(status="SUBMITTED")
    found = counts()
    assert [found[name][0] for name in names] == [1, 1, 1, 3]
    assert [reviewer.get(url).status_code for _, url in found.values() if url] == [200] * 3
