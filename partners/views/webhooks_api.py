"""The API's webhook endpoints: a bank says where it hears of events, and sees what was sent there."""

import json
from datetime import datetime
from typing import Any

from rest_framework.request import Request

from partners.actions import webhooks as actions
from partners.models import WebhookDelivery, WebhookEndpoint
from partners.refusals import Refused
from partners.webhooks.access import endpoints_for, get_delivery_for, get_endpoint_for
from partners.webhooks.events import EventType
from partners.webhooks.reading import Try, bodies_of, tries_of, with_last_answer
from partners.webhooks.serializers import (
    ADDED,
    DELETED,
    DELIVERIES,
    ENDPOINT,
    ENDPOINTS,
    QUEUED,
    RECOVERED,
    ROTATED,
    TOLD,
    DeliveryId,
    EndpointId,
    NewWebhookEndpoint,
    SecretRotation,
    WebhookAttemptShown,
    WebhookChallenge,
    WebhookDeliveriesQuery,
    WebhookDeliveryShown,
    WebhookDeliveryTold,
    WebhookEndpointAdded,
    WebhookEndpointChange,
    WebhookEndpointDeleted,
    WebhookEndpointShown,
    WebhookRecovered,
    WebhookRecovery,
    WebhookSecret,
    WebhookTest,
)
from portal.api.errors import Problem
from portal.api.pagination import Page, PageQuery, page
from portal.api.schema import operation
from portal.api.times import rfc3339
from portal.api.views import ApiView
from portal.ids import public_id
from portal.outbound import NotAllowed
from portal.tenancy.principal import Principal

A_DAY = 86_400  # seconds


class WebhookView(ApiView):
    """Refusals become problems."""

    required_scopes = "webhooks:write"

    def handle_exception(self, exc: Exception) -> Any:
        """What the actions say, as the API says it."""
        if isinstance(exc, NotAllowed):
            error = {"pointer": "/url", "code": "invalid", "detail": str(exc)}
            exc = Problem("invalid_request", str(exc), errors=[error])
        elif isinstance(exc, Refused):
            exc = Problem("conflict", str(exc))
        return super().handle_exception(exc)


class WebhookEndpoints(WebhookView):
    """`GET /webhook-endpoints`, `POST /webhook-endpoints`."""

    @operation(answer_example=ENDPOINTS)
    def get(self, request: Request, query: PageQuery) -> Page[WebhookEndpointShown]:
        """List the webhook endpoints

        Of the client's bank and environment, newest first.
        """
        return page(query, endpoints_for(self.principal), _endpoints)

    @operation(
        status=201,
        problems=("conflict",),
        examples={
            "all events": {"url": "https://hooks.norden.example/parley"},
            "some events": {
                "url": "https://hooks.norden.example/grants",
                "event_types": ["grant.activated", "grant.revoked"],
            },
        },
        answer_example=ADDED,
    )
    def post(self, request: Request, body: NewWebhookEndpoint) -> WebhookEndpointAdded:
        """Add a webhook endpoint

        The answer holds the signing secret, this once. The address is sent a `webhook.challenge` at once, and
        nothing else until it has answered 2xx with the challenge in the body.
        """
        endpoint, secret = actions.add_endpoint(
            partner_id=self.principal.partner_id,
            environment=self.principal.environment,
            actor=self.principal,
            url=body["url"],
            description=body.get("description") or "",
            event_types=body.get("event_types") or [],
            rate_per_second=body.get("rate_per_second") or 50,
        )
        return {**_endpoints([endpoint])[0], "secret": secret}


