"""A bank's endpoints: added, changed, tested, given a new secret, stopped; and what they missed, sent again."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.http import Http404
from django.utils import timezone

from partners.clusters import Environment
from partners.models import WebhookDelivery, WebhookEndpoint
from partners.refusals import Refused
from partners.webhooks.actions.disable import disable
from partners.webhooks.actions.emit import new_row, write
from partners.webhooks.events import CHALLENGE, EventType, example_of
from partners.webhooks.signing import new_secret, seal_secret
from partners.webhooks.wake import wake
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import first_uuid7, uuid7
from portal.outbound import NotAllowed, check_url
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Kind, Principal
from portal.vault.keys import data_key_for

MOST = 20  # endpoints of a bank in one environment
LONGEST_OVERLAP = 7 * 86_400  # seconds that two secrets may live side by side
_S = WebhookDelivery.Status


@transaction.atomic
def add_endpoint(
    *,
    partner_id: UUID,
    environment: str,
    actor: Principal,
    url: str = "",
    description: str = "",
    event_types: Iterable[str] = (),
    rate_per_second: int = 50,
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its secret, which is shown this once. Without a URL it is an inbox on our pages.

    A URL gets its challenge at once. Raises NotAllowed when it cannot be used.
    """
    if url:
        usable(url)
    _check_actor(actor, partner_id, environment)
    with scope(Principal.system()):
        there = WebhookEndpoint.objects.filter(
            partner_id=partner_id, environment=environment, deleted_at=None
        )
        if there.count() >= MOST:
            raise Refused(f"There are {MOST} endpoints already, which is the most: delete one first.")
        endpoint_id, secret = uuid7(), new_secret()
        endpoint = WebhookEndpoint.objects.create(
            id=endpoint_id,
            partner_id=partner_id,
            environment=Environment(environment),
            kind=WebhookEndpoint.Kind.URL if url else WebhookEndpoint.Kind.INBOX,
            url=url,
            description=description,
            event_types=_chosen(event_types),
            rate_per_second=rate_per_second,
            secret=seal_secret(data_key_for(partner_id), endpoint_id, secret),
            verified_at=None if url else timezone.now(),
        )
        _record(Code.WEBHOOK_ADDED, endpoint, actor)
        if url:
            _challenge(endpoint)
    return endpoint, secret


@transaction.atomic
def change_endpoint(
    *,
    endpoint_id: UUID,
    actor: Principal,
    url: str | None = None,
    description: str | None = None,
    event_types: Iterable[str] | None = None,
    rate_per_second: int | None = None,
) -> WebhookEndpoint:
    """Changes what is given. Another URL gets a challenge, and nothing else until it has answered it.

    Raises NotAllowed when it cannot be used.
    """
    with scope(Principal.system()):
        endpoint = _locked(endpoint_id, actor)
        is_moved = url is not None and url != endpoint.url
        if is_moved:
            _refuse_inbox(endpoint, "The inbox has no address to change.")
            endpoint.url = usable(url or "")
            endpoint.verified_at = endpoint.failing_since = endpoint.failed_at = endpoint.held_until = None
        if description is not None:
            endpoint.description = description
        if event_types is not None:
            endpoint.event_types = _chosen(event_types)
        if rate_per_second is not None:
            endpoint.rate_per_second = rate_per_second
        endpoint.save()
        _record(Code.WEBHOOK_CHANGED, endpoint, actor)
        if is_moved and endpoint.status == WebhookEndpoint.Status.ENABLED:
            _challenge(endpoint)
    return endpoint


@transaction.atomic
def disable_endpoint(*, endpoint_id: UUID, actor: Principal) -> WebhookEndpoint:
    """Stops sending to it. Events from now on are kept as failed, and can be recovered."""
    with scope(Principal.system()):
        endpoint = _locked(endpoint_id, actor)
        _refuse_inbox(endpoint, "The inbox cannot be disabled: delete it when you no longer need it.")
        if endpoint.status == WebhookEndpoint.Status.ENABLED:
            disable(endpoint, reason=WebhookEndpoint.Reason.BY_TEAM, actor=actor)
    return endpoint


