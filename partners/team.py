"""The only way from an id or a token to a bank's members, invitations and requests to join; and what its team is."""

import hashlib
import secrets
from typing import TypeVar
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from partners.due import Task, When, add_tasks
from partners.models import BankInvitation, Invitation, JoinRequest, Membership, Partner
from portal.accounts.models import User
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

Row = TypeVar("Row", bound=Model)
_SECOND_STEPS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def members_of(partner_id: UUID) -> QuerySet[Membership]:
    """The team, oldest first, each with `has_second_step`. It is small: every list of it is whole."""
    steps = Authenticator.objects.filter(user=OuterRef("user"), type__in=_SECOND_STEPS)
    rows = Membership.objects.filter(partner_id=partner_id).select_related("user")
    return rows.annotate(has_second_step=Exists(steps)).order_by("id")


def get_member_for(principal: Principal, member_id: UUID) -> Membership:
    """Raises Http404 for whoever is not in the principal's own bank."""
    return _own(members_of(principal.partner_id), member_id)


def get_invitation_for(principal: Principal, invitation_id: UUID) -> Invitation:
    """Raises Http404 for another bank's."""
    return _own(Invitation.objects.filter(partner_id=principal.partner_id), invitation_id)


def get_join_request_for(principal: Principal, request_id: UUID) -> JoinRequest:
    """Raises Http404 for another bank's."""
    return _own(JoinRequest.objects.filter(partner_id=principal.partner_id), request_id)


def get_bank_invitation(invitation_id: UUID) -> BankInvitation:
    """For staff. Raises Http404."""
    return _own(BankInvitation.objects.all(), invitation_id)


def invitation_by_token(token: str) -> Invitation:
    """For whoever has the letter. Raises Http404."""
    with scope(Principal.system()):
        return _by_token(Invitation.objects.select_related("partner", "invited_by"), token)


def bank_invitation_by_token(token: str) -> BankInvitation:
    """For whoever has the letter. Raises Http404."""
    with scope(Principal.system()):
        return _by_token(BankInvitation.objects.select_related("partner"), token)


def new_token() -> tuple[str, bytes]:
    """256 random bits for a link, and what is kept of them."""
    token = secrets.token_urlsafe(32)
    return token, digest_of(token)


def digest_of(token: str) -> bytes:
    """SHA-256: there is nothing to guess in 256 random bits."""
    return hashlib.sha256(token.encode()).digest()


def has_address(user: User, email: str) -> bool:
    """Whether the user has shown that mail to this address reaches them."""
    return EmailAddress.objects.filter(user=user, email__iexact=email, verified=True).exists()


def bank_of_domain(domain: str) -> Partner | None:
    """The bank whose people have addresses there. Call as the system."""
    rows = Partner.objects.filter(domain__iexact=domain)
    return rows.exclude(status__in=["REJECTED", "REVOKED", "SURRENDERED"]).first()


def open_invitations(partner_id: UUID) -> QuerySet[Invitation]:
    """Those that were neither accepted nor withdrawn; some may have run out."""
    return Invitation.objects.filter(partner_id=partner_id, accepted_at=None, withdrawn_at=None)


def ask_for_colleagues(partner: Partner) -> Task:
    """One person alone cannot hand over, nor keep two pairs of eyes on anything."""
    team = reverse("member-team", args=[partner.slug])
    if Membership.objects.filter(partner=partner)[:2].count() > 1:
        return Task("Invite a colleague", When.DONE, team)
    if open_invitations(partner.id).filter(expires_at__gt=timezone.now()).exists():
        return Task("Invite a colleague", When.DONE, team, "An invitation is on its way.")
    why = "You are the only one in the team. A second owner can act when you are away."
    return Task("Invite a colleague", When.NOW, reverse("member-team-invite", args=[partner.slug]), why)


add_tasks(ask_for_colleagues)


def _own(rows: QuerySet[Row], row_id: UUID) -> Row:
    found = rows.filter(pk=row_id).first()
    if found is None:
        raise Http404
    return found


def _by_token(rows: QuerySet[Row], token: str) -> Row:
    found = rows.filter(digest=digest_of(token)).first()
    if found is None:
        raise Http404
    return found
