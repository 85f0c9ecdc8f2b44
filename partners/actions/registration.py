"""A bank comes in: by itself, or because platform staff invited it."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from partners.access import member_principal
from partners.actions.clients import create_client
from partners.actions.invitations import ENDED, check_reader, keep_name
from partners.actions.partners import register_partner
from partners.api_client import ApiClient
from partners.clusters import ALL_SCOPES, Environment
from partners.models import BankInvitation, Partner
from partners.refusals import Refused
from partners.team import bank_of_domain, has_address, new_token
from portal.accounts.models import User
from portal.audit.codes import Code
from portal.audit.record import record
from portal.mail.outbox import queue_mail
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

LIFETIME = timedelta(days=30)
# Providers whose addresses say nothing of where somebody works.
PUBLIC_MAIL = {
    *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com"),
    *("icloud.com", "me.com", "aol.com", "gmx.de", "gmx.net", "web.de", "mail.com", "proton.me"),
    *("protonmail.com", "zoho.com", "yandex.ru", "mail.ru", "qq.com", "163.com"),
}


class Workspace(NamedTuple):
    """A bank as it begins; `secret` is shown this once."""

    partner: Partner
    client: ApiClient
    secret: str


@transaction.atomic
def open_workspace(
    *, name: str, slug: str, owner: User, owner_name: str = "", invitation_id: UUID | None = None
) -> Workspace:
    """Registers a bank with its owner, whose e-mail's domain becomes the bank's, and its sandbox client.

    Raises Refused for a name in addresses or a domain that another bank has, and for an invitation that ended.
    """
    if owner.staff_role:
        raise Refused("Platform staff cannot act for a bank. Use an account of the bank’s.")
    domain = work_domain(owner)
    with scope(Principal.system()):
        invitation = _waiting(invitation_id) if invitation_id else None
        if invitation:
            if invitation.state != "OPEN":
                raise Refused(ENDED[invitation.state])
            check_reader(owner, invitation.email)
        keep_name(owner, owner_name)
        partner = _register(name, slug, owner, domain)
        if invitation:
            _accept(invitation, partner, owner)
        actor, _ = member_principal(owner, slug)
    client, secret = create_client(
        partner_id=partner.id,
        name="First sandbox client",
        environment=Environment.SANDBOX,
        scopes=ALL_SCOPES,
        actor=actor,
    )
    return Workspace(partner, client, secret)


def work_domain(user: User) -> str:
    """The domain of the user's address; raises Refused where it is not confirmed, or a public mail provider's."""
    if not has_address(user, user.email):
        raise Refused("Confirm your e-mail address first.")
    domain = user.email.rpartition("@")[2].lower()
    if domain in PUBLIC_MAIL:
        raise Refused(
            f"An address at {domain} does not show which bank you work for. Sign in with your work e-mail."
        )
    return domain


@transaction.atomic
def invite_bank(*, email: str, bank_name: str, words: str, actor: Principal) -> BankInvitation:
    """Staff send a bank a link to register, or to decline, within 30 days. Raises Refused."""
    email, now = email.strip().lower(), timezone.now()
    token, digest = new_token()
    with scope(actor):
        _staff_only(actor)
        waiting = BankInvitation.objects.filter(
            email=email, accepted_at=None, declined_at=None, withdrawn_at=None
        )
        waiting.filter(expires_at__lte=now).update(withdrawn_at=now)
        try:
            with transaction.atomic():
                invitation = BankInvitation.objects.create(
                    email=email, bank_name=bank_name, words=words, digest=digest, invited_by_id=actor.id,
                    expires_at=now + LIFETIME,
                )  # fmt: skip
        except IntegrityError as error:
            raise Refused("This address has an invitation already. You can send it again.") from error
        record(Code.BANK_INVITATION_ISSUED, actor=actor, target=invitation)
        _send(invitation, token)
    return invitation


@transaction.atomic
def renew_bank_invitation(*, invitation_id: UUID, actor: Principal) -> BankInvitation:
    """Sends it again for another 30 days, with a new link; the old link ends."""
    with scope(actor):
        _staff_only(actor)
        invitation = _waiting(invitation_id)
        token, invitation.digest = new_token()
        invitation.expires_at = timezone.now() + LIFETIME
        invitation.save(update_fields=["digest", "expires_at"])
        record(Code.BANK_INVITATION_RENEWED, actor=actor, target=invitation)
        _send(invitation, token)
    return invitation


@transaction.atomic
def withdraw_bank_invitation(*, invitation_id: UUID, actor: Principal) -> BankInvitation:
    """Its link ends."""
    with scope(actor):
        _staff_only(actor)
        invitation = _waiting(invitation_id)
        invitation.withdrawn_at = timezone.now()
        invitation.save(update_fields=["withdrawn_at"])
        record(Code.BANK_INVITATION_CANCELLED, actor=actor, target=invitation)
    return invitation


@transaction.atomic
def decline_bank_invitation(*, invitation_id: UUID, reason: str) -> BankInvitation:
    """The bank walks away before it came in; whoever invited it gets the reason. The link is enough for it."""
    with scope(Principal.system()):
        invitation = _waiting(invitation_id)
        if invitation.state != "OPEN":
            raise Refused(ENDED[invitation.state])
        invitation.declined_at, invitation.decline_reason = timezone.now(), reason
        invitation.save(update_fields=["declined_at", "decline_reason"])
        record(Code.BANK_INVITATION_DECLINED, actor=Principal(Kind.MEMBER), target=invitation)
        page = f"{settings.BASE_URL}{reverse('staff-invitations')}"
        context = {"bank_name": invitation.bank_name, "page": page}
        queue_mail(to=invitation.invited_by.email, template="partners/bank_declined", context=context)
    return invitation


def _register(name: str, slug: str, owner: User, domain: str) -> Partner:
    if bank_of_domain(domain):
        raise Refused(f"A bank whose people have addresses at {domain} is here already. Ask to join it.")
    try:
        with transaction.atomic():
            return register_partner(name=name, slug=slug, owner=owner, domain=domain)
    except IntegrityError as error:
        if "partners_partner_domain" in str(error):
            return _register(name, slug, owner, domain)
        raise Refused(f"“{slug}” is taken. Choose another.") from error


def _accept(invitation: BankInvitation, partner: Partner, owner: User) -> None:
    invitation.accepted_at, invitation.partner = timezone.now(), partner
    invitation.save(update_fields=["accepted_at", "partner"])
    actor = Principal(Kind.MEMBER, id=owner.pk)
    record(Code.BANK_INVITATION_ACCEPTED, actor=actor, target=invitation, partner_id=partner.id)


def _waiting(invitation_id: UUID) -> BankInvitation:
    """Locked; it may have run out."""
    rows = BankInvitation.objects.select_for_update(of=("self",)).select_related("invited_by")
    invitation = rows.get(pk=invitation_id)
    if invitation.state not in ("OPEN", "EXPIRED"):
        raise Refused(ENDED[invitation.state])
    return invitation


def _staff_only(actor: Principal) -> None:
    if actor.kind is not Kind.STAFF:
        raise Refused("Only platform staff can do that.")


def _send(invitation: BankInvitation, token: str) -> None:
    context = {
        "bank_name": invitation.bank_name,
        "words": invitation.words,
        "until": f"{invitation.expires_at:%-d %B %Y}",
        "page": f"{settings.BASE_URL}{reverse('bank-invitation', args=[token])}",
    }
    queue_mail(to=invitation.email, template="partners/bank_invited", context=context)
