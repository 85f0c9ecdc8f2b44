"""Whatever shows a bank something of a person is noted for the person: on every route, also those to come."""

import pytest

from consents.models import Reading
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

from .matrix import Door, Row
from .routes import routes
from .stage import Stage
from .test_matrix import call, insider, rows, things_for

pytestmark = pytest.mark.usefixtures("phones")
# What a bank is shown there it has done, or was told, already
PROOFS = {"api/v1/audit-events"}
NOTED = {
    "api/v1/grants",
    "api/v1/grants/<str:grt>",
    "api/v1/grant-requests/<str:req>",
    "api/v1/notifications",
    "api/v1/notifications/<str:ntf>",
    "partners/<slug:slug>/deliveries",
    "partners/<slug:slug>/deliveries/<str:ntf>",
}


def test_each_that_is_named_is_a_route() -> None:
    assert routes().keys() >= PROOFS | NOTED


@rows("GET", Door.API, Door.MEMBER)
def test_what_is_shown_of_a_person_is_noted(stage: Stage, row: Row) -> None:
    who = insider(row)
    answer = call(stage, row, "GET", who, things_for(stage, row, who)[0])
    shown = b"".join(answer).decode(errors="replace")
    with scope(Principal.system()):
        noted = set(Reading.objects.values_list("grant_id", flat=True))
    about = {one.grant.id for one in stage.customers.values() if _shows(stage, one, shown)}
    if row.route in PROOFS:
        assert about, "It shows nothing of people any more: take it out of PROOFS"
        return
    assert about <= noted, "Show it through read_grants or read_deliveries of access.py"
    if row.route in NOTED - {"api/v1/grant-requests/<str:req>"}:
        assert noted, "This route is said to note what it shows"
    elif row.route not in NOTED:
        assert not noted


def _shows(stage: Stage, customer: object, shown: str) -> bool:
    whose = (customer.partner, customer.environment, customer.person)  # type: ignore[attr-defined]
    things = [one for kind in ("grant", "notification", "failed notification") for one in stage.things[kind]]
    return any(
        secret in shown
        for one in things
        if (one.partner, one.environment, one.person) == whose
        for secret in one.secrets
    )
