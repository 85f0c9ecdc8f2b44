"""What the API says of grants, and takes."""

from typing import Annotated, TypedDict
from uuid import UUID

from consents.models import Grant
from partners.serializers import Clusters, EnvironmentName
from portal.api.pagination import Page, PageQuery
from portal.api.shapes import CLOCK, OneOf, Text, public_id

GrantId = Annotated[UUID, public_id("grt"), "The grant's id."]
CustomerRef = Annotated[str, Text(128), "The bank's own name for the customer."]


class GrantsQuery(PageQuery, total=False):
    """Which grants."""

    customer_ref: CustomerRef
    status: Annotated[str, OneOf(tuple(Grant.Status.values)), "Only those in this state."]


class RevokeGrant(TypedDict):
    """Why the bank ends it."""

    reason: Annotated[str, Text(40), "Kept in the trail."]


class GrantedAccount(TypedDict):
    """An account the person chose to hear about."""

    ref: Annotated[str, "The bank's own name for it: the `account` of a notification."]
    mask: Annotated[str, "What the person sees."]
    type: str


class ConsentMoment(TypedDict):
    """What the person decided, when."""

    at: Annotated[str, CLOCK]
    event: str
    clusters: Clusters


class GrantShown(TypedDict):
    """What a person allows the bank to send."""

    id: Annotated[str, public_id("grt")]
    status: Annotated[str, OneOf(tuple(Grant.Status.values)), "Only an ACTIVE grant lets messages pass."]
    clusters: Annotated[Clusters, "What may be sent."]
    accounts: Annotated[list[GrantedAccount], "Empty once the person's data were erased."]
    granted_at: Annotated[str, CLOCK]
    expires_at: Annotated[str, CLOCK]
    reconfirm_by: Annotated[str, CLOCK, "After this nothing is sent until the person confirms again."]
    ended_at: Annotated[str | None, CLOCK]
    end_reason: str | None
    channel: Annotated[str, "The kind of messaging account, never its address."]
    agreement: Annotated[str | None, "The agreement and its version; null in the sandbox."]
    environment: EnvironmentName
    history: Annotated[list[ConsentMoment], "Oldest first."]


GRANT: GrantShown = {
    "id": "grt_019a1c0e6f127d3a8e5b40c9d17f26ab",
    "status": "ACTIVE",
    "clusters": ["BALANCES", "FRAUD_ALERTS"],
    "accounts": [{"ref": "acc-4821-1", "mask": "•• 4821", "type": "Current account"}],
    "granted_at": "2026-11-23T08:00:00.000Z",
    "expires_at": "2027-11-23T08:00:00.000Z",
    "reconfirm_by": "2027-02-21T08:00:00.000Z",
    "ended_at": None,
    "end_reason": None,
    "channel": "messenger",
    "agreement": "AGR-NORDEN v1",
    "environment": "live",
    "history": [
        {
            "at": "2026-11-23T08:00:00.000Z",
            "event": "ConsentGiven",
            "clusters": ["BALANCES", "FRAUD_ALERTS"],
        }
    ],
}
REVOKED: GrantShown = {
    **GRANT,
    "status": "REVOKED",
    "ended_at": "2026-12-01T10:15:00.000Z",
    "end_reason": "account closed",
}
GRANTS: Page[GrantShown] = {"data": [GRANT], "next_cursor": None}
