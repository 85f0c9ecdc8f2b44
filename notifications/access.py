"""The only way from an id to a notification and its delivery."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404

from notifications.models import Delivery
from portal.tenancy.principal import Kind, Principal


def deliveries_for(principal: Principal) -> QuerySet[Delivery]:
    """Those the principal may see: a bank's (in the client's environment) or a person's own."""
    rows = Delivery.objects.select_related("notification")
    if principal.kind is Kind.PERSON:
        rows = rows.filter(person_id=principal.person_id)
    elif principal.kind in (Kind.MEMBER, Kind.CLIENT):
        rows = rows.filter(partner_id=principal.partner_id)
    return rows.filter(environment=principal.environment) if principal.environment else rows


def get_delivery_for(principal: Principal, notification_id: UUID) -> Delivery:
    """The delivery of a notification; raises Http404 when there is none, or it is somebody else's."""
    try:
        return deliveries_for(principal).get(notification_id=notification_id)
    except Delivery.DoesNotExist as error:
        raise Http404 from error
