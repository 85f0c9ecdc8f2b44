"""What is typed about a team."""

from typing import Any

from django import forms

from partners.models import Membership
from partners.roles import ROLE_WORDS

ROLES = [(role, ROLE_WORDS[role][0]) for role in Membership.Role.values]


class RoleForm(forms.Form):
    """Another role; `was` is the one that the page showed."""

    role = forms.ChoiceField(label="Role", choices=ROLES)
    was = forms.ChoiceField(choices=ROLES, widget=forms.HiddenInput)


class InviteForm(forms.Form):
    """Somebody's address and what they will be allowed to do. No role is chosen beforehand."""

    email = forms.EmailField(
        label="E-mail",
        help_text="The invitation works for this address only.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(label="Role", choices=[("", "Choose"), *ROLES])


class AcceptForm(forms.Form):
    """How colleagues see whoever joins."""

    name = forms.CharField(
        label="Your name", max_length=120, help_text="Your colleagues see it.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.fields["name"].required = not self.initial.get("name")