class WebhookEndpointDetail(WebhookView):
    """`GET`, `PATCH` and `DELETE /webhook-endpoints/{id}`."""

    @operation(answer_example=ENDPOINT)
    def get(self, request: Request, whk: EndpointId) -> WebhookEndpointShown:
        """See a webhook endpoint

        With its challenge and its health; never with its secret.
        """
        return _endpoints([get_endpoint_for(self.principal, whk)])[0]

    @operation(
        problems=("conflict",),
        examples={"filter": {"event_types": ["grant.revoked"]}, "disable": {"status": "DISABLED"}},
        answer_example=ENDPOINT,
    )
    def patch(self, request: Request, whk: EndpointId, body: WebhookEndpointChange) -> WebhookEndpointShown:
        """Change a webhook endpoint

        Another address gets a challenge first. While it is DISABLED events are kept as failed: enable it, then
        recover them.
        """
        get_endpoint_for(self.principal, whk)
        changes = {name: value for name, value in body.items() if name != "status"}
        if changes:
            actions.change_endpoint(endpoint_id=whk, actor=self.principal, **changes)  # type: ignore[arg-type]
        if body.get("status") == WebhookEndpoint.Status.DISABLED:
            actions.disable_endpoint(endpoint_id=whk, actor=self.principal)
        elif body.get("status") == WebhookEndpoint.Status.ENABLED:
            actions.enable_endpoint(endpoint_id=whk, actor=self.principal)
        return _endpoints([get_endpoint_for(self.principal, whk)])[0]

    @operation(answer_example=DELETED)
    def delete(self, request: Request, whk: EndpointId) -> WebhookEndpointDeleted:
        """Delete a webhook endpoint

        Its secrets are forgotten at once, and nothing more is sent to it.
        """
        endpoint = get_endpoint_for(self.principal, whk)
        actions.delete_endpoint(endpoint_id=endpoint.id, actor=self.principal)
        return {"id": public_id("whk", endpoint.id), "deleted": True}


class WebhookEndpointRotateSecret(WebhookView):
    """`POST /webhook-endpoints/{id}/rotate-secret`."""

    @operation(
        problems=("conflict",),
        examples={"in a day": {"expire_old_in": A_DAY}, "now": {"expire_old_in": 0}},
        answer_example=ROTATED,
    )
    def post(self, request: Request, whk: EndpointId, body: SecretRotation) -> WebhookSecret:
        """Rotate an endpoint's secret

        Until the old one ends, each request carries two signatures, so that either secret verifies it. Two
        live at most.
        """
        get_endpoint_for(self.principal, whk)
        seconds = body.get("expire_old_in")
        endpoint, secret = actions.rotate_secret(
            endpoint_id=whk, expire_old_in=A_DAY if seconds is None else seconds, actor=self.principal
        )
        return {"secret": secret, "old_secret_expires_at": _time(endpoint.old_secret_until)}


class WebhookEndpointTest(WebhookView):
    """`POST /webhook-endpoints/{id}/test`."""

    @operation(
        status=202,
        problems=("conflict",),
        examples={"grant": {"event_type": "grant.revoked"}},
        answer_example=QUEUED,
    )
    def post(self, request: Request, whk: EndpointId, body: WebhookTest) -> WebhookDeliveryShown:
        """Send a test event

        The type's example with `"test": true` in its data, whatever the endpoint's filter says.
        """
        get_endpoint_for(self.principal, whk)
        event_type = EventType(body.get("event_type") or EventType.NOTIFICATION_DELIVERED)
        row = actions.send_test(endpoint_id=whk, event_type=event_type, actor=self.principal)
        return _delivery(_reread(self.principal, row))


class WebhookDeliveries(WebhookView):
    """`GET /webhook-endpoints/{id}/deliveries`."""

    @operation(answer_example=DELIVERIES)
    def get(
        self, request: Request, whk: EndpointId, query: WebhookDeliveriesQuery
    ) -> Page[WebhookDeliveryShown]:
        """List an endpoint's deliveries

        Of the last 30 days, newest first.
        """
        endpoint = get_endpoint_for(self.principal, whk)
        rows = with_last_answer(WebhookDelivery.objects.filter(endpoint=endpoint))
        if "status" in query:
            rows = rows.filter(status=query["status"])
        if "event_type" in query:
            rows = rows.filter(message__type=query["event_type"])
        return page(query, rows, lambda found: [_delivery(row) for row in found])


class WebhookDeliveryDetail(WebhookView):
    """`GET /webhook-endpoints/{id}/deliveries/{id}`."""

    @operation(answer_example=TOLD)
    def get(self, request: Request, whk: EndpointId, dlv: DeliveryId) -> WebhookDeliveryTold:
        """See a delivery

        What was sent, and every try with its answer.
        """
        row = _reread(self.principal, get_delivery_for(self.principal, whk, dlv))
        body = bodies_of([row.message]).get(row.message_id)
        tries = [_attempt(one) for one in tries_of(row)]
        return {**_delivery(row), "payload": json.loads(body) if body else None, "attempts": tries}


