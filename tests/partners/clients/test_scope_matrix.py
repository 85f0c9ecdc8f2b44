"""Every scope × (in the agreement, not in it, suspended, sandbox, live): what a token may carry and do."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from partners.actions.clients import create_client, forget_tokens_of
from partners.actions.partners import change_partner_status
from partners.clusters import ALL_SCOPES, Cluster
from partners.models import AgreementVersion
from partners.refusals import Refused
from portal.tenancy.context import scope
from portal.tenancy.permissions import StaffPermission
from portal.tenancy.principal import Kind, Principal

from .conftest import committed, me, token_of

SYSTEM = Principal.system()
STAFF = Principal(Kind.STAFF, permissions=frozenset({StaffPermission.PARTNERS_SUSPEND.value}))
CLUSTER_OF = {cluster.scope: cluster.value for cluster in Cluster}
ENVIRONMENTS = ("sandbox", "live")
STATES = ("in the agreement", "not in the agreement", "suspended")
# A call for each scope that has one of its own today: method, path, body
CALLS: dict[str, tuple[str, str, Any]] = {
    "grants:read": ("GET", "/api/v1/grants", None),
    "notifications:read": ("GET", "/api/v1/notifications", None),
    "webhooks:write": ("GET", "/api/v1/webhook-endpoints", None),
}


@pytest.mark.parametrize("name", sorted(ALL_SCOPES))
@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("state", STATES)
def test_matrix(world: SimpleNamespace, name: str, environment: str, state: str) -> None:
    client, secret = _client_with(world, name, environment, state)
    answer = token_of(client, secret, name)
    is_outside = state == "not in the agreement" and environment == "live" and name in CLUSTER_OF
    if state == "suspended":
        assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    elif is_outside:
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
        assert "clause 2.1" in answer.json()["error_description"]
    else:
        assert answer.status_code == 200, answer.content
        assert answer.json()["scope"] == name
        assert me(answer.json()["access_token"]).json()["scopes"] == [name]
        _check_use(name, answer.json()["access_token"])


@pytest.mark.parametrize("name", sorted(ALL_SCOPES))
@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("state", STATES[1:])
def test_a_token_that_is_out_obeys_at_its_next_use(
    world: SimpleNamespace, name: str, environment: str, state: str
) -> None:
    """It was got, and remembered, while all was well."""
    client, secret = _client_with(world, name, environment, "in the agreement")
    token = token_of(client, secret).json()["access_token"]
    assert me(token).json()["scopes"] == [name]
    _change(world, name, state)
    answer = me(token)
    if state == "suspended":
        assert (answer.status_code, answer.json()["code"]) == (403, "partner_suspended")
    else:
        is_outside = environment == "live" and name in CLUSTER_OF
        assert answer.json()["scopes"] == ([] if is_outside else [name])


def _client_with(world: SimpleNamespace, name: str, environment: str, state: str) -> tuple[Any, str]:
    """A client of just that scope. Where the agreement does not cover it no live one can be made, so it is made
    while it does.
    """
    _cover(world, list(CLUSTER_OF.values()))
    client, secret = create_client(
        partner_id=world.bank.partner.id, name="x", environment=environment, scopes=[name], actor=SYSTEM
    )
    if state != "in the agreement":
        _change(world, name, state)
    if state == "not in the agreement" and environment == "live" and name in CLUSTER_OF:
        with pytest.raises(Refused, match=r"clause 2\.1"):
            create_client(
                partner_id=world.bank.partner.id, name="y", environment="live", scopes=[name], actor=SYSTEM
            )
    return client, secret


def _change(world: SimpleNamespace, name: str, state: str) -> None:
    with committed():
        if state == "suspended":
            change_partner_status(partner_id=world.bank.partner.id, to="SUSPENDED", actor=STAFF)
        else:
            kept = [value for scope_name, value in CLUSTER_OF.items() if scope_name != name]
            _cover(world, kept)
            forget_tokens_of(world.bank.partner.id)


def _cover(world: SimpleNamespace, clusters: list[str]) -> None:
    with scope(SYSTEM):
        AgreementVersion.objects.filter(partner=world.bank.partner).update(clusters=clusters)


def _check_use(name: str, token: str) -> None:
    """The scope's own call passes, and each other's is refused naming what it lacks."""
    headers = {"authorization": f"Bearer {token}"}
    for needed, (method, path, body) in CALLS.items():
        answer = Client().generic(method, path, body or "", headers=headers)
        if needed == name:
            assert answer.status_code == 200, answer.content
        else:
            assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
            assert needed in answer.json()["detail"]


def test_what_is_sent_outside_the_agreement_names_the_clause(world: SimpleNamespace) -> None:
    """The token lost the scope with the agreement; the answer says so, and not that it was never asked for."""
    client, secret = _client_with(world, "notify:balances", "live", "not in the agreement")
    token = token_of(client, secret).json()["access_token"]
    body = {
        "customer_ref": "CUST-1",
        "template": "balance_update",
        "data": {
            "account": "acc-ana",
            "available": {"value": "1.00", "currency": "USD"},
            "as_of": "2026-11-23T09:30:00Z",
        },
    }
    answer = Client().post(
        "/api/v1/notifications", body, "application/json", headers={"authorization": f"Bearer {token}"}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert "clause 2.1" in answer.json()["detail"]
