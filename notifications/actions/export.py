"""Everything that concerns a person, for them: one file for machines, one to read, both from the same gathering.

It is read as the person: what row-level security keeps from them cannot get into it.
"""

import json
import zipfile
from datetime import datetime
from io import BytesIO
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from consents.actions.link import address_place, customer_ref_of
from consents.complaints import turns_of
from consents.models import Complaint, Customer, Grant, GrantRequest, LinkedAccount, Person, Reading
from consents.receipts import as_json, has_ended, make_receipt
from notifications.access import deliveries_for
from notifications.activity import in_words, lookup_of, who_did
from notifications.message import render_with
from notifications.models import Delivery, QuietHours
from notifications.timeline import public_status
from portal.accounts.models import User
from portal.api.times import rfc3339
from portal.audit.codes import Code
from portal.audit.models import AuditEvent
from portal.audit.record import record
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import CannotOpen, DataKeyMaterial, open_sealed
from portal.vault.keys import find_data_key

Found = dict[str, Any]
Keys = dict[UUID, DataKeyMaterial | None]


@transaction.atomic
def export_person(*, actor: Principal) -> bytes:
    """A ZIP of `parley.json` and `parley.html`; that it was made is in the trail."""
    with scope(actor):
        person = Person.objects.get(pk=actor.person_id)
        record(Code.PERSON_DATA_EXPORTED, actor=actor, target=person, person_id=person.id)
        found = _gather(person, actor)
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as whole:
        whole.writestr("parley.json", json.dumps(found, ensure_ascii=False, indent=1))
        whole.writestr("parley.html", render_to_string("consents/rights/export.html", {"found": found}))
    return file.getvalue()


def _gather(person: Person, actor: Principal) -> Found:
    customers = list(Customer.objects.filter(person=person).select_related("partner").order_by("id"))
    banks = {one.partner_id: one.partner.name for one in customers}
    keys = {one.partner_id: find_data_key(one.partner_id, person.id) for one in customers}
    messages = _messages(actor, keys)
    grants = Grant.objects.filter(person=person).select_related("partner", "customer")
    asked = GrantRequest.objects.filter(person=person).select_related("partner")
    complaints = Complaint.objects.filter(person=person).select_related("about")
    return {
        "made_at": rfc3339(timezone.now()),
        "person": _person(person),
        "settings": {"is_discreet": person.is_discreet, "quiet_hours": _quiet_hours(person)},
        "banks": [_bank(one) for one in customers],
        "linked_accounts": [
            _account(one, find_data_key(one.partner_id, person.id)) for one in _accounts(person)
        ],
        "connections": [
            _grant(one, keys.get(one.partner_id), messages.get(one.id, []))
            for one in grants.prefetch_related("records").order_by("id")
        ],
        "requests": [_request(one) for one in asked.order_by("id")],
        "complaints": [_complaint(one) for one in complaints.order_by("id")],
        "lookups": [
            _lookup(one, banks) for one in Reading.objects.filter(person_id=person.id).order_by("id")
        ],
        "trail": [
            _event(one, banks) for one in AuditEvent.objects.filter(person_id=person.id).order_by("id")
        ],
    }


def _person(person: Person) -> Found:
    user = User.objects.get(person=person)
    steps = Authenticator.objects.filter(user=user).order_by("pk")
    sessions = UserSession.objects.filter(user=user).order_by("pk")
    return {
        "id": str(person.id),
        "email": user.email,
        "name": user.name,
        "language": user.locale,
        "joined_at": rfc3339(user.date_joined),
        "email_addresses": [
            {"email": one.email, "is_verified": one.verified}
            for one in EmailAddress.objects.filter(user=user).order_by("pk")
        ],
        "second_steps": [{"type": one.type, "since": rfc3339(one.created_at)} for one in steps],
        "sessions": [
            {"since": rfc3339(one.created_at), "address": one.ip, "browser": one.user_agent}
            for one in sessions
        ],
    }


def _quiet_hours(person: Person) -> Found | None:
    found = QuietHours.objects.filter(person=person).first()
    if found is None:
        return None
    hours = {"from": found.starts.isoformat("minutes"), "to": found.ends.isoformat("minutes")}
    return {**hours, "time_zone": found.time_zone, "kinds": found.clusters}


def _bank(customer: Customer) -> Found:
    return {
        "bank": customer.partner.name,
        "environment": customer.environment,
        "since": rfc3339(customer.created_at),
        "customer_ref": customer_ref_of(customer),
        "pairwise_id": str(customer.pairwise_id),
    }


def _accounts(person: Person) -> list[LinkedAccount]:
    return list(LinkedAccount.objects.filter(person=person).select_related("partner").order_by("id"))


