"""Where messaging platforms call us: verified on raw bytes, stored once, answered at once."""

import hmac
from uuid import UUID

import structlog
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, HttpResponseNotFound
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from notifications.actions.inbound import find_sender, store_inbound
from notifications.channels.messenger.signature import is_signed
from partners.actions.senders import open_secrets
from partners.models import Sender
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

log = structlog.get_logger(__name__)


@csrf_exempt
@require_http_methods(["GET", "POST"])
def messenger(request: HttpRequest, sender_id: UUID) -> HttpResponse:
    """GET verifies the subscription (`hub.challenge`), POST takes events."""
    sender = find_sender(sender_id)
    if sender is None or sender.channel != "messenger":
        return HttpResponseNotFound()
    secrets = _secrets(sender)
    if secrets is None:
        return HttpResponseNotFound()
    if request.method == "GET":
        return _challenge(request, secrets["verify_token"])
    if not is_signed(request.body, request.headers.get("X-Hub-Signature-256", ""), secrets["app_secret"]):
        return HttpResponseForbidden()
    try:
        store_inbound(sender=sender, raw=request.body)
    except (ValueError, RecursionError):
        # Signed, so theirs; another answer would make the platform send it again, and in the end unsubscribe us
        log.warning("inbound_unreadable", sender=str(sender_id))
    return HttpResponse("EVENT_RECEIVED")


def _challenge(request: HttpRequest, verify_token: str) -> HttpResponse:
    given = request.GET.get("hub.verify_token", "")
    if request.GET.get("hub.mode") != "subscribe" or not hmac.compare_digest(
        given.encode(), verify_token.encode()
    ):
        return HttpResponseForbidden()
    return HttpResponse(request.GET.get("hub.challenge", ""), content_type="text/plain")


def _secrets(sender: Sender) -> dict[str, str] | None:
    """None once the bank has left and its data was destroyed."""
    with scope(Principal.system()), transaction.atomic():
        return open_secrets(sender)