@transaction.atomic
def enable_endpoint(*, endpoint_id: UUID, actor: Principal) -> WebhookEndpoint:
    """Sends to it again, from now on; an address that has not proven itself gets a new challenge first."""
    with scope(Principal.system()):
        endpoint = _locked(endpoint_id, actor)
        if endpoint.status == WebhookEndpoint.Status.DISABLED:
            endpoint.changed(status=WebhookEndpoint.Status.ENABLED, reason="", now=timezone.now())
            endpoint.failing_since = endpoint.failed_at = endpoint.held_until = None
            endpoint.save()
            _record(Code.WEBHOOK_ENABLED, endpoint, actor)
            if endpoint.verified_at is None:
                _challenge(endpoint)
    return endpoint


@transaction.atomic
def delete_endpoint(*, endpoint_id: UUID, actor: Principal) -> None:
    """Ends it for good: its secrets are forgotten at once, what waits for it is ended."""
    with scope(Principal.system()):
        endpoint = _locked(endpoint_id, actor)
        endpoint.deleted_at, endpoint.secret, endpoint.old_secret = timezone.now(), b"", None
        endpoint.save(update_fields=["deleted_at", "secret", "old_secret"])
        _record(Code.WEBHOOK_DELETED, endpoint, actor)


@transaction.atomic
def rotate_secret(*, endpoint_id: UUID, expire_old_in: int, actor: Principal) -> tuple[WebhookEndpoint, str]:
    """A new secret, shown this once. For `expire_old_in` seconds the old one signs beside it; 0 ends it now."""
    if not 0 <= expire_old_in <= LONGEST_OVERLAP:
        raise Refused("The old secret can live for seven days at most.")
    now = timezone.now()
    with scope(Principal.system()):
        endpoint = _locked(endpoint_id, actor)
        if expire_old_in and endpoint.old_secret_until is not None and endpoint.old_secret_until > now:
            raise Refused("Two secrets live already: wait until the older one ends, or end both now.")
        secret = new_secret()
        endpoint.old_secret = endpoint.secret if expire_old_in else None
        endpoint.old_secret_until = now + timedelta(seconds=expire_old_in) if expire_old_in else None
        endpoint.secret = seal_secret(data_key_for(endpoint.partner_id), endpoint.id, secret)
        endpoint.secret_changed_at = now
        endpoint.save(update_fields=["secret", "old_secret", "old_secret_until", "secret_changed_at"])
        _record(Code.WEBHOOK_SECRET_ROTATED, endpoint, actor, expire_old_in=expire_old_in)
    return endpoint, secret


@transaction.atomic
def send_test(*, endpoint_id: UUID, event_type: EventType, actor: Principal) -> WebhookDelivery:
    """An example of the type, marked as a test, whatever the endpoint's filter says."""
    with scope(Principal.system()):
        endpoint = _locked(endpoint_id, actor)
        _refuse_disabled(endpoint)
        if endpoint.verified_at is None:
            raise Refused("The endpoint has not answered its challenge yet: until then it gets nothing else.")
        row = new_row(
            partner_id=endpoint.partner_id,
            environment=endpoint.environment,
            event_type=event_type,
            data=example_of(event_type),
            endpoint_id=endpoint.id,
        )
        write([row])
        return WebhookDelivery.objects.select_related("message").get(pk=row.targets[endpoint.id])


@transaction.atomic
def resend(*, endpoint_id: UUID, delivery_id: UUID, actor: Principal) -> WebhookDelivery:
    """Sends one again, under the same id, now: a failed or delivered one from the start of its tries."""
    with scope(Principal.system()):
        endpoint = _locked(endpoint_id, actor)
        _refuse_inbox(endpoint, "The inbox has received it; there is nowhere else to send it.")
        _refuse_disabled(endpoint)
        delivery = (
            WebhookDelivery.objects.select_for_update(no_key=True, of=("self",))
            .select_related("message")
            .get(pk=delivery_id, endpoint=endpoint)
        )
        now = timezone.now()
        if delivery.lease_until is not None and delivery.lease_until > now:
            raise Refused("It is being sent at this moment.")
        if delivery.message.type == CHALLENGE and delivery.id != endpoint.challenge_id:
            raise Refused("A later challenge took its place.")
        if delivery.status != _S.PENDING:
            delivery.status, delivery.reason, delivery.attempts, delivery.ended_at = _S.PENDING, "", 0, None
        delivery.next_attempt_at = now
        delivery.save(update_fields=["status", "reason", "attempts", "ended_at", "next_attempt_at"])
        _record(Code.WEBHOOK_REPLAYED, endpoint, actor, count=1)
    transaction.on_commit(wake, robust=True)
    return delivery


