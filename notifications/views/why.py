"""Where the button below a message leads."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from consents.views.person import person_page
from notifications.access import get_own_message
from notifications.views.story import delivery_id, message_of
from portal.tenancy.principal import Principal
from portal.vault.keys import find_data_key


@require_safe
@person_page
def why(request: HttpRequest, principal: Principal, dlv: str) -> HttpResponse:
    """Who sent it, under which consent and for what purpose, and how to stop it: to its person alone."""
    found = get_own_message(principal, delivery_id(dlv))
    key = find_data_key(found.partner_id, found.person_id)
    return render(
        request, "notifications/person/why.html", {"entry": message_of(found, key), "grant": found.grant}
    )
