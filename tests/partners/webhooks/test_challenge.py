"""An address proves that it wants to hear from us before it hears anything."""

from typing import Any
from uuid import uuid4

import pytest

from partners.actions.webhooks import change_endpoint, enable_endpoint, resend
from partners.webhooks.engine import deliver_due

from .conftest import answer, ask, deliveries, fresh, let_time_pass, verified


@pytest.mark.parametrize("form", ["the whole event", "the text alone", "a JSON object"])
def test_the_token_in_a_2xx_answer_proves_it(bank: Any, server: Any, form: str) -> None:
    forms = {
        "the whole event": lambda call: call.body,
        "the text alone": lambda call: call.json["data"]["challenge"].encode(),
        "a JSON object": lambda call: b'{"challenge": "%s"}' % call.json["data"]["challenge"].encode(),
    }
    server.behaviours["/hook"] = lambda call: (200, {}, forms[form](call))
    endpoint, secret = bank.add(server.url())
    deliver_due()
    assert fresh(endpoint).verified_at is not None
    [call] = server.at(challenges=True)
    assert verified(call, secret)["type"] == "webhook.challenge"


@pytest.mark.parametrize("behaviour", [answer(200, b"hello"), answer(204), answer(500)])
def test_anything_else_does_not_and_events_wait_until_something_does(
    bank: Any, server: Any, behaviour: Any
) -> None:
    server.behaviours["/hook"] = behaviour
    endpoint, _ = bank.add(server.url())
    deliver_due()
    bank.tell(grant_id=uuid4())
    deliver_due()
    assert fresh(endpoint).verified_at is None
    assert server.at() == []
    del server.behaviours["/hook"]
    let_time_pass()
    deliver_due()
    assert fresh(endpoint).verified_at is not None
    assert len(server.at()) == 1
    assert deliveries(endpoint)[0].status == "DELIVERED"


def test_what_came_back_is_kept(bank: Any, server: Any) -> None:
    server.behaviours["/hook"] = answer(200, b"hello")
    bank.add(server.url())
    deliver_due()
    [[status, error]] = ask("SELECT response_status, error FROM partners_webhookattempt")
    assert (status, error) == (200, "The answer does not hold the challenge.")


def test_another_address_is_challenged_before_it_gets_what_waits(bank: Any, server: Any) -> None:
    endpoint = bank.listen(server.url("/first"))
    server.behaviours["/second"] = answer(500)
    change_endpoint(endpoint_id=endpoint.id, actor=bank.owner, url=server.url("/second"))
    bank.tell()
    deliver_due()
    assert (len(server.at("/first")), len(server.at("/second"))) == (0, 0)
    del server.behaviours["/second"]
    let_time_pass()
    deliver_due()
    assert (len(server.at("/first")), len(server.at("/second"))) == (0, 1)


def test_a_later_challenge_takes_the_place_of_an_earlier_one(bank: Any, server: Any) -> None:
    server.behaviours["/first"] = answer(500)
    endpoint, _ = bank.add(server.url("/first"))
    deliver_due()
    change_endpoint(endpoint_id=endpoint.id, actor=bank.owner, url=server.url("/second"))
    let_time_pass()
    deliver_due()
    assert fresh(endpoint).verified_at is not None
    assert len(server.at("/first", challenges=True)) == 1
    assert len(server.at("/second", challenges=True)) == 1


def test_a_challenge_can_be_sent_again_by_hand(bank: Any, server: Any) -> None:
    server.behaviours["/hook"] = answer(500)
    endpoint, _ = bank.add(server.url())
    deliver_due()
    del server.behaviours["/hook"]
    deliver_due()
    assert fresh(endpoint).verified_at is None
    resend(endpoint_id=endpoint.id, delivery_id=endpoint.challenge_id, actor=bank.owner)
    deliver_due()
    assert fresh(endpoint).verified_at is not None


def test_one_that_is_never_answered_disables_the_endpoint_and_a_new_one_enables_it(
    bank: Any, server: Any
) -> None:
    server.behaviours["/hook"] = answer(200)
    endpoint, _ = bank.add(server.url())
    for _ in range(8):
        deliver_due()
        let_time_pass()
    found = fresh(endpoint)
    assert (found.status, found.status_reason) == ("DISABLED", "challenge")
    del server.behaviours["/hook"]
    enable_endpoint(endpoint_id=endpoint.id, actor=bank.owner)
    deliver_due()
    found = fresh(endpoint)
    assert found.status == "ENABLED"
    assert found.verified_at is not None
