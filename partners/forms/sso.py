"""What is typed about a bank's single sign-on."""

from typing import Any
from uuid import UUID

from django import forms

from partners.models import Membership, SignOn
from partners.oidc.discovery import Doubtful
from partners.saml.certificates import MOST_CERTIFICATES, as_pem, read_certificate, split_pem
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


class WhoForm(forms.Form):
    """Whom the provider signs in, and what its word is worth; the same for every kind."""

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
    shown: tuple[str, ...] = ("domains", "trusts_second_step", "second_step_acr")

    def __init__(self, *args: Any, sign_on: SignOn | None, domains: list[str], **named: Any) -> None:
        """With a sign-on it shows, and changes, that one."""
        if sign_on is not None:
            named["initial"] = {name: getattr(sign_on, name) for name in self.shown}
        super().__init__(*args, **named)
        self.fields["domains"].choices = [(domain, domain) for domain in domains]  # type: ignore[attr-defined]


class SignOnForm(WhoForm, ProviderForm):
    """OpenID Connect, as the bank registered it. A secret that there is may stay empty, and then stays as it is."""

    shown = ("issuer", "client_id", *WhoForm.shown)

    def __init__(self, *args: Any, sign_on: SignOn | None, domains: list[str], **named: Any) -> None:
        known = None if sign_on is None or sign_on.is_saml else sign_on
        super().__init__(*args, sign_on=known, domains=domains, **named)
        if known is not None:
            self.keep_secret()


class SamlForm(WhoForm):
    """SAML: the provider's metadata, or what stands in it, typed."""

    metadata = forms.CharField(
        label="Metadata of your provider (XML)",
        required=False,
        help_text="Paste the file. We fetch nothing, and read no document types or entities.",
        widget=forms.Textarea(attrs=PLAIN | {"rows": 6}),
    )
    issuer = forms.CharField(
        label="Entity id of your provider",
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs=PLAIN),
    )
    sso_url = forms.CharField(
        label="Sign-in address (binding HTTP-Redirect)",
        max_length=500,
        required=False,
        widget=forms.URLInput(attrs=PLAIN),
    )
    certificates = forms.CharField(
        label="Certificates that it signs with",
        max_length=40_000,
        required=False,
        help_text="PEM, one below the other. During a rotation both the old and the new.",
        widget=forms.Textarea(attrs=PLAIN | {"rows": 6}),
    )
    shown = ("issuer", "sso_url", *WhoForm.shown)

    def __init__(self, *args: Any, sign_on: SignOn | None, domains: list[str], **named: Any) -> None:
        known = sign_on if sign_on is not None and sign_on.is_saml else None
        super().__init__(*args, sign_on=known, domains=domains, **named)
        if known is not None:
            self.initial["certificates"] = "\n".join(as_pem(one) for one in known.certificates)
        self.fields["trusts_second_step"].help_text = (
            "Where it says so as below, as REFEDS MFA, or as Entra ID does (multipleauthn), nobody is asked for a"
            " second step here again."
        )
        level = self.fields["second_step_acr"]
        level.label = "AuthnContextClassRef that stands for a second step (optional)"
        level.help_text = "We then ask for exactly this one."

    def clean(self) -> dict[str, Any]:
        """Metadata goes before what is typed; either way all three are needed."""
        found: dict[str, Any] = super().clean() or {}
        try:
            if metadata := found.pop("metadata", ""):
                from partners.saml.described import read_metadata  # needs the extra

                issuer, sso_url, certificates = read_metadata(metadata)
                found |= {"issuer": issuer, "sso_url": sso_url, "certificates": certificates}
            else:
                found["certificates"] = split_pem(found.get("certificates", ""))
        except Doubtful as error:
            name = "metadata" if metadata else "certificates"
            raise forms.ValidationError({name: str(error)}) from error
        self._check(found, "metadata" if metadata else "")
        return found

    def _check(self, found: dict[str, Any], place: str) -> None:
        """Each where it was typed, or at the metadata that it came from."""
        needed = {
            "issuer": "Give the entity id of your provider, or its metadata.",
            "sso_url": "Give the address where people sign in, or the metadata.",
            "certificates": "Give the certificates that your provider signs with, or the metadata.",
        }
        for name, words in needed.items():
            if not found.get(name) and not self.has_error(name):
                self.add_error(place or name, words)
        if len(found.get("issuer", "")) > 500 or len(found.get("sso_url", "")) > 500:
            self.add_error(
                place or None, "The entity id or the sign-in address is longer than 500 characters."
            )
        try:
            check_url(found.get("sso_url") or "https://none.example")
        except NotAllowed as error:
            self.add_error(place or "sso_url", str(error))
        try:
            read = [read_certificate(one) for one in found.get("certificates") or []]
        except Doubtful as error:
            self.add_error(place or "certificates", str(error))
        else:
            found["certificates"] = list(dict.fromkeys(one.text for one in read))
            if len(found["certificates"]) > MOST_CERTIFICATES:
                self.add_error(place or "certificates", f"Give {MOST_CERTIFICATES} certificates at most.")


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