def _account(account: LinkedAccount, key: DataKeyMaterial | None) -> Found:
    try:
        address = open_sealed(key, account.address, aad=address_place(account.id)).decode() if key else None
    except CannotOpen:  # sealed under an earlier key
        address = None
    return {
        "id": public_id("lac", account.id),
        "bank": account.partner.name,
        "environment": account.environment,
        "channel": account.channel,
        "address": address,
        "status": account.status,
        "linked_at": rfc3339(account.linked_at),
        "last_heard_at": _time(account.last_inbound_at),
        "unlinked_at": _time(account.ended_at),
    }


def _grant(grant: Grant, key: DataKeyMaterial | None, messages: list[Found]) -> Found:
    records = sorted(grant.records.all(), key=lambda one: one.id)
    receipts = [make_receipt(grant, one, key) for one in records]
    if has_ended(grant):
        last = next(one for one in records if one.id == grant.record_id)
        receipts.append(make_receipt(grant, last, key, is_end=True))
    return {
        "id": public_id("grt", grant.id),
        "bank": grant.partner.name,
        "environment": grant.environment,
        "status": grant.status_now,
        "kinds": grant.clusters,
        "arrives_in": [public_id("lac", one) for one in (grant.account_id, *grant.fallback_ids)],
        "granted_at": rfc3339(grant.granted_at),
        "until": rfc3339(grant.expires_at),
        "confirm_again_by": rfc3339(grant.reconfirm_by),
        "paused_at": _time(grant.paused_at),
        "resumed_at": _time(grant.resumed_at),
        "ended_at": _time(grant.ended_at),
        "ended_by": grant.ended_by or None,
        "receipts": [as_json(one) for one in receipts],
        "messages": messages,
    }


def _messages(actor: Principal, keys: Keys) -> dict[UUID, list[Found]]:
    """By grant, oldest first."""
    rows = deliveries_for(actor).select_related(
        "notification__record", "notification__template_version__template"
    )
    found: dict[UUID, list[Found]] = {}
    for one in rows.order_by("id").iterator(chunk_size=1_000):
        found.setdefault(one.grant_id, []).append(_message(one, keys.get(one.partner_id)))
    return found


def _message(delivery: Delivery, key: DataKeyMaterial | None) -> Found:
    notification = delivery.notification
    try:
        text = render_with(key, notification, notification.record) if key else None
    except CannotOpen:  # sealed under an earlier key
        text = None
    return {
        "id": public_id("ntf", notification.id),
        "kind": notification.cluster,
        "text": text,
        "language": notification.template_version.locale,
        "status": public_status(delivery),
        "reason": delivery.reason or None,
        "asked_at": rfc3339(notification.created_at),
        "sent_to": public_id("lac", delivery.account_id) if delivery.sent_at else None,
        "sent_at": _time(delivery.sent_at),
        "delivered_at": _time(delivery.delivered_at),
        "read_at": _time(delivery.read_at),
        "ended_at": _time(delivery.ended_at),
        "record_id": public_id("rec", notification.record_id),
        "wording": f"{notification.template_version.template.name} v{notification.template_version.number}",
        "agreement": notification.record.agreement,
    }


def _request(request: GrantRequest) -> Found:
    return {
        "id": public_id("req", request.id),
        "bank": request.partner.name,
        "way": request.way,
        "kinds": request.clusters,
        "status": request.status,
        "asked_at": rfc3339(request.created_at),
        "decided_at": _time(request.decided_at),
    }


def _complaint(complaint: Complaint) -> Found:
    return {
        "id": public_id("cmp", complaint.id),
        "about": complaint.about.name if complaint.about else "Parley",
        "status": complaint.status,
        "turns": [
            {"at": rfc3339(one.at), "by": "Parley" if one.is_by_staff else "you", "text": one.text or None}
            for one in turns_of(complaint)
        ],
    }


def _event(event: AuditEvent, banks: dict[UUID, str]) -> Found:
    bank = banks.get(event.partner_id, "") if event.partner_id else ""
    words = f"{who_did(event, bank)}: {in_words(event)[1]}"
    return {
        "at": rfc3339(event.at),
        "what": event.code,
        "by": event.actor_kind,
        "bank": bank,
        "in_words": words,
        "data": event.data,
    }


def _lookup(reading: Reading, banks: dict[UUID, str]) -> Found:
    found = lookup_of(reading, banks.get(reading.partner_id, ""))
    return {
        "first_at": rfc3339(found.at),
        "last_at": rfc3339(found.last_at),
        "times": found.times,
        "bank": found.bank,
        "by": found.who,
        "what": found.what,
        "why": found.why,
        "scope": found.scope,
        "grant_id": public_id("grt", found.grant),
    }


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
