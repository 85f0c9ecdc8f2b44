"""The only way from an id to a notification and its delivery, and to a bank's templates."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404

from consents.models import Reading
from consents.readings import note_reading
from notifications.models import Delivery, QuietHours, Recovery, Template, TemplateVersion
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


def read_deliveries(principal: Principal, deliveries: list[Delivery]) -> list[Delivery]:
    """What a bank is about to be shown of people's messages; they find it in their activity."""
    note_reading(principal, Reading.Kind.MESSAGES, [one.grant_id for one in deliveries])
    return deliveries


def get_own_message(principal: Principal, delivery_id: UUID) -> Delivery:
    """A person's own delivery, with all that tells why it came; raises Http404."""
    rows = deliveries_for(principal).select_related(
        "notification__record", "notification__template_version__template", "grant__partner", "grant__account"
    )
    found = rows.filter(pk=delivery_id).first()
    if found is None:
        raise Http404
    return found


def quiet_hours_of(principal: Principal) -> QuietHours | None:
    """The person's own."""
    return QuietHours.objects.filter(person_id=principal.person_id).first()


def get_recovery_for(principal: Principal, recovery_id: UUID) -> Recovery:
    """A client's bank's own, in its environment; raises Http404."""
    rows = Recovery.objects.filter(partner_id=principal.partner_id, environment=principal.environment)
    try:
        return rows.get(pk=recovery_id)
    except Recovery.DoesNotExist as error:
        raise Http404 from error


def templates_for(principal: Principal) -> QuerySet[Template]:
    """A bank's own."""
    return Template.objects.filter(partner_id=principal.partner_id)


def get_template_for(principal: Principal, template_id: UUID) -> Template:
    """Raises Http404 when there is none, or it is another bank's."""
    try:
        return templates_for(principal).get(pk=template_id)
    except Template.DoesNotExist as error:
        raise Http404 from error


def get_template_named_for(principal: Principal, name: str) -> Template:
    """The same, by the name that notifications use."""
    try:
        return templates_for(principal).get(name=name)
    except Template.DoesNotExist as error:
        raise Http404 from error


def get_template_version_for(principal: Principal, version_id: UUID) -> TemplateVersion:
    """A version of the bank's own, for staff of any bank; raises Http404."""
    rows = TemplateVersion.objects.select_related("template", "partner")
    if principal.kind is not Kind.STAFF:
        rows = rows.filter(partner_id=principal.partner_id)
    try:
        return rows.get(pk=version_id)
    except TemplateVersion.DoesNotExist as error:
        raise Http404 from error
