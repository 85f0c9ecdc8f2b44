"""One connection, with every message it let through and why."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from consents.access import get_grant_for
from consents.actions.give import granted_accounts
from consents.models import Grant
from consents.views.person import grant_id, person_page
from notifications.access import deliveries_for
from notifications.message import render_with
from notifications.models import Notification
from notifications.timeline import public_status
from portal.tenancy.principal import Principal
from portal.vault.crypto import CannotOpen, DataKeyMaterial
from portal.vault.keys import data_key_for

NEWEST = 50


@require_GET
@person_page
def grant(request: HttpRequest, principal: Principal, grt: str) -> HttpResponse:
    """What is shared, until when, and the newest messages with the reason for each."""
    found = get_grant_for(principal, grant_id(grt))
    key = data_key_for(found.partner_id, found.person_id)
    rows = deliveries_for(principal).filter(grant=found)
    rows = rows.select_related("notification__record", "notification__template_version__template")
    context = {
        "grant": found,
        "accounts": granted_accounts(found, key),
        "environment": found.environment,
        "messages_sent": [
            {"delivery": one, "state": public_status(one), "text": _text(key, one.notification, found)}
            for one in rows.order_by("-id")[:NEWEST]
        ],
    }
    return render(request, "notifications/person/grant.html", context)


def _text(key: DataKeyMaterial, notification: Notification, grant: Grant) -> str:
    """As it stood on the phone; empty once its data was erased."""
    try:
        return render_with(key, notification, grant)
    except CannotOpen:
        return ""
