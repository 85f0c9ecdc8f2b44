"""What a bank's sign-in for customers is, opened. Call as the system."""

from uuid import UUID

from django.conf import settings
from django.urls import reverse

from partners.models import CustomerSignIn
from partners.oidc.code_flow import Provider
from portal.vault.crypto import CannotOpen, open_sealed
from portal.vault.keys import find_data_key


def customer_sign_in_of(partner_id: UUID, environment: str) -> CustomerSignIn | None:
    """The bank's, with the bank."""
    rows = CustomerSignIn.objects.select_related("partner")
    return rows.filter(partner_id=partner_id, environment=environment).first()


def provider_of(sign_in: CustomerSignIn) -> Provider | None:
    """What it takes to speak with the bank's provider; None once the bank's data was destroyed."""
    key = find_data_key(sign_in.partner_id)
    try:
        secret = open_sealed(key, sign_in.secret, aad=secret_place(sign_in.id)).decode() if key else None
    except CannotOpen:  # sealed under the key that is gone
        secret = None
    if secret is None:
        return None
    return Provider(sign_in.issuer, sign_in.client_id, secret, sign_in.scopes, sign_in.host)


def secret_place(sign_in_id: UUID) -> bytes:
    """What ties a sealed secret to its row."""
    return b"customersignin.secret" + sign_in_id.bytes


def return_url(slug: str) -> str:
    """Where this bank's provider sends people back to. Each has its own: what another bank's provider gives cannot
    be taken for this one's (RFC 9700 §4.4), even where it does not name itself.
    """
    return f"{settings.BASE_URL}{reverse('bank-return', args=[slug])}"
