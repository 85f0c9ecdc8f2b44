"""When we stop sending to an endpoint, whom we tell, and that nothing it missed is lost."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail

from partners.actions.partners import add_member
from partners.actions.webhooks import delete_endpoint, disable_endpoint, enable_endpoint, recover, resend
from partners.refusals import Refused
from partners.webhooks.engine import deliver_due
from portal.accounts.models import User
from portal.mail.outbox import send_due_mail

from .conftest import answer, ask, deliveries, fresh, let_time_pass

AN_HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)


def test_410_disables_at_once_and_ends_what_waits(bank: Any, server: Any) -> None:
    endpoint = bank.listen(server.url())
    server.behaviours["/hook"] = answer(410)
    grant = uuid4()
    for _ in range(3):
        bank.tell(grant_id=grant)
    deliver_due()
    assert len(server.at()) == 1
    found = fresh(endpoint)
    assert (found.status, found.status_reason) == ("DISABLED", "gone")
    deliver_due()
    assert {(row.status, row.reason) for row in deliveries(endpoint)} == {("FAILED", "endpoint_disabled")}


def failing_for(endpoint: Any, days: float, last: float = 0.1) -> None:
    ask(
        "UPDATE partners_webhookendpoint SET failing_since = now() - make_interval(secs => %s),"
        " failed_at = now() - make_interval(secs => %s) WHERE id = %s",
        days * 86_400,
        last * 86_400,
        endpoint.id,
    )


def test_five_days_of_failure_disable_and_mail_those_who_can_repair_it(bank: Any, server: Any) -> None:
    developer, analyst = (User.objects.create(email=f"{name}@norden.example") for name in ("dev", "analyst"))
    add_member(partner_id=bank.partner.id, user=developer, role="developer", actor=bank.owner)
    add_member(partner_id=bank.partner.id, user=analyst, role="analyst", actor=bank.owner)
    endpoint = bank.listen(server.url())
    server.behaviours["/hook"] = answer(500)
    bank.tell()
    failing_for(endpoint, 4.9)
    deliver_due()
    assert fresh(endpoint).status == "ENABLED"
    failing_for(endpoint, 5.1)
    let_time_pass()
    deliver_due()
    assert (fresh(endpoint).status, fresh(endpoint).status_reason) == ("DISABLED", "failing")
    assert send_due_mail() == 2
    assert {message.to[0] for message in mail.outbox} == {"owner@norden.example", "dev@norden.example"}
    message = mail.outbox[0]
    assert message.subject == "Norden: we stopped sending sandbox webhooks to one of your endpoints"
    html, _ = message.alternatives[0]
    for text in (message.body, html):
        assert server.url() in text
        assert f"/partners/norden/webhooks/whk_{endpoint.id.hex}" in text


def test_a_success_between_ends_the_series(bank: Any, server: Any) -> None:
    endpoint = bank.listen(server.url())
    failing_for(endpoint, 6)
    bank.tell()
    deliver_due()
    assert fresh(endpoint).failing_since is None
    server.behaviours["/hook"] = answer(500)
    bank.tell()
    deliver_due()
    assert fresh(endpoint).status == "ENABLED"


def test_two_failures_a_week_apart_are_no_series(bank: Any, server: Any) -> None:
    endpoint = bank.listen(server.url())
    failing_for(endpoint, 7, last=7)
    server.behaviours["/hook"] = answer(500)
    bank.tell()
    deliver_due()
    assert fresh(endpoint).status == "ENABLED"


def test_what_came_while_it_was_disabled_is_recovered_in_order(bank: Any, server: Any) -> None:
    endpoint = bank.listen(server.url())
    disable_endpoint(endpoint_id=endpoint.id, actor=bank.owner)
    grant = uuid4()
    for number in range(4):
        bank.tell(grant_id=grant, n=number)
    deliver_due()
    assert server.at() == []
    with pytest.raises(Refused, match="enable it first"):
        recover(endpoint_id=endpoint.id, since=AN_HOUR_AGO, actor=bank.owner)
    enable_endpoint(endpoint_id=endpoint.id, actor=bank.owner)
    deliver_due()
    assert server.at() == []
    assert recover(endpoint_id=endpoint.id, since=AN_HOUR_AGO, actor=bank.owner) == 4
    deliver_due()
    assert [call.json["data"]["n"] for call in server.at()] == [0, 1, 2, 3]
    assert recover(endpoint_id=endpoint.id, since=AN_HOUR_AGO, actor=bank.owner) == 0


def test_recovering_takes_only_what_is_later(bank: Any, server: Any) -> None:
    endpoint = bank.listen(server.url())
    disable_endpoint(endpoint_id=endpoint.id, actor=bank.owner)
    bank.tell()
    enable_endpoint(endpoint_id=endpoint.id, actor=bank.owner)
    soon = datetime.now(UTC) + timedelta(seconds=1)
    assert recover(endpoint_id=endpoint.id, since=soon, actor=bank.owner) == 0


def test_one_is_sent_again_under_its_id_and_what_waits_at_once(bank: Any, server: Any) -> None:
    endpoint = bank.listen(server.url())
    bank.tell()
    deliver_due()
    [row] = deliveries(endpoint)
    server.behaviours["/hook"] = answer(500)
    resend(endpoint_id=endpoint.id, delivery_id=row.id, actor=bank.owner)
    deliver_due()
    assert deliveries(endpoint)[0].status == "PENDING"
    server.behaviours["/hook"] = answer()
    resend(endpoint_id=endpoint.id, delivery_id=row.id, actor=bank.owner)
    deliver_due()
    [row] = deliveries(endpoint)
    assert (row.status, row.attempts) == ("DELIVERED", 2)
    assert len({call.id for call in server.at()}) == 1


def test_a_deleted_endpoint_gets_nothing_and_forgets_its_secret(bank: Any, server: Any) -> None:
    endpoint = bank.listen(server.url())
    bank.tell()
    delete_endpoint(endpoint_id=endpoint.id, actor=bank.owner)
    deliver_due()
    bank.tell()
    deliver_due()
    assert server.at() == []
    assert bytes(fresh(endpoint).secret) == b""
    assert [(row.status, row.reason) for row in deliveries(endpoint)] == [("FAILED", "endpoint_deleted")]


def test_a_bank_that_has_left_hears_nothing_more(bank: Any, server: Any) -> None:
    endpoint = bank.listen(server.url())
    bank.tell()
    ask("UPDATE partners_partner SET status = 'SURRENDERED' WHERE id = %s", bank.partner.id)
    deliver_due()
    bank.tell()
    deliver_due()
    assert server.at() == []
    assert [(row.status, row.reason) for row in deliveries(endpoint)] == [("FAILED", "partner_ended")]
