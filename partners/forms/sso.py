"""What is typed about a bank's single sign-on."""

from typing import Any
from uuid import UUID

from django import forms

from partners.models import Membership, SignOn
from portal.outbound import NotAllowed, check_url

PLAIN = {"autocomplete": "off", "spellcheck": "false"}
_MODES = [
    ("off", "Off: everybody signs in with a password"),
    ("on", "On: members may sign in through the bank or with a password"),
    ("required", "Required: members at these domains sign in through the bank only"),
]


class _Boxes(forms.CheckboxSelectMultiple):
    """The summary of problems leads to the first box."""

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return super().id_for_label(id_, index or "0")


class ProviderForm(forms.Form):
    """An OpenID Connect provider, and who the portal is to it."""

    issuer = forms.CharField(
        label="Issuer",
        max_length=500,
        help_text="The provider’s address, as it writes it itself: https://login.your-bank.example",
        widget=forms.URLInput(attrs=PLAIN),
    )
    client_id = forms.CharField(label="Client id", max_length=191, widget=forms.TextInput(attrs=PLAIN))
    secret = forms.CharField(
        label="Client secret",
        max_length=1_000,
        help_text="Encrypted with your bank’s own key, and never shown again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def keep_secret(self) -> None:
        """There is one: empty then means that it stays."""
        self.fields["secret"].required = False
        self.fields["secret"].help_text = "Empty: stays as it is."

    def clean_issuer(self) -> str:
        """On the public internet, by https, and nothing behind it."""
        issuer = self.cleaned_data["issuer"]
        try:
            check_url(issuer)
        except NotAllowed as error:
            raise forms.ValidationError(str(error)) from error
        if "?" in issuer:
            raise forms.ValidationError("An issuer has no “?”.")
        return issuer


class SignOnForm(ProviderForm):
    """The provider as the bank registered it. Of an existing one the secret may stay empty, and then stays as it is."""

    domains = forms.MultipleChoiceField(
        label="E-mail domains",
        help_text="Only addresses at these domains count.",
        widget=_Boxes,
    )
    trusts_second_step = forms.BooleanField(
        label="Our provider asks for a second step, and says so",
        required=False,
        help_text="Where its “amr” has “mfa”, nobody is asked for a second step here again.",
    )
    second_step_acr = forms.CharField(
        label="Value of “acr” that stands for a second step (optional)",
        max_length=200,
        required=False,
        help_text="For providers that tell it by “acr”. We then ask for this value.",
        widget=forms.TextInput(attrs=PLAIN),
    )

    def __init__(self, *args: Any, sign_on: SignOn | None, domains: list[str], **named: Any) -> None:
        """With a sign-on it shows, and changes, that one."""
        if sign_on is not None:
            names = ("issuer", "client_id", "domains", "trusts_second_step", "second_step_acr")
            named["initial"] = {name: getattr(sign_on, name) for name in names}
        super().__init__(*args, **named)
        self.fields["domains"].choices = [(domain, domain) for domain in domains]  # type: ignore[attr-defined]
        if sign_on is not None:
            self.keep_secret()


class ModeForm(forms.Form):
    """Off, on or required; with the owner who keeps another way in."""

    mode = forms.ChoiceField(label="Single sign-on is", choices=_MODES)
    break_glass = forms.TypedChoiceField(
        label="Owner who can still sign in with a password",
        coerce=UUID,
        empty_value=None,
        required=False,
        help_text="Needed where it is required: for the day when your provider is away.",
    )

    def __init__(self, *args: Any, owners: list[Membership], **named: Any) -> None:
        super().__init__(*args, **named)
        names = [(str(one.user_id), one.user.name or one.user.email) for one in owners]
        self.fields["break_glass"].choices = [("", "Choose"), *names]  # type: ignore[attr-defined]


class EmailForm(forms.Form):
    """Whose bank is looked for."""

    email = forms.EmailField(
        label="Work e-mail", widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True})
    )
