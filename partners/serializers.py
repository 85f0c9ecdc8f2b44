"""What the API says of a bank and its client."""

from typing import Annotated, NotRequired, Required, TypedDict

from partners.client_authentication import ASSERTION_TYPE
from partners.clusters import ALL_SCOPES, Cluster, Environment
from partners.models import Partner
from portal.api.shapes import CLOCK, OneOf, Pattern, public_id

Clusters = list[Annotated[str, OneOf(tuple(Cluster.values))]]
EnvironmentName = Annotated[str, OneOf(tuple(Environment.values)), "The client's own; never a parameter."]
SOME = Pattern(r"[\s\S]+", "This must be a token.", longest=10_000)


class ClientSummary(TypedDict):
    """An API client."""

    id: Annotated[str, public_id("cli"), "Also its OAuth `client_id`."]
    name: str


class PartnerSummary(TypedDict):
    """A bank."""

    id: Annotated[str, public_id("ptn")]
    name: str
    slug: Annotated[str, "Its name in addresses."]
    status: Annotated[str, OneOf(tuple(Partner.Status.values)), "Only ACTIVE banks send to real people."]


class AgreementSummary(TypedDict):
    """The version of the agreement that is in force."""

    id: Annotated[str, public_id("agr")]
    number: Annotated[str, "What the two sides call it."]
    version: int
    clusters: Annotated[Clusters, "What the bank may ask people for."]
    in_force_from: Annotated[str | None, CLOCK]


class RateLimit(TypedDict):
    """How often the client may call; a second's worth may come at once."""

    requests: int
    per_seconds: int


class Me(TypedDict):
    """Whom a token stands for."""

    client: ClientSummary
    partner: PartnerSummary
    environment: EnvironmentName
    scopes: Annotated[
        list[Annotated[str, OneOf(tuple(sorted(ALL_SCOPES)))]], "The token's, not the client's."
    ]
    agreement: Annotated[AgreementSummary | None, "Null while none is in force."]
    rate_limit: RateLimit


class ClientProof(TypedDict, total=False):
    """How a client proves who it is in a form, unless it does so by HTTP Basic."""

    client_id: Annotated[str, "The client's id."]
    client_secret: Annotated[str, "One of its secrets."]
    client_assertion_type: Annotated[str, f"`{ASSERTION_TYPE}`."]
    client_assertion: Annotated[str, "A JWT (RFC 7523) signed with one of the client's keys."]


class TokenForm(ClientProof):
    """RFC 6749 §4.4.2."""

    grant_type: Annotated[str, OneOf(("client_credentials",))]
    scope: NotRequired[Annotated[str, "Space-separated; all of the client's unless given."]]


class TokenAnswer(TypedDict):
    """An opaque access token."""

    access_token: Annotated[str, "Send it as `Authorization: Bearer …`."]
    token_type: Annotated[str, OneOf(("Bearer",))]
    expires_in: Annotated[int, "Seconds, 600 at most."]
    scope: Annotated[str, "What it may be used for, space-separated."]


class TokenQuestion(ClientProof):
    """RFC 7009 §2.1, RFC 7662 §2.1."""

    token: Required[Annotated[str, SOME, "The access token it is about."]]
    token_type_hint: NotRequired[Annotated[str, "Not needed: there are only access tokens."]]


class Introspection(TypedDict):
    """What an own token stands for. Of any other only `active: false` is told."""

    active: bool
    client_id: NotRequired[Annotated[str, public_id("cli")]]
    scope: NotRequired[str]
    token_type: NotRequired[Annotated[str, OneOf(("Bearer",))]]
    exp: NotRequired[Annotated[int, "Unix time at which it ends."]]
    iat: NotRequired[Annotated[int, "Unix time at which it was made."]]


class OAuthError(TypedDict):
    """RFC 6749 §5.2: not a problem, but what every OAuth library knows."""

    error: Annotated[
        str,
        OneOf(
            (
                "invalid_request",
                "invalid_client",
                "invalid_scope",
                "unauthorized_client",
                "unsupported_grant_type",
                "unsupported_token_type",
                "temporarily_unavailable",
            )
        ),
    ]
    error_description: NotRequired[Annotated[str, "For people."]]


class ServerMetadata(TypedDict):
    """RFC 8414."""

    issuer: str
    grant_types_supported: list[str]
    response_types_supported: list[str]
    scopes_supported: list[str]
    service_documentation: str
    token_endpoint: str
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    revocation_endpoint: str
    revocation_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_signing_alg_values_supported: list[str]
    introspection_endpoint: str
    introspection_endpoint_auth_methods_supported: list[str]
    introspection_endpoint_auth_signing_alg_values_supported: list[str]


ME: Me = {
    "client": {"id": "cli_019a1c0e5b7c7c3e9d52a4f1c6d80b17", "name": "Norden Bank live"},
    "partner": {
        "id": "ptn_019a1c0e59d17f5a8a0be13c2f94e6d1",
        "name": "Norden Bank",
        "slug": "norden",
        "status": "ACTIVE",
    },
    "environment": "live",
    "scopes": ["grants:read", "notifications:read", "notify:balances"],
    "agreement": {
        "id": "agr_019a1c0e5a4f7b0c8f6d7e2b91c3a508",
        "number": "AGR-NORDEN",
        "version": 1,
        "clusters": ["BALANCES", "FRAUD_ALERTS"],
        "in_force_from": "2026-11-23T08:00:00.000Z",
    },
    "rate_limit": {"requests": 200, "per_seconds": 1},
}
TOKEN: TokenAnswer = {
    "access_token": "k2Xw0oQm7tJr5Vb1HnUeYc4sLpZd9aFg8iTqRxMjNvE",
    "token_type": "Bearer",
    "expires_in": 600,
    "scope": "grants:read notifications:read notify:balances",
}
INTROSPECTION: Introspection = {
    "active": True,
    "client_id": "cli_019a1c0e5b7c7c3e9d52a4f1c6d80b17",
    "scope": TOKEN["scope"],
    "token_type": "Bearer",
    "exp": 1795426800,
    "iat": 1795426200,
}
