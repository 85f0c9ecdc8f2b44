"""What a bank may not name: nothing inside is ever reached, and a refusal writes nothing."""

from typing import Any

import pytest

from partners.actions.webhooks import add_endpoint, change_endpoint
from partners.webhooks.engine import deliver_due
from portal.outbound import NotAllowed

from .conftest import ask, fresh

PROBES = [
    "http://bank.example/hook", "https://bank.example:8443/hook", "ftp://bank.example/", "bank.example", "https://",
    "https://127.0.0.1/", "https://[::1]/", "https://localhost/", "https://2130706433/", "https://10.1/",
    "https://169.254.169.254/latest/meta-data/", "https://[::ffff:10.0.0.1]/", "https://[fe80::1]/",
    "https://user:password@bank.example/", "https://bank.example/#fragment", "https://[bad/", "javascript:alert(1)",
    "file:///etc/passwd", "gopher://bank.example/", "https://bank.example/a b", "https://bank.example/\r\nHost: inside",
]  # fmt: skip
TABLES = ("partners_webhookendpoint", "partners_webhookmessage", "partners_webhookdelivery")


def written() -> list[Any]:
    return [ask(f"SELECT count(*), max(xmin::text) FROM {table}") for table in TABLES]


@pytest.mark.parametrize("url", PROBES)
def test_a_probe_is_refused_with_a_sentence_and_nothing_is_written(
    bank: Any, settings: Any, url: str
) -> None:
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    endpoint, _ = bank.add("https://bank.example/hook")
    before = written()
    with pytest.raises(NotAllowed, match=r"^[A-Z].*\.$"):
        add_endpoint(partner_id=bank.partner.id, environment="sandbox", actor=bank.owner, url=url)
    with pytest.raises(NotAllowed, match=r"^[A-Z].*\.$"):
        change_endpoint(endpoint_id=endpoint.id, actor=bank.owner, url=url)
    assert written() == before


def test_a_name_that_leads_inside_is_refused_when_the_socket_is_made(bank: Any, settings: Any) -> None:
    """No name of this kind is sure to exist; to the resolver this number is one."""
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    endpoint, _ = bank.add("https://0x7f.1/hook")
    deliver_due()
    assert fresh(endpoint).verified_at is None
    [[error]] = ask("SELECT error FROM partners_webhookattempt")
    assert (
        error == "The host name leads to an address that is not on the public internet, so nothing was sent."
    )


def test_what_was_allowed_once_is_judged_again_before_each_try(bank: Any, server: Any, settings: Any) -> None:
    endpoint, _ = bank.add(server.url())
    settings.OUTBOUND_ALLOW_LOOPBACK = False
    deliver_due()
    assert server.calls == []
    assert fresh(endpoint).verified_at is None
    [[error]] = ask("SELECT error FROM partners_webhookattempt")
    assert error == "The address must begin with https:// and use the usual port."
