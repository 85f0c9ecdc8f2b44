"""Complaints as they are read: their turns opened, and who answers them."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from consents.models import Complaint, ComplaintMessage, Grant
from partners.models import Partner
from portal.accounts.models import User
from portal.tenancy.context import scope
from portal.tenancy.permissions import STAFF_PERMISSIONS, StaffPermission
from portal.tenancy.principal import Principal
from portal.vault.crypto import CannotOpen, DataKeyMaterial, open_sealed
from portal.vault.keys import PLATFORM, find_data_key

LONGEST = 4_000  # characters of one turn


class Turn(NamedTuple):
    """What one side wrote; "" once it was erased."""

    at: datetime
    is_by_staff: bool
    text: str


def text_place(message_id: UUID) -> bytes:
    """Where a sealed turn belongs."""
    return b"complaint.text" + message_id.bytes


def turns_of(complaint: Complaint) -> list[Turn]:
    """Oldest first, to who may see the complaint: staff have no people's keys, so the system opens it for them."""
    with scope(Principal.system()):
        key = find_data_key(PLATFORM, complaint.person_id)
        messages = list(complaint.messages.order_by("id"))
    return [Turn(one.at, one.is_by_staff, _text(one, key)) for one in messages]


def _text(message: ComplaintMessage, key: DataKeyMaterial | None) -> str:
    try:
        return open_sealed(key, message.text, aad=text_place(message.id)).decode() if key else ""
    except CannotOpen:  # sealed under an earlier key
        return ""


def banks_of(person_id: UUID) -> QuerySet[Partner]:
    """Those that somebody can complain about: every one they were ever connected with."""
    return Partner.objects.filter(pk__in=Grant.objects.filter(person_id=person_id).values("partner_id"))


def answering_staff() -> QuerySet[User]:
    """Whoever answers complaints."""
    roles = [role for role, held in STAFF_PERMISSIONS.items() if StaffPermission.COMPLAINTS_ANSWER in held]
    return User.objects.filter(staff_role__in=roles, is_active=True).order_by("pk")
