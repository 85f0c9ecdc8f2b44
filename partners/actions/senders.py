"""A bank's identities on channels: added, changed, checked, paused, resumed."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from partners.models import Partner, Sender
from partners.refusals import Refused
from partners.sender_checks import Finding
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import uuid7
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Kind, Principal
from portal.vault.crypto import CannotOpen, DataKeyMaterial, open_sealed, seal
from portal.vault.keys import data_key_for, find_data_key

ENDED = (Partner.Status.SURRENDERED, Partner.Status.REVOKED, Partner.Status.REJECTED)
FASTEST = 300  # messages a second of one sender


@transaction.atomic
def configure_sender(
    *,
    partner_id: UUID,
    environment: str,
    channel: str,
    external_id: str,
    name: str,
    secrets: dict[str, str],
    actor: Principal,
    rate_per_second: int = 40,
) -> Sender:
    """Adds a sender. `secrets` (for Messenger: access_token, app_secret, verify_token) are sealed at once."""
    _check_actor(actor, partner_id)
    with scope(Principal.system()):
        status = Partner.objects.values_list("status", flat=True).get(pk=partner_id)
        if status in ENDED:
            raise Refused("Your bank has left Parley, so it can have no new senders.")
        sender_id = uuid7()
        key = data_key_for(partner_id)
        sender = Sender(
            id=sender_id,
            partner_id=partner_id,
            environment=environment,
            channel=channel,
            external_id=external_id,
            name=name,
            secrets=seal(key, json.dumps(secrets).encode(), aad=_place(sender_id)),
            rate_per_second=rate_per_second,
        )
        try:
            with transaction.atomic():
                sender.save(force_insert=True)
        except IntegrityError as error:
            raise Refused(f"Your bank has this sender in {environment} already.") from error
        _record(Code.SENDER_CONFIGURED, sender, actor)
    return sender


@transaction.atomic
def change_sender(
    *,
    sender_id: UUID,
    name: str,
    rate_per_second: int,
    secrets: dict[str, str],
    actor: Principal,
    seen: str = "",
) -> Sender:
    """Changes its name and pace, and replaces the secrets that are given. What the last check found of the old ones
    is forgotten. `seen` is the edition that the form showed; raises Refused for another.
    """
    with scope(Principal.system()):
        sender = _locked(sender_id, actor)
        if seen and seen != sender.edition:
            raise Refused(
                f"Somebody changed this sender since you opened it: it is now {sender.name}, at"
                f" {sender.rate_per_second} messages a second. Nothing of yours is saved; save again to replace that."
            )
        sender.name, sender.rate_per_second = name, rate_per_second
        if secrets:
            if (before := open_secrets(sender)) is None:
                raise Refused("Your bank's data was destroyed, and the sender's secrets with it.")
            key = data_key_for(sender.partner_id)
            known = {**before, **secrets}
            sender.secrets = seal(key, json.dumps(known).encode(), aad=_place(sender.id))
            sender.checked_at, sender.findings = None, []
        sender.save(update_fields=["name", "rate_per_second", "secrets", "checked_at", "findings"])
        _record(Code.SENDER_CHANGED, sender, actor, replaced=sorted(secrets))
    return sender


@transaction.atomic
def note_check(*, sender_id: UUID, findings: Iterable[Finding], actor: Principal) -> Sender:
    """Keeps what the platform said of it just now."""
    with scope(Principal.system()):
        sender = _locked(sender_id, actor)
        sender.checked_at = timezone.now()
        sender.findings = [finding._asdict() for finding in findings]
        sender.save(update_fields=["checked_at", "findings"])
        _record(Code.SENDER_CHECKED, sender, actor, is_good=sender.is_proven)
    return sender


@transaction.atomic
def pause_sender(*, sender_id: UUID, reason: str, actor: Principal) -> Sender:
    """Nothing more is claimed for it; what is queued waits, and expires in its time."""
    with scope(Principal.system()):
        sender = _locked(sender_id, actor)
        if sender.status == Sender.Status.PAUSED:
            raise Refused("The sender is paused already.")
        sender.status, sender.pause_reason = Sender.Status.PAUSED, reason
        sender.save(update_fields=["status", "pause_reason"])
        _record(Code.SENDER_PAUSED, sender, actor, reason=reason)
    return sender


@transaction.atomic
def resume_sender(*, sender_id: UUID, actor: Principal) -> Sender:
    """What waits goes out again, unless the last check found something wrong."""
    with scope(Principal.system()):
        sender = _locked(sender_id, actor)
        if sender.status == Sender.Status.ACTIVE:
            raise Refused("The sender is not paused.")
        if not sender.is_proven:
            raise Refused("The platform does not take this sender yet: see what the check found.")
        sender.status, sender.pause_reason = Sender.Status.ACTIVE, ""
        sender.breaker_failures, sender.breaker_open_until = 0, None
        sender.save(update_fields=["status", "pause_reason", "breaker_failures", "breaker_open_until"])
        _record(Code.SENDER_RESUMED, sender, actor)
    return sender


def sender_secrets(sender_id: UUID, sealed: bytes | memoryview, key: DataKeyMaterial) -> dict[str, Any]:
    """The sender's secrets, opened with its bank's own key."""
    return json.loads(open_sealed(key, sealed, aad=_place(sender_id)))


def open_secrets(sender: Sender) -> dict[str, Any] | None:
    """Those of a sender, in the current transaction; None once its bank's data was destroyed."""
    key = find_data_key(sender.partner_id)
    try:
        return sender_secrets(sender.id, sender.secrets, key) if key else None
    except CannotOpen:  # sealed under the key that is gone
        return None


def _locked(sender_id: UUID, actor: Principal) -> Sender:
    sender = Sender.objects.select_for_update(no_key=True).get(pk=sender_id)
    _check_actor(actor, sender.partner_id)
    return sender


def _check_actor(actor: Principal, partner_id: UUID) -> None:
    if actor.kind is Kind.SYSTEM:
        return
    if actor.partner_id != partner_id or Permission.SENDERS_MANAGE.value not in actor.permissions:
        raise Refused("Your role does not include the bank's senders.")


def _record(code: Code, sender: Sender, actor: Principal, **data: object) -> None:
    about = {"environment": sender.environment, **data}
    record(code, actor=actor, target=sender, partner_id=sender.partner_id, data=about)


def _place(sender_id: UUID) -> bytes:
    return b"sender.secrets" + sender_id.bytes
