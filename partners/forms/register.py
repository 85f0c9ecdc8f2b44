"""What is typed when a bank comes in."""

from django import forms
from django.core.validators import RegexValidator

SLUG = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"


class WorkspaceForm(forms.Form):
    """The bank's name, and the word that stands for it in addresses."""

    name = forms.CharField(
        label="Your bank’s name",
        max_length=120,
        help_text="As your customers know it. They see it on every message.",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    slug = forms.CharField(
        label="Name in addresses",
        min_length=3,
        max_length=40,
        help_text="Small letters, digits and hyphens, as in “norden-bank”. It cannot be changed later.",
        validators=[
            RegexValidator(
                rf"^{SLUG}\Z", "Begin with a small letter; then small letters, digits and single hyphens."
            )
        ],
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
        ),
    )
    owner_name = forms.CharField(
        label="Your name",
        max_length=120,
        help_text="Your colleagues see it. You become the bank’s first owner.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class DeclineForm(forms.Form):
    """Why not."""

    reason = forms.CharField(
        label="Reason",
        max_length=2000,
        help_text="Whoever invited you reads it.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class InviteBankForm(forms.Form):
    """Whom staff invite."""

    bank_name = forms.CharField(label="The bank’s name", max_length=120)
    email = forms.EmailField(
        label="E-mail",
        help_text="Of somebody who can speak for the bank. The invitation works for this address only.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    words = forms.CharField(
        label="Your words to them (optional)",
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
