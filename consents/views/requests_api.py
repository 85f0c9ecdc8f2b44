"""The API's grant requests: how a bank asks one of its customers."""

from django.conf import settings
from django.urls import reverse
from rest_framework.request import Request

from consents.access import get_request_for
from consents.actions.requests import CannotAsk, ask_for_grant
from consents.models import GrantRequest
from consents.records import Account
from consents.requests import status_of
from consents.serializers import (
    NEW_REQUEST,
    REQUEST,
    REQUEST_MADE,
    GrantRequestMade,
    GrantRequestShown,
    NewGrantRequest,
    RequestId,
)
from portal.api.errors import Problem
from portal.api.schema import operation
from portal.api.times import rfc3339
from portal.api.views import ApiView
from portal.ids import public_id


class GrantRequests(ApiView):
    """`POST /grant-requests`."""

    required_scopes = "grants:request"

    @operation(
        status=201,
        problems=("agreement_not_in_force", "partner_suspended", "full_account_number"),
        examples={"request": NEW_REQUEST},
        answer_example=REQUEST_MADE,
    )
    def post(self, request: Request, body: NewGrantRequest) -> GrantRequestMade:
        """Ask a customer for a grant

        Send the person's browser to `authorization_url`. There they sign in, link a chat, choose what you may
        send, for which accounts and how long, and come back to
        `redirect_uri?state=…&grant_request=req_…&status=ACTIVE` (or `REJECTED`). It works once, for 15 minutes. Of a
        customer who is connected already it asks for a change.
        """
        try:
            asked = ask_for_grant(
                partner_id=self.principal.partner_id,
                environment=self.principal.environment,
                way=GrantRequest.Way.BANK,
                customer_ref=body["customer_ref"],
                clusters=body["clusters"],
                accounts=[Account(**one) for one in body["accounts"]],
                duration_days=body["duration_days"],
                redirect_uri=body["redirect_uri"],
                state=body["state"],
                locale=body.get("locale") or "",
                client_id=self.principal.id,
            )
        except CannotAsk as refusal:
            raise _problem(refusal) from refusal
        return _made(asked)


class GrantRequestDetail(ApiView):
    """`GET /grant-requests/{id}`."""

    required_scopes = "grants:read"

    @operation(answer_example=REQUEST)
    def get(self, request: Request, req: RequestId) -> GrantRequestShown:
        """See a grant request

        Ask after the person has come back: what stands in their address bar is only a hint.
        """
        asked = get_request_for(self.principal, req)
        return {
            **_made(asked),
            "grant_id": public_id("grt", asked.grant_id) if asked.grant_id else None,
            "decided_at": rfc3339(asked.decided_at) if asked.decided_at else None,
        }


def _made(asked: GrantRequest) -> GrantRequestMade:
    name = public_id("req", asked.id)
    return {
        "id": name,
        "status": status_of(asked),
        "authorization_url": settings.BASE_URL + reverse("authorize", args=[name]),
        "expires_at": rfc3339(asked.expires_at),
    }


def _problem(refusal: CannotAsk) -> Problem:
    detail, pointer = str(refusal), refusal.pointer
    errors = [{"pointer": pointer, "code": refusal.code, "detail": detail}] if pointer else []
    return Problem(refusal.code, detail, errors=errors)
