"""Invitations into a bank's team, and requests for one."""

from datetime import timedelta
from uuid import UUID

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from partners.actions.partners import add_member
from partners.actions.team import lock_team
from partners.models import Invitation, JoinRequest, Membership, Partner
from partners.refusals import Refused
from partners.roles import ROLE_PERMISSIONS, ROLE_WORDS
from partners.sso.reading import sign_on_required_of
from partners.team import has_address, new_token, open_invitations
from portal.accounts.models import User
from portal.audit.codes import Code
from portal.audit.record import record
from portal.mail.outbox import queue_mail
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Kind, Principal

LIFETIME = timedelta(days=7)
MOST_OPEN = 50
ENDED = {
    "ACCEPTED": "This invitation has been used.",
    "DECLINED": "This invitation was declined.",
    "WITHDRAWN": "This invitation was withdrawn.",
    "EXPIRED": "This invitation has run out.",
}


@transaction.atomic
def invite_member(*, partner_id: UUID, email: str, role: str, actor: Principal) -> Invitation:
    """Sends a link that works for this address, once, for seven days. Raises Refused."""
    email, now = email.strip().lower(), timezone.now()
    with scope(Principal.system()):
        team = lock_team(partner_id, actor)
        if any(member.user.email == email for member in team):
            raise Refused("Whoever has this address is in your team already.")
        waiting = open_invitations(partner_id)
        if waiting.filter(email=email, expires_at__gt=now).exists():
            raise Refused(
                "This address has an invitation already. You can send it again from the team’s page."
            )
        waiting.filter(expires_at__lte=now).update(withdrawn_at=now)
        if waiting.count() >= MOST_OPEN:
            raise Refused(f"{MOST_OPEN} invitations are waiting already. Withdraw those you do not need.")
        token, digest = new_token()
        invitation = Invitation.objects.create(
            partner_id=partner_id, email=email, role=role, digest=digest, invited_by_id=actor.id,
            expires_at=now + LIFETIME,
        )  # fmt: skip
        data = {"role": role}
        record(Code.INVITATION_ISSUED, actor=actor, target=invitation, partner_id=partner_id, data=data)
        for asked in JoinRequest.objects.filter(partner_id=partner_id, user__email=email, closed_at=None):
            _close(asked, actor)
        _send(invitation, token)
    return invitation


@transaction.atomic
def renew_invitation(*, partner_id: UUID, invitation_id: UUID, actor: Principal) -> Invitation:
    """Sends it again for another seven days, with a new link; the old link ends."""
    with scope(Principal.system()):
        lock_team(partner_id, actor)
        invitation = _waiting(invitation_id)
        token, invitation.digest = new_token()
        invitation.expires_at = timezone.now() + LIFETIME
        invitation.save(update_fields=["digest", "expires_at"])
        record(Code.INVITATION_RENEWED, actor=actor, target=invitation, partner_id=partner_id)
        _send(invitation, token)
    return invitation


@transaction.atomic
def withdraw_invitation(*, partner_id: UUID, invitation_id: UUID, actor: Principal) -> Invitation:
    """Its link ends."""
    with scope(Principal.system()):
        lock_team(partner_id, actor)
        invitation = _waiting(invitation_id)
        invitation.withdrawn_at = timezone.now()
        invitation.save(update_fields=["withdrawn_at"])
        record(Code.INVITATION_CANCELLED, actor=actor, target=invitation, partner_id=partner_id)
    return invitation


