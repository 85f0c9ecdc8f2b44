"""The API's grants, as their bank sees them: never the messaging address."""

from typing import Any

from rest_framework.request import Request

from consents.access import get_grant_for, read_grants
from consents.actions.stop import end_grant
from consents.history import Moment, histories_of
from consents.models import Grant
from consents.records import granted_accounts
from consents.serializers import (
    GRANT,
    GRANTS,
    REVOKED,
    GrantedAccount,
    GrantId,
    GrantShown,
    GrantsQuery,
    RevokeGrant,
)
from partners.refusals import Refused
from portal.api.errors import Problem
from portal.api.pagination import Page, page
from portal.api.schema import operation
from portal.api.times import rfc3339
from portal.api.views import ApiView
from portal.ids import public_id
from portal.vault.crypto import CannotOpen, blind_index, unwrap
from portal.vault.models import DataKey


class Grants(ApiView):
    """`GET /grants`."""

    required_scopes = "grants:read"

    @operation(answer_example=GRANTS)
    def get(self, request: Request, query: GrantsQuery) -> Page[GrantShown]:
        """List the grants

        Of the client's bank and environment, newest first. Sandbox and live never mix.
        """
        partner_id = self.principal.partner_id
        rows = Grant.objects.filter(partner_id=partner_id, environment=self.principal.environment)
        if "customer_ref" in query:
            index = blind_index("customer_ref", partner_id, query["customer_ref"])
            rows = rows.filter(customer__ref_index=index)
        if "status" in query:
            rows = rows.in_status(query["status"])
        related = rows.select_related("account", "agreement_version__agreement")
        return page(query, related, lambda found: _show(read_grants(self.principal, found)))


class GrantDetail(ApiView):
    """`GET /grants/{id}`."""

    required_scopes = "grants:read"

    @operation(answer_example=GRANT)
    def get(self, request: Request, grt: GrantId) -> GrantShown:
        """See a grant

        What the person allows, for which accounts and until when, and what they decided when.
        """
        return _show(read_grants(self.principal, [get_grant_for(self.principal, grt)]))[0]


class GrantRevoke(ApiView):
    """`POST /grants/{id}/revoke`."""

    required_scopes = "grants:request"

    @operation(
        problems=("conflict",), examples={"revoke": {"reason": "account closed"}}, answer_example=REVOKED
    )
    def post(self, request: Request, grt: GrantId, body: RevokeGrant) -> GrantShown:
        """End a grant

        For when the bank's customer leaves. What is still queued is withdrawn, and once this has answered no
        send begins. A grant that has ended stays ended: the person would have to give a new one.
        """
        grant = get_grant_for(self.principal, grt)
        if not grant.is_open:
            raise Problem("conflict", "The grant has ended already.")
        try:
            return _show([end_grant(grant_id=grant.id, actor=self.principal, reason=body["reason"])])[0]
        except Refused as refusal:
            raise Problem("conflict", str(refusal)) from refusal


def _show(grants: list[Grant]) -> list[GrantShown]:
    """As the API writes them; the keys that open their accounts are read at once."""
    banks, people = {grant.partner_id for grant in grants}, {grant.person_id for grant in grants}
    found = DataKey.objects.filter(partner_id__in=banks, person_id__in=people)
    keys, histories = {key.person_id: key for key in found}, histories_of(grants)
    return [_shown(grant, keys, histories[grant.id]) for grant in grants]


def _shown(grant: Grant, keys: dict[Any, DataKey], history: list[Moment]) -> GrantShown:
    version, is_past = grant.agreement_version, grant.is_past_its_end
    ended_at = grant.expires_at if is_past else grant.ended_at
    return {
        "id": public_id("grt", grant.id),
        "status": grant.status_now,
        "clusters": grant.clusters,
        "accounts": _accounts(grant, keys.get(grant.person_id)),
        "granted_at": rfc3339(grant.granted_at),
        "expires_at": rfc3339(grant.expires_at),
        "reconfirm_by": rfc3339(grant.reconfirm_by),
        "ended_at": rfc3339(ended_at) if ended_at else None,
        "end_reason": "expired" if is_past else grant.end_reason or None,
        "channel": grant.account.channel,
        "agreement": f"{version.agreement.number} v{version.number}" if version else None,
        "environment": grant.environment,
        "history": [{"at": rfc3339(one.at), "event": one.event, "clusters": one.clusters} for one in history],
    }


def _accounts(grant: Grant, key: DataKey | None) -> list[GrantedAccount]:
    """None once the key is destroyed, or was made anew after that."""
    if key is None:
        return []
    try:
        opened = unwrap(key.wrapped, key_id=key.id, kek_id=key.kek_id)
        return [GrantedAccount(**account) for account in granted_accounts(grant, opened)]  # type: ignore[typeddict-item]
    except CannotOpen:
        return []
