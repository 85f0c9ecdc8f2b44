"""The list of networks a client may call from: at the token endpoint, at use, and behind our proxies."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from partners.models import ApiClient
from portal.api.addresses import address_of, is_within

from .conftest import me, token_of

Create = Callable[..., tuple[ApiClient, str]]
INSIDE, OUTSIDE = "203.0.113.7", "198.51.100.1"


def test_the_list_holds_for_getting_and_for_using_a_token(create: Create) -> None:
    client, secret = create(networks="203.0.113.0/24\n2001:db8::/32")
    refused = token_of(client, secret, REMOTE_ADDR=OUTSIDE)
    assert refused.status_code == 401
    assert refused.json()["error_description"] == f"This client may not call from {OUTSIDE}."
    token = token_of(client, secret, REMOTE_ADDR=INSIDE).json()["access_token"]
    for _ in range(2):  # from the database, then remembered
        assert me(token, REMOTE_ADDR=INSIDE).status_code == 200
        answer = me(token, REMOTE_ADDR=OUTSIDE)
        assert (answer.status_code, answer.json()["code"]) == (403, "address_not_allowed")
        assert OUTSIDE in answer.json()["detail"]
    assert me(token, REMOTE_ADDR="2001:db8::7").status_code == 200


def test_a_wrong_secret_learns_nothing_of_the_list(create: Create) -> None:
    client, _ = create(networks=INSIDE)
    answer = token_of(client, "sec_wrong", REMOTE_ADDR=OUTSIDE)
    assert answer.status_code == 401
    assert "may not call" not in answer.content.decode()


def test_a_claimed_address_counts_only_behind_our_own_proxy(create: Create, settings: Any) -> None:
    client, secret = create(networks=INSIDE)
    claim = {"REMOTE_ADDR": OUTSIDE, "HTTP_X_FORWARDED_FOR": INSIDE}
    assert token_of(client, secret, **claim).status_code == 401
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert token_of(client, secret, **claim).status_code == 200
    forged = {**claim, "HTTP_X_FORWARDED_FOR": f"{INSIDE}, {OUTSIDE}"}
    assert token_of(client, secret, **forged).status_code == 401


@pytest.mark.parametrize(
    ("count", "told", "expected"),
    [
        (0, INSIDE, "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, INSIDE, INSIDE),
        (2, f"evil, {INSIDE}, {OUTSIDE}", INSIDE),
        (2, INSIDE, "10.0.0.1"),
    ],
)
def test_the_address_is_what_our_outermost_proxy_saw(
    count: int, told: str, expected: str, settings: Any
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = count
    assert address_of({"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": told}) == expected


@pytest.mark.parametrize(
    ("address", "networks", "expected"),
    [
        ("::ffff:203.0.113.7", ["203.0.113.0/24"], True),
        ("203.0.113.7", ["2001:db8::/32"], False),
        ("fe80::1%eth0", ["fe80::/10"], True),
        ("", ["203.0.113.0/24"], False),
        ("unix:", ["203.0.113.0/24"], False),
    ],
)
def test_every_form_of_an_address_is_understood(address: str, networks: list[str], expected: bool) -> None:
    assert is_within(address, networks) is expected


def test_networks_are_shown_as_they_are_kept(owner: Client, create: Create) -> None:
    client, _ = create(networks=" 203.0.113.7 \n\n203.0.113.7/32\n2001:DB8::/32")
    assert client.allowed_networks == ["203.0.113.7/32", "2001:db8::/32"]
