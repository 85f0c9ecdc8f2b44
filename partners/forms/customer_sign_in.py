"""What is typed about how a bank's customers sign in."""

from typing import Any

from django import forms
from django.core.validators import RegexValidator

from partners.forms.sso import PLAIN, ProviderForm
from partners.models import CustomerSignIn

_CLAIM = RegexValidator(r"^[A-Za-z0-9_.:/-]+$", "A claim’s name has letters, digits and _ . : / - only.")
_SCOPES = RegexValidator(
    r"^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$", "Put one space between scopes."
)
NAMES = ("issuer", "client_id", "scopes", "customer_ref_claim", "accounts_claim")


class CustomerSignInForm(ProviderForm):
    """The provider, what it is asked for, and where in its answer the customer and the accounts are."""

    scopes = forms.CharField(
        label="Scopes",
        max_length=200,
        initial="openid",
        help_text="Separated by a space. Ask for no more than the two claims below need.",
        validators=[_SCOPES],
        widget=forms.TextInput(attrs=PLAIN),
    )
    customer_ref_claim = forms.CharField(
        label="Claim with your reference for the customer",
        max_length=120,
        initial="sub",
        help_text="The same reference as the “customer_ref” that you send to the API.",
        validators=[_CLAIM],
        widget=forms.TextInput(attrs=PLAIN),
    )
    accounts_claim = forms.CharField(
        label="Claim with the customer’s accounts",
        max_length=120,
        initial="accounts",
        help_text="A list of objects with “ref”, “mask” and “type”. Never a full account number.",
        validators=[_CLAIM],
        widget=forms.TextInput(attrs=PLAIN),
    )
    field_order = ("issuer", "client_id", "secret", "scopes", "customer_ref_claim", "accounts_claim")

    def __init__(self, *args: Any, sign_in: CustomerSignIn | None, **named: Any) -> None:
        """With a sign-in it shows, and changes, that one."""
        if sign_in is not None:
            named["initial"] = {name: getattr(sign_in, name) for name in NAMES}
        super().__init__(*args, **named)
        if sign_in is not None:
            self.keep_secret()

    def clean_scopes(self) -> str:
        """Without “openid” there is no ID token."""
        scopes = self.cleaned_data["scopes"]
        if "openid" not in scopes.split(" "):
            raise forms.ValidationError("“openid” has to be among the scopes.")
        return scopes