@transaction.atomic
def accept_invitation(
    *, invitation_id: UUID, user: User, name: str = "", session_key: str | None = None
) -> Membership:
    """Puts the user into the team. Where the bank wants its own way in alone, their sessions end, but for the one
    that they join in. Raises Refused for an invitation that ended, or is for another address.
    """
    actor = Principal(Kind.MEMBER, id=user.pk)
    with scope(Principal.system()):
        invitation = _waiting(invitation_id)
        if invitation.state != "OPEN":
            raise Refused(ENDED[invitation.state])
        check_reader(user, invitation.email)
        if Membership.objects.filter(partner_id=invitation.partner_id, user=user).exists():
            raise Refused("You are in this team already.")
        invitation.accepted_at = timezone.now()
        invitation.save(update_fields=["accepted_at"])
        keep_name(user, name)
        record(Code.INVITATION_ACCEPTED, actor=actor, target=invitation, partner_id=invitation.partner_id)
        member = add_member(partner_id=invitation.partner_id, user=user, role=invitation.role, actor=actor)
        required = sign_on_required_of(user)
        if required is not None and required.partner_id == invitation.partner_id:
            for session in UserSession.objects.filter(user=user).exclude(session_key=session_key):
                session.end()
    return member


@transaction.atomic
def ask_to_join(*, partner_id: UUID, user: User) -> JoinRequest:
    """Asks those who manage the team for an invitation. Raises Refused where that was asked already."""
    actor = Principal(Kind.MEMBER, id=user.pk)
    with scope(Principal.system()):
        partner = Partner.objects.get(pk=partner_id)
        try:
            with transaction.atomic():
                asked = JoinRequest.objects.create(partner=partner, user=user)
        except IntegrityError as error:
            raise Refused("You have asked already. You get an e-mail when somebody invites you.") from error
        record(Code.JOIN_REQUESTED, actor=actor, target=asked, partner_id=partner_id)
        able = [role for role, held in ROLE_PERMISSIONS.items() if Permission.TEAM_MANAGE in held]
        managers = Membership.objects.filter(partner=partner, role__in=able).select_related("user")
        page = f"{settings.BASE_URL}{reverse('member-team', args=[partner.slug])}"
        context = {"partner": partner.name, "email": user.email, "page": page}
        for member in managers:
            queue_mail(to=member.user.email, template="partners/join_asked", context=context)
    return asked


@transaction.atomic
def close_join_request(*, partner_id: UUID, request_id: UUID, actor: Principal) -> None:
    """Takes it off the list; whoever asked hears nothing."""
    with scope(Principal.system()):
        lock_team(partner_id, actor)
        _close(JoinRequest.objects.get(pk=request_id), actor)


def check_reader(user: User, email: str) -> None:
    """Raises Refused unless a letter to `email` may be answered by the user."""
    if not has_address(user, email):
        raise Refused("This invitation is for another address. Sign in with the address it was sent to.")
    if user.staff_role:
        raise Refused("Platform staff cannot act for a bank. Use an account of the bank’s.")


def keep_name(user: User, name: str) -> None:
    """What somebody wants to be called, where they have said so."""
    if name and name != user.name:
        user.name = name
        user.save(update_fields=["name"])


def _waiting(invitation_id: UUID) -> Invitation:
    """Locked; it may have run out."""
    rows = Invitation.objects.select_for_update(of=("self",)).select_related("partner", "invited_by")
    invitation = rows.get(pk=invitation_id)
    if invitation.state not in ("OPEN", "EXPIRED"):
        raise Refused(ENDED[invitation.state])
    return invitation


def _close(asked: JoinRequest, actor: Principal) -> None:
    asked.closed_at = timezone.now()
    asked.save(update_fields=["closed_at"])
    record(Code.JOIN_REQUEST_CLOSED, actor=actor, target=asked, partner_id=asked.partner_id)


def _send(invitation: Invitation, token: str) -> None:
    word, sentence = ROLE_WORDS[invitation.role]
    sender = invitation.invited_by
    context = {
        "partner": invitation.partner.name,
        "sender": f"{sender.name} ({sender.email})" if sender.name else sender.email,
        "role": word,
        "role_words": sentence,
        "until": f"{invitation.expires_at:%-d %B %Y, %H:%M} UTC",
        "page": f"{settings.BASE_URL}{reverse('invitation', args=[token])}",
    }
    queue_mail(to=invitation.email, template="partners/invited", context=context)
