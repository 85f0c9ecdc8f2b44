"""What a bank's sign-on is, whom it reaches, and who is linked to it. Call as the system."""

from typing import Any
from uuid import UUID

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from partners.models import Membership, Partner, SignOn
from portal.accounts.models import User
from portal.vault.crypto import CannotOpen, open_sealed
from portal.vault.keys import find_data_key

_ENDED = (Partner.Status.REJECTED, Partner.Status.REVOKED, Partner.Status.SURRENDERED)


def domains_of(partner: Partner) -> list[str]:
    """The e-mail domains that the bank has shown to be its own."""
    return [partner.domain.lower()] if partner.domain else []


def domains_reached(sign_on: SignOn) -> list[str]:
    """Those that its owner chose and that are still the bank's own."""
    own = domains_of(sign_on.partner)
    return [domain for domain in sign_on.domains if domain in own]


def domain_in(email: str) -> str:
    """What stands after the @."""
    return email.rpartition("@")[2].lower()


def sign_on_of(partner_id: UUID | str) -> SignOn | None:
    """The bank's, with the bank."""
    return SignOn.objects.select_related("partner").filter(partner_id=partner_id).first()


def sign_on_for(email: str) -> SignOn | None:
    """The one that is on and reaches the address's domain."""
    domain = domain_in(email)
    rows = SignOn.objects.select_related("partner").filter(is_on=True, domains__contains=[domain])
    rows = rows.exclude(partner__status__in=_ENDED)
    return next((found for found in rows if domain in domains_reached(found)), None)


def sign_on_required_of(user: User) -> SignOn | None:
    """The one that is this member's only way in. Whoever may break the glass has another, and so has every owner
    while the one who was chosen is no owner any more.
    """
    if user.staff_role or (found := sign_on_for(user.email)) is None or found.break_glass_id is None:
        return None
    team = Membership.objects.filter(partner_id=found.partner_id)
    roles = dict(team.filter(user_id__in=[user.pk, found.break_glass_id]).values_list("user_id", "role"))
    if user.pk not in roles:
        return None
    has_breaker = roles.get(found.break_glass_id) == Membership.Role.OWNER
    is_breaker = user.pk == found.break_glass_id if has_breaker else roles[user.pk] == Membership.Role.OWNER
    return None if is_breaker else found


def vouches_for(sign_on: SignOn, kind: str, issuer: str) -> bool:
    """Whether this is still the provider that named somebody."""
    return (sign_on.kind, sign_on.issuer) == (kind, issuer)


def is_in_team(partner_id: UUID | str, user: Any) -> bool:
    """Whether somebody, perhaps nobody who is known, is a member of the bank."""
    pk = getattr(user, "pk", None)
    return pk is not None and Membership.objects.filter(partner_id=partner_id, user_id=pk).exists()


def links_of(partner_id: UUID | str) -> QuerySet[SocialAccount]:
    """Who is linked: allauth's `provider` is the bank's id, its `uid` what the bank's provider calls the person."""
    return SocialAccount.objects.filter(provider=str(partner_id))


def open_secret(sign_on: SignOn) -> str | None:
    """The client secret, or our key for SAML; None once the bank's data was destroyed."""
    key = find_data_key(sign_on.partner_id)
    try:
        return open_sealed(key, sign_on.secret, aad=secret_place(sign_on.id)).decode() if key else None
    except CannotOpen:  # sealed under the key that is gone
        return None


def secret_place(sign_on_id: UUID) -> bytes:
    """What ties a sealed secret to its row."""
    return b"signon.secret" + sign_on_id.bytes


def start_url(partner_id: UUID | str) -> str:
    """Where signing in through the bank begins: the bank can put it on a page of its own."""
    return f"{settings.BASE_URL}{reverse('openid_connect_login', args=[partner_id])}"


def acs_url(partner_id: UUID | str) -> str:
    """Where the bank's SAML provider has browsers post what it says."""
    return f"{settings.BASE_URL}{reverse('bank-acs', args=[partner_id])}"


def entity_id_url(partner_id: UUID | str) -> str:
    """Who we are to the bank's SAML provider: the address of our metadata."""
    return f"{settings.BASE_URL}{reverse('bank-metadata', args=[partner_id])}"


def callback_url(partner_id: UUID | str) -> str:
    """Where the bank's provider sends people back to."""
    return f"{settings.BASE_URL}{reverse('openid_connect_callback', args=[partner_id])}"
