"""What is in force caps clients, tokens, templates and grants, and each refusal names the clause."""

from typing import Any

import pytest
from django.test import Client

from consents.actions.give import give_consent
from consents.models import Customer, LinkedAccount
from consents.records import Account, Choice
from notifications.actions.templates import draft_template, submit_template
from partners.access import member_principal
from partners.actions.clients import create_client
from partners.agreement_impact import affected_by
from partners.models import AgreementVersion
from partners.refusals import Refused
from tests.notifications.conftest import Api

from .conftest import SYSTEM, TERMS, agreed, as_system, in_force, text_of

NARROW = ["BALANCES", "FRAUD_ALERTS"]
RECEIPT = {"merchant": "Kiosk", "total": {"value": "3.00", "currency": "USD"}, "reference": "R-1"}


def test_a_live_client_is_not_made_with_more_than_the_agreement_covers(desk: Any) -> None:
    agreed(desk, clusters=NARROW)
    more = {"partner_id": desk.partner.id, "name": "New", "scopes": ["notify:receipts"], "actor": SYSTEM}
    with pytest.raises(Refused, match=r"does not cover RECEIPTS: see its clause 2\.1"):
        create_client(environment="live", **more)
    assert create_client(environment="sandbox", **more)[0].scopes == ["notify:receipts"]


def test_a_token_in_use_and_a_new_one_lose_what_an_amendment_takes(desk: Any) -> None:
    client = desk.world.bank.clients["live"]
    before = Api(client)
    agreed(desk, clusters=NARROW)
    refused = before.send("receipt", RECEIPT)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert "notify:receipts is outside your agreement: see clause 2.1." in refused.json()["detail"]
    assert before.send().status_code == 202
    after = Api(client).send("receipt", RECEIPT)
    assert after.status_code == 403
    assert "outside your agreement: see clause 2.1." in after.json()["detail"]
    form = {"grant_type": "client_credentials", "scope": "notify:receipts"}
    form |= {"client_id": client.client_id, "client_secret": client.client_secret}
    answer = Client().post("/oauth/token", form).json()
    assert answer["error"] == "invalid_scope"
    assert "notify:receipts is outside your agreement: see clause 2.1." in answer["error_description"]


def test_the_sandbox_is_not_capped(desk: Any) -> None:
    agreed(desk, clusters=NARROW)
    client = desk.world.bank.clients["sandbox"]
    form = {"grant_type": "client_credentials", "scope": "notify:receipts"}
    form |= {"client_id": client.client_id, "client_secret": client.client_secret}
    assert Client().post("/oauth/token", form).json()["scope"] == "notify:receipts"


def test_a_channel_that_was_taken_is_named_with_its_own_clause(desk: Any) -> None:
    api = Api(desk.world.bank.clients["live"])
    agreed(desk, channels=["whatsapp"])
    refused = api.send()
    assert refused.status_code == 403
    assert "This channel is outside your agreement: see clause 2.2." in refused.json()["detail"]


def test_a_template_outside_is_not_submitted(desk: Any) -> None:
    agreed(desk, clusters=NARROW)
    owner, _ = member_principal(desk.owner.user, "norden")
    body = "Paid at {{ merchant }}: {{ total }}, reference {{ reference }}."
    draft = draft_template(name="paid", cluster="RECEIPTS", locale="en", body=body, actor=owner)
    with pytest.raises(Refused, match=r"does not cover RECEIPTS: see its clause 2\.1"):
        submit_template(version_id=draft.id, actor=owner)


@pytest.mark.parametrize(
    ("clusters", "days", "sentence"),
    [
        (["RECEIPTS"], 30, r"RECEIPTS: see its clause 2\.1"),
        (["BALANCES"], 91, r"1 and 90 days \(clause 3\.2"),
    ],
)
def test_a_grant_stays_within_the_agreement(desk: Any, clusters: list[str], days: int, sentence: str) -> None:
    agreed(desk, clusters=NARROW, longest_grant_days="90")
    with as_system():
        account = LinkedAccount.objects.filter(partner=desk.partner).first()
        customer = Customer.objects.get(partner=desk.partner, person_id=account.person_id)
    with pytest.raises(Refused, match=sentence):
        give_consent(
            customer=customer,
            account=account,
            choice=Choice(clusters, [Account("acc", "•• 1", "Current account")], days, "All of it"),
            actor=SYSTEM,
        )


@pytest.mark.parametrize(
    ("changes", "asked", "narrowed"),
    [
        ({"clusters": NARROW}, 0, 2),
        ({"clusters": ["BALANCES", "FRAUD_ALERTS", "RECEIPTS"]}, 0, 0),
        ({"clusters": [*TERMS["clusters"], "CHAT"]}, 2, 0),
        ({"retention_days": "91"}, 2, 0),
        ({"retention_days": "30"}, 0, 0),
        ({"countries": "US, DE"}, 2, 0),
        ({"channels": ["whatsapp"]}, 0, 2),
        ({"channels": ["messenger", "whatsapp"], "notice_days": "60"}, 0, 0),
    ],
)
def test_a_preview_counts_whom_an_amendment_asks_again(
    desk: Any, changes: dict[str, Any], asked: int, narrowed: int, django_assert_num_queries: Any
) -> None:
    preview = desk.first.post(desk.offer_page, {**TERMS, **changes, "preview": "1"})
    page = text_of(preview)
    assert "Preview: not offered yet" in page
    assert "2 people are connected now." in page
    assert f"{asked} must be asked again" in page
    assert f"{narrowed} lose a kind of message or a channel at once" in page
    with as_system():
        assert not AgreementVersion.objects.open().exists(), "a preview writes nothing"
    current = in_force(desk.partner)
    with (
        as_system(),
        django_assert_num_queries(1 + 2),
    ):  # the role is taken on and given back around one query
        assert affected_by(current).live == 2
