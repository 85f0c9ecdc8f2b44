"""A bank's single sign-on: set up, checked, turned on, and members linked to it."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.utils import timezone

from partners.actions.invitations import accept_invitation
from partners.actions.team import lock_team
from partners.models import Invitation, Membership, Partner, SignOn
from partners.refusals import Refused
from partners.saml.certificates import make_own, read_certificate
from partners.sender_checks import Finding
from partners.sso.provider import Identity
from partners.sso.reading import (
    domain_in,
    domains_of,
    domains_reached,
    links_of,
    secret_place,
    sign_on_of,
    sign_on_required_of,
    vouches_for,
)
from portal.accounts.models import User
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal
from portal.vault.crypto import seal
from portal.vault.keys import data_key_for

MODES = ("off", "on", "required")
_NOT_LINKED = "Link your own sign-in first: it shows that the way in works."


@transaction.atomic
def save_sign_on(
    *,
    partner_id: UUID,
    issuer: str,
    client_id: str,
    secret: str,
    domains: list[str],
    trusts_second_step: bool,
    second_step_acr: str,
    actor: Principal,
) -> SignOn:
    """Sets OpenID Connect up, or changes it; an empty `secret` stays as it is. Another issuer names people anew, so all
    links to the old one end. Whatever changes how the provider is reached turns it off until it was checked again.
    """
    with scope(Principal.system()):
        found = _to_change(partner_id, domains, actor)
        is_moved = not vouches_for(found, SignOn.Kind.OIDC, issuer)
        if (found._state.adding or found.is_saml) and not secret:
            raise Refused("Give the client secret.")
        is_reached_anew = is_moved or found.client_id != client_id or bool(secret)
        found.kind, found.issuer, found.client_id = SignOn.Kind.OIDC, issuer, client_id
        found.sso_url, found.certificates, found.own_certificate = "", [], ""
        found.domains, found.trusts_second_step = domains, trusts_second_step
        found.second_step_acr = second_step_acr
        if secret:
            found.secret = seal(data_key_for(partner_id), secret.encode(), aad=secret_place(found.id))
        data = {"client_id": client_id, "has_new_secret": bool(secret)}
        _save(found, actor, data, is_moved=is_moved, is_reached_anew=is_reached_anew)
    return found


@transaction.atomic
def save_saml_sign_on(
    *,
    partner_id: UUID,
    issuer: str,
    sso_url: str,
    certificates: list[str],
    domains: list[str],
    trusts_second_step: bool,
    second_step_acr: str,
    actor: Principal,
) -> SignOn:
    """Sets SAML up, or changes it, by the same rules. `certificates` are in base64: while one of the old ones stays
    among them, as in a rotation, it stays on. The key that signs our requests is made once, and sealed.
    """
    with scope(Principal.system()):
        found = _to_change(partner_id, domains, actor)
        is_moved = not vouches_for(found, SignOn.Kind.SAML, issuer)
        if found._state.adding or not found.is_saml:
            key, found.own_certificate = make_own(f"Parley {partner_id}")
            found.secret = seal(data_key_for(partner_id), key, aad=secret_place(found.id))
        is_reached_anew = (
            is_moved or found.sso_url != sso_url or not set(found.certificates) & set(certificates)
        )
        found.kind, found.issuer, found.client_id = SignOn.Kind.SAML, issuer, ""
        found.sso_url, found.certificates = sso_url, certificates
        found.domains, found.trusts_second_step = domains, trusts_second_step
        found.second_step_acr = second_step_acr
        data = {
            "sso_url": sso_url,
            "certificates": [read_certificate(one).fingerprint for one in certificates],
        }
        _save(found, actor, data, is_moved=is_moved, is_reached_anew=is_reached_anew)
    return found


@transaction.atomic
def note_sign_on_check(
    *, partner_id: UUID, issuer: str, findings: Iterable[Finding], actor: Principal
) -> SignOn:
    """Keeps what this issuer's provider said just now."""
    with scope(Principal.system()):
        lock_team(partner_id, actor)
        found = _locked(partner_id)
        if found is None or found.issuer != issuer:
            raise Refused("Somebody else has changed this meanwhile. Look again.")
        found.checked_at, found.findings = timezone.now(), [finding._asdict() for finding in findings]
        found.save(update_fields=["checked_at", "findings"])
        data = {"is_good": found.is_proven}
        record(Code.SIGN_ON_CHECKED, actor=actor, target=found, partner_id=partner_id, data=data)
    return found


@transaction.atomic
def change_sign_on_mode(*, partner_id: UUID, mode: str, break_glass: UUID | None, actor: Principal) -> SignOn:
    """Off, on beside passwords, or required. Off ends the sessions that the bank's word opened, the actor's too.
    Required ends the sessions of all whom it reaches but the actor, and leaves one owner, `break_glass`, another
    way in.
    """
    with scope(Principal.system()):
        team = lock_team(partner_id, actor)
        found = _locked(partner_id)
        if found is None:
            raise Refused("Set it up first.")
        if mode != "off":
            _check_ready(found, actor)
        if mode == "required" and break_glass not in [one.user_id for one in team if one.role == "owner"]:
            raise Refused("Choose an owner who can still come in when your provider is away.")
        before = mode_of(found)
        found.is_on, found.is_required = mode != "off", mode == "required"
        found.break_glass_id = break_glass if mode == "required" else None
        found.turned_off_at = timezone.now() if mode == "off" else found.turned_off_at
        found.save(update_fields=["is_on", "is_required", "break_glass", "turned_off_at"])
        if mode == "required":
            reached = [
                one.user
                for one in team
                if one.user_id != actor.id and sign_on_required_of(one.user) is not None
            ]
            for session in UserSession.objects.filter(user__in=reached):
                session.end()
        data = {"from": before, "to": mode}
        record(Code.SIGN_ON_MODE_CHANGED, actor=actor, target=found, partner_id=partner_id, data=data)
    return found