class WebhookDeliveryResend(WebhookView):
    """`POST /webhook-endpoints/{id}/deliveries/{id}/resend`."""

    @operation(status=202, problems=("conflict",), answer_example=QUEUED)
    def post(self, request: Request, whk: EndpointId, dlv: DeliveryId) -> WebhookDeliveryShown:
        """Send a delivery again

        Now, and under the same `webhook-id`. It takes no body. What waits for its next try is tried at once.
        """
        get_delivery_for(self.principal, whk, dlv)
        row = actions.resend(endpoint_id=whk, delivery_id=dlv, actor=self.principal)
        return _delivery(_reread(self.principal, row))


class WebhookEndpointRecover(WebhookView):
    """`POST /webhook-endpoints/{id}/recover`."""

    @operation(
        status=202,
        problems=("conflict",),
        examples={"since": {"since": "2026-11-23T00:00:00Z"}},
        answer_example=RECOVERED,
    )
    def post(self, request: Request, whk: EndpointId, body: WebhookRecovery) -> WebhookRecovered:
        """Send again all that failed

        Since a time: what was tried in vain, and what came while the endpoint was disabled. Each keeps its
        `webhook-id`; the events of one grant come in order.
        """
        get_endpoint_for(self.principal, whk)
        count = actions.recover(endpoint_id=whk, since=body["since"], actor=self.principal)
        return {"status": "DONE", "done": count, "total": count}


def _reread(principal: Principal, row: WebhookDelivery) -> WebhookDelivery:
    return with_last_answer(WebhookDelivery.objects.filter(partner_id=principal.partner_id)).get(pk=row.pk)


def _endpoints(found: list[WebhookEndpoint]) -> list[WebhookEndpointShown]:
    challenges = with_last_answer(
        WebhookDelivery.objects.filter(pk__in=[one.challenge_id for one in found if one.challenge_id])
    )
    known = {row.endpoint_id: row for row in challenges}
    return [_endpoint(one, known.get(one.id)) for one in found]


def _endpoint(endpoint: WebhookEndpoint, challenge: WebhookDelivery | None) -> WebhookEndpointShown:
    return {
        "id": public_id("whk", endpoint.id),
        "kind": endpoint.kind,
        "url": endpoint.url or None,
        "description": endpoint.description,
        "event_types": endpoint.event_types,
        "environment": endpoint.environment,
        "status": endpoint.status,
        "status_reason": endpoint.status_reason or None,
        "verified_at": _time(endpoint.verified_at),
        "challenge": _challenge(challenge) if challenge else None,
        "failing_since": _time(endpoint.failing_since),
        "rate_per_second": endpoint.rate_per_second,
        "old_secret_expires_at": _time(endpoint.old_secret_until) if endpoint.old_secret else None,
        "created_at": rfc3339(endpoint.created_at),
    }


def _challenge(row: Any) -> WebhookChallenge:
    return {
        "status": row.status,
        "delivery_id": public_id("dlv", row.id),
        "response_status": row.last_status,
        "error": row.last_error or None,
    }


def _delivery(row: Any) -> WebhookDeliveryShown:
    is_waiting = row.status == WebhookDelivery.Status.PENDING
    return {
        "id": public_id("dlv", row.id),
        "event_id": public_id("evt", row.message_id),
        "event_type": row.message.type,
        "status": row.status,
        "reason": row.reason or None,
        "attempt_count": row.attempts,
        "response_status": row.last_status,
        "error": row.last_error or None,
        "created_at": rfc3339(row.message.created_at),
        "next_attempt_at": rfc3339(row.next_attempt_at) if is_waiting else None,
        "ended_at": _time(row.ended_at),
    }


def _attempt(one: Try) -> WebhookAttemptShown:
    return {
        "at": rfc3339(one.at),
        "duration_ms": one.duration_ms,
        "url": one.url,
        "request_headers": dict(one.headers),
        "response_status": one.status,
        "response_body": one.response,
        "error": one.error or None,
        "next_attempt_at": _time(one.next_attempt_at),
    }


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
