"""A bank's own part of the trail, as its API client may see it: of its environment, and without personal data."""

import json
import re
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from portal.ids import public_id
from portal.tenancy import prepared
from portal.tenancy.principal import Kind, Principal

# What an event is about: its name in the API, the prefix of its id, and where its environment is written.
ABOUT = {
    "Notification": ("notification", "ntf", "notifications_notification"),
    "Delivery": ("notification", "", "notifications_delivery"),
    "Recovery": ("task", "tsk", "notifications_recovery"),
    "Grant": ("grant", "grt", "consents_grant"),
    "GrantRequest": ("grant_request", "req", "consents_grantrequest"),
    "LinkedAccount": ("account", "", "consents_linkedaccount"),
    "ApiClient": ("client", "cli", "partners_apiclient"),
    "Sender": ("sender", "snd", "partners_sender"),
    "CustomerSignIn": ("customer_sign_in", "csi", "partners_customersignin"),
    "WebhookEndpoint": ("webhook_endpoint", "whk", "partners_webhookendpoint"),
    "Partner": ("partner", "ptn", ""),
    "Membership": ("member", "mem", ""),
    "Invitation": ("invitation", "inv", ""),
    "JoinRequest": ("join_request", "joi", ""),
    "AgreementVersion": ("agreement_version", "agv", ""),
    "TemplateVersion": ("template_version", "tpv", ""),
}
_ACTORS = {Kind.CLIENT: "cli", Kind.MEMBER: "usr"}  # whose ids a bank may know
# Codes, counts and names of things; no words that somebody wrote, and no ids of people.
_SHOWN = {
    "clause", "clusters", "code", "count", "channel", "ending", "end_old_in", "environment", "expire_old_in", "from", "handed_over",
    "is_good", "keys", "kid", "kty", "locale", "networks", "number", "pointer", "replaced", "requested", "role", "scopes",
    "since", "text_sha256", "to", "total", "version", "withdrawn",
}  # fmt: skip
_IN_ENVIRONMENT = " ".join(
    f"WHEN '{kind}' THEN EXISTS (SELECT 1 FROM {table} t WHERE t.id = e.target_id AND t.environment = %(environment)s)"  # noqa: S608
    for kind, (_, _, table) in ABOUT.items()
    if table
)
_TRAIL = f"""
SELECT e.id, e.at, e.code, e.actor_kind, e.actor_id, e.target_type, e.target_id, e.request_id, e.data::text
FROM audit_auditevent e
WHERE e.partner_id = %(partner)s AND e.id < %(before)s AND (%(code)s = '' OR e.code = %(code)s)
  AND (%(after)s::timestamptz IS NULL OR e.at > %(after)s)
  AND CASE e.target_type {_IN_ENVIRONMENT}
      ELSE COALESCE(e.data ->> 'environment', %(environment)s) = %(environment)s END
ORDER BY e.id DESC LIMIT %(limit)s
"""  # noqa: S608 (made of our own constants)


class Entry(NamedTuple):
    """One event."""

    number: int
    at: datetime
    code: str
    actor_kind: str
    actor_id: UUID | None
    target_type: str
    target_id: UUID | None
    request_id: str
    data: dict[str, Any]

    @property
    def actor(self) -> str | None:
        """Their id, where the bank may know it."""
        prefix = _ACTORS.get(Kind(self.actor_kind))
        return public_id(prefix, self.actor_id) if prefix and self.actor_id else None

    @property
    def kind(self) -> str:
        """What it is about, in the API's words."""
        words = re.sub("(?<=[a-z])(?=[A-Z])", "_", self.target_type).lower()
        return ABOUT.get(self.target_type, (words,))[0]

    @property
    def target(self) -> str | None:
        """Its id, where the API has one."""
        _, prefix, _ = ABOUT.get(self.target_type, ("", "", ""))
        return public_id(prefix, self.target_id) if prefix and self.target_id else None

    @property
    def details(self) -> dict[str, Any]:
        """What else is told."""
        return {name: value for name, value in self.data.items() if name in _SHOWN}


def read_trail(
    principal: Principal, *, before: int, limit: int, code: str = "", after: datetime | None = None
) -> list[Entry]:
    """The newest first, below a number. One query. What has no environment, such as the bank's team, is in both."""
    values = {
        "partner": principal.partner_id,
        "environment": principal.environment,
        "before": before,
        "limit": limit,
        "code": code,
        "after": after,
    }
    return [Entry._make((*known, json.loads(data))) for *known, data in prepared.run(_TRAIL, values)]
