"""A bank's deliveries, as its members see them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from guardian.shortcuts import remove_perm

from notifications.causes import CAUSES, PASSING, cause_of
from notifications.models import Attempt, Delivery
from partners.models import Membership
from partners.roles import group_name
from portal.accounts.actions import create_person_user
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from tests.conftest import PASSWORD

from .conftest import BALANCE, Api

pytestmark = pytest.mark.django_db
LIST = "/partners/norden/deliveries"
RECEIPT = {
    "merchant": "Corner Bakery",
    "total": {"value": "12.40", "currency": "USD"},
    "purchased_at": "2026-11-23T09:30:00Z",
    "reference": "R-77123",
}


def sign_in(user: Any) -> Client:
    http = Client()
    http.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return http


@pytest.fixture
def analyst(world: Any) -> Client:
    """Norden's."""
    return sign_in(world.bank.members[1].user)


def text(response: Any) -> str:
    html = response.content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", html[html.index("<main") :]).split())


def ids(response: Any) -> list[str]:
    """The messages of a list, in its order."""
    return re.findall(r"<code>(ntf_[0-9a-f]{32})</code>", response.content.decode())


def put(status: str, reason: str = "", **values: Any) -> None:
    """What a provider or time would bring about, for every delivery."""
    with scope(Principal.system()), transaction.atomic():
        Delivery.objects.update(status=status, reason=reason, **values)


def tried(*outcomes: tuple[str, str]) -> None:
    with scope(Principal.system()), transaction.atomic():
        (found,) = Delivery.objects.all()
        for number, (outcome, code) in enumerate(outcomes, start=1):
            Attempt.objects.create(
                delivery=found,
                partner_id=found.partner_id,
                person_id=found.person_id,
                at=timezone.now(),
                duration_ms=40 + number,
                outcome=outcome,
                code=code,
                next_attempt_at=None
                if outcome == "sent"
                else timezone.now() + timedelta(minutes=2, seconds=30),
            )


def test_the_newest_comes_first_with_status_kind_and_both_times(analyst: Client, api: Api) -> None:
    older, newer = api.send().json()["id"], api.send("receipt", RECEIPT).json()["id"]
    page = analyst.get(LIST)
    assert ids(page) == [newer, older]
    assert re.search(
        rf"{newer} Waiting Receipts now \d+ \w+ 20\d\d, \d\d:\d\d UTC {older} Waiting Balances",
        text(page),
    )
    assert re.search(r'<span class="status info"><svg[^>]*>', page.content.decode())
    assert "Sandbox: nothing here" not in page.content.decode()


def test_filters_narrow_and_nonsense_counts_as_nothing(analyst: Client, api: Api) -> None:
    balance, receipt = api.send().json()["id"], api.send("receipt", RECEIPT).json()["id"]
    with scope(Principal.system()), transaction.atomic():
        Delivery.objects.filter(notification__cluster="RECEIPTS").update(status="FAILED")
    assert ids(analyst.get(f"{LIST}?cluster=BALANCES")) == [balance]
    assert ids(analyst.get(f"{LIST}?status=FAILED")) == [receipt]
    assert ids(analyst.get(f"{LIST}?status=FAILED&cluster=BALANCES")) == []
    assert "No delivery fits what you chose." in text(analyst.get(f"{LIST}?status=READ"))
    assert ids(analyst.get(f"{LIST}?status=GOOD&cluster=ADS&environment=moon")) == [receipt, balance]
    page = analyst.get(f"{LIST}?status=FAILED").content.decode()
    assert '<option value="FAILED" selected>Failed</option>' in page


def test_live_and_sandbox_are_never_mixed(analyst: Client, api: Api) -> None:
    shown = api.send().json()["id"]
    assert ids(analyst.get(f"{LIST}?environment=live")) == [shown]
    sandbox = analyst.get(f"{LIST}?environment=sandbox")
    assert ids(sandbox) == []
    assert "No sandbox deliveries yet" in text(sandbox)
    assert "Sandbox: nothing here reaches a real person" in sandbox.content.decode()


def test_an_empty_list_says_what_will_appear(analyst: Client) -> None:
    assert "No live deliveries yet A message appears here as soon as the API has accepted it." in text(
        analyst.get(LIST)
    )


def test_pages_follow_one_another_and_keep_the_filter(analyst: Client, api: Api) -> None:
    sent = [api.send().json()["id"] for _ in range(52)][::-1]
    first = analyst.get(f"{LIST}?cluster=BALANCES")
    assert ids(first) == sent[:50]
    older = re.search(r'href="(\?[^"]+)" rel="next"', first.content.decode())
    assert older is not None
    query = older[1].replace("&amp;", "&")
    assert "cluster=BALANCES" in query
    second = analyst.get(LIST + query)
    assert ids(second) == sent[50:]
    assert 'rel="next"' not in second.content.decode()
    assert analyst.get(f"{LIST}?before=nonsense").status_code == 404