@transaction.atomic
def recover(*, endpoint_id: UUID, since: datetime, actor: Principal) -> int:
    """Sends all again that failed, or was missed, since then; returns how many."""
    with scope(Principal.system()):
        endpoint = _locked(endpoint_id, actor)
        _refuse_inbox(endpoint, "The inbox has missed nothing.")
        _refuse_disabled(endpoint)
        failed = WebhookDelivery.objects.filter(
            endpoint=endpoint, status=_S.FAILED, id__gte=first_uuid7(since)
        )
        again = failed.exclude(message__type=CHALLENGE)
        count = again.update(
            status=_S.PENDING, reason="", attempts=0, ended_at=None, next_attempt_at=timezone.now()
        )
        _record(Code.WEBHOOK_REPLAYED, endpoint, actor, count=count)
    transaction.on_commit(wake, robust=True)
    return count


def usable(url: str) -> str:
    """The URL, when it may be called; raises NotAllowed."""
    if any(one.isspace() or not one.isprintable() for one in url):
        raise NotAllowed("The address must not hold spaces.")
    return check_url(url)


def _challenge(endpoint: WebhookEndpoint) -> None:
    """Sent like any other event, and tried as often; it is right only with its token in the answer."""
    WebhookDelivery.objects.filter(pk__in=[endpoint.challenge_id], status=_S.PENDING).update(
        status=_S.FAILED, reason="superseded", lease_until=None, ended_at=timezone.now()
    )
    row = new_row(
        partner_id=endpoint.partner_id,
        environment=endpoint.environment,
        event_type=CHALLENGE,
        data={"challenge": secrets.token_urlsafe(24)},
        endpoint_id=endpoint.id,
    )
    write([row])
    endpoint.challenge_id, endpoint.verified_at = row.targets[endpoint.id], None
    endpoint.save(update_fields=["challenge_id", "verified_at"])


def _chosen(event_types: Iterable[str]) -> list[str]:
    return sorted({EventType(one).value for one in event_types})


def _locked(endpoint_id: UUID, actor: Principal) -> WebhookEndpoint:
    rows = WebhookEndpoint.objects.select_for_update(no_key=True)
    endpoint = rows.filter(pk=endpoint_id, deleted_at=None).first()
    if endpoint is None:
        raise Http404
    _check_actor(actor, endpoint.partner_id, endpoint.environment)
    return endpoint


def _check_actor(actor: Principal, partner_id: UUID, environment: str) -> None:
    is_own = actor.partner_id == partner_id and actor.environment in ("", environment)
    may = Permission.WEBHOOKS_MANAGE in actor.permissions or "webhooks:write" in actor.scopes
    if actor.kind is not Kind.SYSTEM and not (is_own and may):
        raise Refused("Your role does not include the bank's webhooks.")


def _refuse_inbox(endpoint: WebhookEndpoint, sentence: str) -> None:
    if endpoint.kind == WebhookEndpoint.Kind.INBOX:
        raise Refused(sentence)


def _refuse_disabled(endpoint: WebhookEndpoint) -> None:
    if endpoint.status == WebhookEndpoint.Status.DISABLED:
        raise Refused("The endpoint is disabled: enable it first.")


def _record(code: Code, endpoint: WebhookEndpoint, actor: Principal, **data: object) -> None:
    about = {"environment": endpoint.environment, **data}
    record(code, actor=actor, target=endpoint, partner_id=endpoint.partner_id, data=about)
