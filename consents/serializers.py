"""What the API says of grants, and takes."""

from typing import Annotated, NotRequired, TypedDict
from uuid import UUID

from consents.actions.give import LONGEST_DAYS
from consents.history import EVENTS
from consents.models import Grant, GrantRequest
from partners.clusters import Cluster
from partners.serializers import Clusters, EnvironmentName
from partners.webhooks.serializers import Integer, Words
from portal.api.pagination import Page, PageQuery
from portal.api.shapes import CLOCK, LOCALE, Many, OneOf, Text, public_id

RequestId = Annotated[UUID, public_id("req"), "The request's id."]
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
    """What was decided, when."""

    at: Annotated[str, CLOCK]
    event: Annotated[str, OneOf(EVENTS), "Withdrawn by the person, terminated by you or us."]
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


class NewAccount(TypedDict):
    """An account, as the bank names it and as the person will know it."""

    ref: Annotated[str, Text(64), "Your own name for it: the `account` of a notification."]
    mask: Annotated[str, Text(20), "What a phone shows, such as •• 4821."]
    type: Annotated[str, Text(40), "Such as Current account."]


class NewGrantRequest(TypedDict):
    """Whom to ask, and for what at most: the person chooses among it."""

    customer_ref: CustomerRef
    clusters: Annotated[list[str], Words(tuple(Cluster.values), least=1), "What you would send."]
    accounts: Annotated[list[NewAccount], Many(NewAccount, 1, 20), "Which accounts they can choose from."]
    duration_days: Annotated[int, Integer(1, LONGEST_DAYS), "The longest period they can choose."]
    redirect_uri: Annotated[
        str,
        Text(2_000),
        "Where they come back to: https on your verified domain or a host below it. In the sandbox https"
        " anywhere, or http on localhost.",
    ]
    state: Annotated[str, Text(512), "Comes back with them, unchanged."]
    locale: NotRequired[Annotated[str | None, LOCALE, "The language to begin in; theirs unless given."]]


class GrantRequestMade(TypedDict):
    """A question that waits for its answer, for a quarter of an hour."""

    id: Annotated[str, public_id("req")]
    status: Annotated[str, OneOf(tuple(GrantRequest.Status.values)), "PENDING."]
    authorization_url: Annotated[str, "Send the person's browser here."]
    expires_at: Annotated[str, CLOCK]


class GrantRequestShown(GrantRequestMade):
    """A question, and what became of it."""

    grant_id: Annotated[
        str | None, public_id("grt"), "What the person gave, or changed; null until they did."
    ]
    decided_at: Annotated[str | None, CLOCK]


CHANNELS = ("messenger",)


class NewTestCustomer(TypedDict):
    """Whom to invent, and what they allow."""

    customer_ref: CustomerRef
    clusters: Annotated[list[str], Words(tuple(Cluster.values), least=1), "What they allow."]
    accounts: Annotated[list[NewAccount], Many(NewAccount, 1, 20), "For which accounts."]
    channel: NotRequired[
        Annotated[str | None, OneOf(CHANNELS), "Where their simulated phone is; `messenger` unless given."]
    ]


class TestCustomerShown(TypedDict):
    """A test customer with an active grant for a year and a simulated phone."""

    customer_ref: str
    grant_id: Annotated[str, public_id("grt")]
    status: Annotated[str, OneOf(tuple(Grant.Status.values)), "Of the grant."]
    clusters: Clusters
    accounts: list[GrantedAccount]
    channel: Annotated[str, OneOf(CHANNELS)]
    address: Annotated[str, "Of the phone; real people's you never see."]
    sender: Annotated[str, "Your simulated Page."]
    inbox_url: Annotated[str, "What the phone shows, as JSON."]
    environment: EnvironmentName
    expires_at: Annotated[str, CLOCK]


class TestCustomerDeleted(TypedDict):
    """A test customer that is gone."""

    customer_ref: str
    deleted: bool


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
    "history": [
        *GRANT["history"],
        {
            "at": "2026-12-01T10:15:00.000Z",
            "event": "ConsentTerminated",
            "clusters": ["BALANCES", "FRAUD_ALERTS"],
        },
    ],
}
GRANTS: Page[GrantShown] = {"data": [GRANT], "next_cursor": None}
NEW_REQUEST: NewGrantRequest = {
    "customer_ref": "CUST-1001",
    "clusters": ["BALANCES", "FRAUD_ALERTS"],
    "accounts": [{"ref": "acc-4821-1", "mask": "•• 4821", "type": "Current account"}],
    "duration_days": 180,
    "redirect_uri": "https://www.norden.example/messages/back",
    "state": "af0ifjsldkj",
    "locale": "en",
}
REQUEST_MADE: GrantRequestMade = {
    "id": "req_019a1c0e6f127d3a8e5b40c9d17f26ab",
    "status": "PENDING",
    "authorization_url": "https://parley.example/authorize/req_019a1c0e6f127d3a8e5b40c9d17f26ab",
    "expires_at": "2026-11-23T08:15:00.000Z",
}
REQUEST: GrantRequestShown = {
    **REQUEST_MADE,
    "status": "ACTIVE",
    "grant_id": GRANT["id"],
    "decided_at": "2026-11-23T08:02:31.000Z",
}
NEW_CUSTOMER: NewTestCustomer = {
    "customer_ref": "TEST-1",
    "clusters": ["BALANCES", "FRAUD_ALERTS"],
    "accounts": [{"ref": "acc-test-1", "mask": "•• 0001", "type": "Current account"}],
    "channel": "messenger",
}
TEST_CUSTOMER: TestCustomerShown = {
    "customer_ref": "TEST-1",
    "grant_id": GRANT["id"],
    "status": "ACTIVE",
    "clusters": ["BALANCES", "FRAUD_ALERTS"],
    "accounts": [{"ref": "acc-test-1", "mask": "•• 0001", "type": "Current account"}],
    "channel": "messenger",
    "address": "48210773915502846",
    "sender": "sandbox-norden-3f9a2c",
    "inbox_url": "http://127.0.0.1:8001/inbox?channel=messenger&sender=sandbox-norden-3f9a2c&address=48210773915502846",
    "environment": "sandbox",
    "expires_at": "2027-11-23T08:00:00.000Z",
}
TEST_CUSTOMER_DELETED: TestCustomerDeleted = {"customer_ref": "TEST-1", "deleted": True}
