"""The only way from an id to a bank's endpoints and what was sent to them."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404

from partners.models import WebhookDelivery, WebhookEndpoint
from portal.tenancy.principal import Principal


def endpoints_for(principal: Principal) -> QuerySet[WebhookEndpoint]:
    """Those of the bank; a client's, in its environment."""
    rows = WebhookEndpoint.objects.filter(partner_id=principal.partner_id, deleted_at=None)
    return rows.filter(environment=principal.environment) if principal.environment else rows


def get_endpoint_for(principal: Principal, endpoint_id: UUID) -> WebhookEndpoint:
    """Raises Http404 when there is none, or it is somebody else's."""
    try:
        return endpoints_for(principal).get(pk=endpoint_id)
    except WebhookEndpoint.DoesNotExist as error:
        raise Http404 from error


def get_delivery_for(principal: Principal, endpoint_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """One of that endpoint's, with its message; raises Http404."""
    endpoint = get_endpoint_for(principal, endpoint_id)
    try:
        return endpoint.webhookdelivery_set.select_related("message").get(pk=delivery_id)
    except WebhookDelivery.DoesNotExist as error:
        raise Http404 from error
