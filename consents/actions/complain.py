"""Complaints: a person and the staff take turns until one of them closes it. The bank sees nothing of it."""

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from consents.access import get_complaint_for
from consents.complaints import LONGEST, answering_staff, banks_of, text_place
from consents.mailing import mail_person
from consents.models import Complaint, ComplaintMessage
from partners.refusals import Refused
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import public_id, uuid7
from portal.mail.outbox import queue_mails
from portal.tenancy.context import scope
from portal.tenancy.permissions import StaffPermission
from portal.tenancy.principal import Kind, Principal
from portal.vault.crypto import seal
from portal.vault.keys import PLATFORM, data_key_for

MOST_OPEN = 10  # of one person
_S = Complaint.Status


@transaction.atomic
def lodge_complaint(*, about_id: UUID | None, text: str, actor: Principal) -> Complaint:
    """About a bank that the person is or was connected with, or (None) about us."""
    if actor.kind is not Kind.PERSON:
        raise Refused(_("Only people complain here."))
    with scope(Principal.system()):
        if about_id is not None and not banks_of(actor.person_id).filter(pk=about_id).exists():
            raise Refused(_("You were never connected with this bank through Parley."))
        is_open = Complaint.objects.filter(person_id=actor.person_id, status=_S.OPEN)
        if is_open.count() >= MOST_OPEN:
            raise Refused(_("You have written many complaints that wait. Write in one of those instead."))
        complaint = Complaint.objects.create(
            person_id=actor.person_id, about_id=about_id, changed_at=timezone.now()
        )
        _add_turn(complaint, text, actor)
        _record(Code.COMPLAINT_LODGED, complaint, actor, about=str(about_id) if about_id else None)
        _tell_staff(complaint)
    return complaint


@transaction.atomic
def continue_complaint(*, complaint_id: UUID, text: str, actor: Principal) -> Complaint:
    """The person writes again, also after it was closed: it then waits for the staff."""
    with scope(Principal.system()):
        complaint = _locked(complaint_id, actor)
        was_open = complaint.status == _S.OPEN
        _add_turn(complaint, text, actor)
        _move(complaint, _S.OPEN)
        _record(Code.COMPLAINT_CONTINUED, complaint, actor)
        if not was_open:  # else they know that it waits
            _tell_staff(complaint)
    return complaint


@transaction.atomic
def answer_complaint(*, complaint_id: UUID, text: str, actor: Principal) -> Complaint:
    """The staff answer; raises Refused for a complaint whose person has erased their account."""
    _require_staff(actor)
    with scope(Principal.system()):
        complaint = _locked(complaint_id, actor)
        if complaint.person.user_id is None:
            raise Refused("This person has erased their account. Nobody would read an answer.")  # for staff
        _add_turn(complaint, text, actor)
        _move(complaint, _S.ANSWERED)
        _record(Code.COMPLAINT_ANSWERED, complaint, actor)
        _tell_person(complaint)
    return complaint


@transaction.atomic
def close_complaint(*, complaint_id: UUID, actor: Principal) -> Complaint:
    """By the person whenever they like, by the staff once they have answered."""
    if actor.kind is not Kind.PERSON:
        _require_staff(actor)
    with scope(Principal.system()):
        complaint = _locked(complaint_id, actor)
        if complaint.status == _S.CLOSED:
            raise Refused(_("This complaint is closed already."))
        if actor.kind is Kind.STAFF and complaint.status == _S.OPEN and complaint.person.user_id is not None:
            raise Refused("Answer it first.")  # for staff
        _move(complaint, _S.CLOSED)
        _record(Code.COMPLAINT_CLOSED, complaint, actor)
        if actor.kind is Kind.STAFF:
            _tell_person(complaint)
    return complaint


@transaction.atomic
def open_for_staff(*, complaint_id: UUID, actor: Principal) -> Complaint:
    """What a person wrote is read by a colleague: that is in the trail."""
    _require_staff(actor)
    complaint = get_complaint_for(actor, complaint_id)
    _record(Code.COMPLAINT_OPENED, complaint, actor)
    return complaint


def _locked(complaint_id: UUID, actor: Principal) -> Complaint:
    get_complaint_for(actor, complaint_id)
    rows = Complaint.objects.select_related("person").select_for_update(of=("self",))
    return rows.get(pk=complaint_id)


def _add_turn(complaint: Complaint, text: str, actor: Principal) -> None:
    if not (text := text.strip()) or len(text) > LONGEST:
        raise Refused(_("Write between 1 and {most} characters.").format(most=LONGEST))
    message_id, key = uuid7(), data_key_for(PLATFORM, complaint.person_id)
    ComplaintMessage.objects.create(
        id=message_id,
        complaint=complaint,
        person_id=complaint.person_id,
        is_by_staff=actor.kind is Kind.STAFF,
        author_id=actor.id,
        text=seal(key, text.encode(), aad=text_place(message_id)),
    )


def _move(complaint: Complaint, to: str) -> None:
    complaint.status, complaint.changed_at = to, timezone.now()
    complaint.save(update_fields=["status", "changed_at"])


def _tell_staff(complaint: Complaint) -> None:
    page = reverse("staff-complaint", args=[public_id("cmp", complaint.id)])
    to = [(user.email, user.locale) for user in answering_staff()]
    context = {"page": f"{settings.BASE_URL}{page}", "reference": public_id("cmp", complaint.id)}
    queue_mails(to=to, template="consents/complaint_staff", context=context)


def _tell_person(complaint: Complaint) -> None:
    reference = public_id("cmp", complaint.id)
    context = {"is_closed": complaint.status == _S.CLOSED, "reference": reference}
    page = reverse("person-complaint", args=[reference])
    mail_person(complaint.person_id, "consents/complaint", context, page=page)


def _require_staff(actor: Principal) -> None:
    if StaffPermission.COMPLAINTS_ANSWER.value not in actor.permissions:
        raise Refused("Your role at the platform does not include answering complaints.")  # for staff


def _record(code: Code, complaint: Complaint, actor: Principal, **data: object) -> None:
    record(code, actor=actor, target=complaint, person_id=complaint.person_id, data=data)
