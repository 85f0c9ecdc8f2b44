"""An endpoint is disabled: by its team, or by what it answered. Then its team is told."""

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from partners.models import Membership, Partner, WebhookEndpoint
from partners.roles import ROLE_PERMISSIONS
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import public_id
from portal.mail.outbox import queue_mail
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Principal


def disable(endpoint: WebhookEndpoint, *, reason: WebhookEndpoint.Reason, actor: Principal) -> None:
    """Call it under the endpoint's lock. What waits for it is ended by the next worker that looks."""
    endpoint.changed(status=WebhookEndpoint.Status.DISABLED, reason=reason, now=timezone.now())
    endpoint.save(update_fields=["status", "status_reason", "status_changed_at"])
    data = {"reason": reason.value, "environment": endpoint.environment}
    record(Code.WEBHOOK_DISABLED, actor=actor, target=endpoint, partner_id=endpoint.partner_id, data=data)
    if reason != WebhookEndpoint.Reason.BY_TEAM:
        _tell_team(endpoint)


def _tell_team(endpoint: WebhookEndpoint) -> None:
    partner = Partner.objects.get(pk=endpoint.partner_id)
    able = [role for role, held in ROLE_PERMISSIONS.items() if Permission.WEBHOOKS_MANAGE in held]
    team = Membership.objects.filter(partner=partner, role__in=able, user__is_active=True).select_related(
        "user"
    )
    place = reverse("member-webhook", args=[partner.slug, public_id("whk", endpoint.id)])
    context = {
        "partner": partner.name,
        "environment": endpoint.environment,
        "address": endpoint.url,
        "reason": endpoint.get_status_reason_display(),
        "page": f"{settings.BASE_URL}{place}",
    }
    for member in team:
        queue_mail(to=member.user.email, template="webhook_disabled", context=context)