def mode_of(sign_on: SignOn) -> str:
    """One of MODES."""
    return "required" if sign_on.is_required else "on" if sign_on.is_on else "off"


@transaction.atomic
def link_to_bank(*, identity: Identity, user: User) -> None:
    """From now on the bank's provider can sign this member in. Raises Refused."""
    with scope(Principal.system()):
        sign_on = _checked(identity)
        if not Membership.objects.filter(partner_id=sign_on.partner_id, user=user).exists():
            raise Refused("You are not in this bank’s team any more.")
        known = links_of(sign_on.partner_id)
        if known.filter(user=user).exists():
            raise Refused("You are linked already. End that link first.")
        if known.filter(uid=identity.subject).exists():
            raise Refused("Somebody else here is linked to this sign-in of your bank’s.")
        _link(sign_on, identity, user)


@transaction.atomic
def unlink_from_bank(*, partner_id: UUID, user: User) -> None:
    """The bank's provider can no longer sign this user in. Raises Refused where no other way would be left."""
    with scope(Principal.system()):
        sign_on = _locked(partner_id)
        link = links_of(partner_id).filter(user=user).first()
        if sign_on is None or link is None:
            raise Refused("You are not linked.")
        if not user.has_usable_password():
            raise Refused("You have no password yet. Set one first, or you could not come in any more.")
        link.delete()
        actor = Principal(Kind.MEMBER, id=user.pk)
        record(Code.SIGN_ON_UNLINKED, actor=actor, target=sign_on, partner_id=partner_id)


@transaction.atomic
def join_by_bank(*, invitation_id: UUID, identity: Identity, name: str) -> User:
    """Accepts an invitation as the person whom the bank's provider named: with an account of their own, made here,
    or the one that is linked. Never with one that only has the same address. Raises Refused.
    """
    with scope(Principal.system()):
        invitation = Invitation.objects.get(pk=invitation_id)
        if str(invitation.partner_id) != identity.partner_id:
            raise Refused("This invitation is of another bank.")
        sign_on = _checked(identity)
        if not sign_on.is_on:
            raise Refused("The bank has not turned its single sign-on on.")
        if identity.email != invitation.email.lower():
            raise Refused("This invitation is for another address than your bank’s sign-in told.")
        link = links_of(identity.partner_id).filter(uid=identity.subject).select_related("user").first()
        user = link.user if link else _new_user(identity, name)
        accept_invitation(invitation_id=invitation_id, user=user, name=name)
        if link is None:
            _link(sign_on, identity, user)
    return user


def _to_change(partner_id: UUID, domains: list[str], actor: Principal) -> SignOn:
    """The bank's, or a new one; its team is locked. Raises Refused."""
    lock_team(partner_id, actor)
    partner = Partner.objects.get(pk=partner_id)
    if not domains or not set(domains) <= set(domains_of(partner)):
        raise Refused("Choose domains that your bank has shown to be its own.")
    return _locked(partner_id) or SignOn(id=uuid7(), partner=partner)


def _save(
    found: SignOn, actor: Principal, data: Mapping[str, object], *, is_moved: bool, is_reached_anew: bool
) -> None:
    is_new = found._state.adding
    if is_reached_anew:
        found.is_on = found.is_required = False
        found.checked_at, found.findings = None, []
    if is_moved:
        links_of(found.partner_id).delete()
    found.save()
    about = {
        **data, "kind": str(found.kind), "issuer": found.issuer, "domains": found.domains,
        "trusts_second_step": found.trusts_second_step, "is_moved": is_moved and not is_new,
    }  # fmt: skip
    record(Code.SIGN_ON_CONFIGURED, actor=actor, target=found, partner_id=found.partner_id, data=about)


def _new_user(identity: Identity, name: str) -> User:
    """The bank's provider and the letter have both shown that the address is theirs."""
    taken = EmailAddress.objects.filter(email__iexact=identity.email)
    if taken.exists() or User.objects.filter(email__iexact=identity.email).exists():
        raise Refused(
            "There is an account with this address already. Sign in with it and open the invitation again; then link"
            " it on the page “Single sign-on”."
        )
    user = User.objects.create_user(identity.email, None, name=name)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def _link(sign_on: SignOn, identity: Identity, user: User) -> None:
    SocialAccount.objects.create(user=user, provider=identity.partner_id, uid=identity.subject, extra_data={})
    actor = Principal(Kind.MEMBER, id=user.pk)
    record(Code.SIGN_ON_LINKED, actor=actor, target=sign_on, partner_id=sign_on.partner_id)


def _checked(identity: Identity) -> SignOn:
    """Locked. What was true when the provider spoke may have changed since."""
    found = _locked(identity.partner_id)
    if (
        found is None
        or not vouches_for(found, identity.kind, identity.issuer)
        or domain_in(identity.email) not in domains_reached(found)
    ):
        raise Refused("Your bank does not use this for your address any more.")
    return found


def _check_ready(found: SignOn, actor: Principal) -> None:
    if not found.is_proven:
        raise Refused("Check the provider first: nothing may be wrong with it.")
    if actor.kind is Kind.MEMBER and not links_of(found.partner_id).filter(user_id=actor.id).exists():
        raise Refused(_NOT_LINKED)


def _locked(partner_id: UUID | str) -> SignOn | None:
    found = SignOn.objects.select_for_update(of=("self",)).filter(partner_id=partner_id).first()
    return sign_on_of(partner_id) if found else None
