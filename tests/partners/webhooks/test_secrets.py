"""The signing secret: kept sealed, and replaced without a moment in which a bank could not verify."""

from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from partners.actions.webhooks import rotate_secret
from partners.refusals import Refused
from partners.webhooks.engine import deliver_due

from .conftest import ask, fresh, seconds_until, verified


def test_while_both_live_either_verifies_and_afterwards_the_new_one_alone(bank: Any, server: Any) -> None:
    endpoint, old = bank.add(server.url())
    endpoint, new = rotate_secret(endpoint_id=endpoint.id, expire_old_in=3600, actor=bank.owner)
    deliver_due()
    bank.tell()
    deliver_due()
    [call] = server.at()
    assert verified(call, old) == verified(call, new)
    assert len(call.headers["webhook-signature"].split(" ")) == 2
    assert 3590 < seconds_until(endpoint.old_secret_until) <= 3600
    ask("UPDATE partners_webhookendpoint SET old_secret_until = now()")
    bank.tell()
    deliver_due()
    call = server.at()[-1]
    assert verified(call, new)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(call.body, call.headers)


def test_the_old_one_can_end_now(bank: Any, server: Any) -> None:
    endpoint, old = bank.add(server.url())
    _, new = rotate_secret(endpoint_id=endpoint.id, expire_old_in=0, actor=bank.owner)
    deliver_due()
    [call] = server.at(challenges=True)
    assert verified(call, new)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(call.body, call.headers)


def test_two_live_at_most_and_for_seven_days(bank: Any, server: Any) -> None:
    endpoint, _ = bank.add(server.url())
    with pytest.raises(Refused, match="seven days"):
        rotate_secret(endpoint_id=endpoint.id, expire_old_in=7 * 86_400 + 1, actor=bank.owner)
    rotate_secret(endpoint_id=endpoint.id, expire_old_in=7 * 86_400, actor=bank.owner)
    with pytest.raises(Refused, match="Two secrets live"):
        rotate_secret(endpoint_id=endpoint.id, expire_old_in=60, actor=bank.owner)
    rotate_secret(endpoint_id=endpoint.id, expire_old_in=0, actor=bank.owner)
    assert fresh(endpoint).old_secret is None


def test_a_secret_is_random_of_its_form_and_sealed(bank: Any, server: Any) -> None:
    secrets = {bank.add(server.url())[1] for _ in range(3)}
    assert len(secrets) == 3
    for secret in secrets:
        assert secret.startswith("whsec_")
        assert len(Webhook(secret)._whsecret) == 32
    kept = b"".join(bytes(row[0]) for row in ask("SELECT secret FROM partners_webhookendpoint"))
    assert not any(secret.encode() in kept or Webhook(secret)._whsecret in kept for secret in secrets)