def test_detail_has_timeline_attempts_and_causes_in_words(analyst: Client, api: Api) -> None:
    one = api.send().json()["id"]
    tried(("throttled", "613"), ("transient", "connection_refused"), ("unreachable", "551/1545041"))
    put("FAILED", "unreachable:551/1545041", ended_at=timezone.now())
    page = text(analyst.get(f"{LIST}/{one}"))
    assert page.count(CAUSES["unreachable"]) == 3  # on top, in the timeline, with the attempt
    assert "Tried : held back" in page
    assert (
        "Held back 613 The platform asked us to slow down; it is tried again by itself. 2 minutes from now"
        in page
    )
    assert "The platform could not be reached; it is tried again by itself." in page
    assert "41 ms" in page
    assert "balance_update, version 1 (en)" in page
    assert "Status Failed unreachable:551/1545041" in page


def test_what_passes_by_itself_says_how_it_ended(analyst: Client, api: Api) -> None:
    one = api.send().json()["id"]
    for status, words in (
        ("QUEUED", "The platform had a fault for the moment; it is tried again by itself."),
        ("FAILED", "The platform had a fault for the moment; it was tried several times and given up."),
        (
            "EXPIRED",
            "The platform had a fault for the moment; the next try would have come after it expired.",
        ),
    ):
        put(status, "transient:1200")
        assert words in text(analyst.get(f"{LIST}/{one}"))


def test_every_cause_is_one_sentence() -> None:
    for reason in (*CAUSES, *PASSING):
        assert re.fullmatch(r"[A-Z][^.]+\.", cause_of(reason)), reason
    assert cause_of("permanent:100/1893029") == CAUSES["permanent"]
    assert cause_of("") == ""


def test_neither_content_nor_address_nor_the_bank_s_own_data_is_shown(analyst: Client, api: Api) -> None:
    one = api.send("receipt", RECEIPT).json()["id"]
    other = api.send(data=BALANCE).json()["id"]
    for path in (LIST, f"{LIST}/{one}", f"{LIST}/{other}"):
        page = analyst.get(path).content.decode()
        for secret in (
            "Corner Bakery",
            "R-77123",
            "12.40",
            "1,234.50",
            "acc-ana",
            "4821",
            "2001",
            "CUST-1",
            "ana@",
        ):
            assert secret not in re.sub(r"[0-9a-f]{32}", "", page), (path, secret)


def test_strangers_and_foreign_ids_get_404(analyst: Client, api: Api, api_of: Any, world: Any) -> None:
    mine = api.send().json()["id"]
    foreign = (
        api_of(world.other.clients["live"]).send(data={**BALANCE, "account": "acc-charlie"}).json()["id"]
    )
    assert analyst.get(f"{LIST}/{mine}").status_code == 200
    for path in (
        f"{LIST}/{foreign}",
        f"{LIST}/{mine[:-1]}",
        f"{LIST}/ntf_{'0' * 32}",
        "/partners/harbour/deliveries",
    ):
        assert analyst.get(path).status_code == 404, path
    stranger = sign_in(world.other.members[0].user)
    for path in (LIST, f"{LIST}/{mine}"):
        assert stranger.get(path).status_code == 404


def test_a_colleague_without_the_permission_reads_who_has_it(analyst: Client, api: Api, world: Any) -> None:
    one = api.send().json()["id"]
    with scope(Principal.system()):
        from django.contrib.auth.models import Group

        group = Group.objects.get(name=group_name(world.bank.partner.id, Membership.Role.ANALYST))
        remove_perm("partners.deliveries:read", group, world.bank.partner)
    for path in (LIST, f"{LIST}/{one}"):
        answer = analyst.get(path)
        assert answer.status_code == 403
        assert "Your role does not include this." in text(answer)
        assert "Owner" in text(answer)
        assert one not in answer.content.decode()


def test_without_a_second_step_it_is_set_up_first(world: Any) -> None:
    user = create_person_user(email="one-step@norden.example", password=PASSWORD, name="One step")
    answer = sign_in(user).get(LIST, follow=True)
    assert answer.redirect_chain[0][0] == "/accounts/2fa/"
    assert "Set up a second step to sign in before you open your bank’s pages." in text(answer)


def test_nobody_signed_in_is_sent_to_sign_in(world: Any) -> None:
    assert Client().get(LIST)["Location"] == f"/accounts/login/?next={LIST}"


def test_the_number_of_queries_does_not_grow(analyst: Client, api: Api) -> None:
    one = api.send().json()["id"]
    tried(("throttled", "613"))

    def count(path: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert analyst.get(path).status_code == 200
        return len(queries)

    few = count(LIST), count(f"{LIST}/{one}")
    for _ in range(8):
        api.send()
    tried_more(8)
    assert (count(LIST), count(f"{LIST}/{one}")) == few
    assert max(few) <= 24


def tried_more(times: int) -> None:
    with scope(Principal.system()), transaction.atomic():
        first = Attempt.objects.get()
        for number in range(times):
            first.pk, first.number = None, number + 2
            first.save(force_insert=True)


def test_the_pages_have_the_menu_and_say_in_which_environment_one_is(analyst: Client, api: Api) -> None:
    sent = api.send().json()["id"]
    for path in (LIST, f"{LIST}/{sent}"):
        page = analyst.get(path).content.decode()
        assert f'href="{LIST}" aria-current' in page, path
        assert "Sandbox: nothing here reaches a real person" not in page
    assert (
        "Sandbox: nothing here reaches a real person"
        in analyst.get(f"{LIST}?environment=sandbox").content.decode()
    )
