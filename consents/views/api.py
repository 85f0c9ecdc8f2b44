"""The API's grants, as their bank sees them: never the messaging address."""

from typing import Any

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from consents.access import get_grant_for
from consents.actions.give import granted_accounts
from consents.actions.stop import end_grant
from consents.models import Grant
from partners.refusals import Refused
from portal.api.errors import Problem
from portal.api.pagination import page
from portal.api.views import ApiView
from portal.ids import InvalidPublicId, parse_public_id, public_id
from portal.vault.crypto import blind_index
from portal.vault.keys import data_key_for


class Grants(ApiView):
    """`GET /grants?customer_ref=&status=`."""

    required_scopes = "grants:read"

    def get(self, request: Request) -> Response:
        """Newest first; accounts are only in the detail."""
        rows = Grant.objects.filter(
            partner_id=self.principal.partner_id, environment=self.principal.environment
        ).select_related("account", "agreement_version__agreement")
        if reference := request.query_params.get("customer_ref"):
            index = blind_index("customer_ref", self.principal.partner_id, reference)
            rows = rows.filter(customer__ref_index=index)
        if status := request.query_params.get("status"):
            if status not in Grant.Status.values:
                raise Problem("invalid_request", f"`status` is one of {', '.join(Grant.Status.values)}.")
            rows = rows.filter(status=status)
        return Response(page(request, rows, show_grant))


class GrantDetail(ApiView):
    """`GET /grants/{id}`."""

    required_scopes = "grants:read"

    def get(self, request: Request, grt: str) -> Response:
        """With the accounts, and what the person decided when."""
        return Response(_detail(_grant(self, grt)))


class GrantRevoke(ApiView):
    """`POST /grants/{id}/revoke`: the bank ends it."""

    required_scopes = "grants:request"

    def post(self, request: Request, grt: str) -> Response:
        """409 `conflict` when it has already ended."""
        reason = request.data.get("reason")
        if not isinstance(reason, str) or not 1 <= len(reason) <= 40:
            error = {"pointer": "/reason", "code": "required", "detail": "Text of 1 to 40 characters."}
            raise Problem("invalid_request", "A reason is needed.", errors=[error])
        grant = _grant(self, grt)
        try:
            return Response(show_grant(end_grant(grant_id=grant.id, actor=self.principal, reason=reason)))
        except Refused as refusal:
            raise Problem("conflict", str(refusal)) from refusal


def _grant(view: ApiView, text: str) -> Grant:
    try:
        return get_grant_for(view.principal, parse_public_id("grt", text))
    except InvalidPublicId as error:
        raise Http404 from error


def show_grant(grant: Grant) -> dict[str, Any]:
    """The members that lists and details share."""
    version = grant.agreement_version
    return {
        "id": public_id("grt", grant.id),
        "status": grant.status,
        "clusters": grant.clusters,
        "granted_at": _time(grant.granted_at),
        "expires_at": _time(grant.expires_at),
        "reconfirm_by": _time(grant.reconfirm_by),
        "ended_at": _time(grant.ended_at),
        "end_reason": grant.end_reason or None,
        "channel": grant.account.channel,
        "agreement": f"{version.agreement.number} v{version.number}" if version else None,
        "environment": grant.environment,
    }


def _detail(grant: Grant) -> dict[str, Any]:
    key = data_key_for(grant.partner_id, grant.person_id)
    accounts = granted_accounts(grant, key)
    history = [
        {"at": _time(record.at), "event": record.event, "clusters": record.clusters}
        for record in grant.records.order_by("id")
    ]
    return {**show_grant(grant), "accounts": accounts, "history": history}


def _time(moment: Any) -> str | None:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None
