"""What a bank's members type about their senders."""

from typing import Any

from django import forms
from django.core.validators import RegexValidator

from partners.actions.senders import FASTEST
from partners.clusters import Environment
from partners.models import Sender

_SECRET = {"autocomplete": "off", "spellcheck": "false"}


def _secret(label: str, hint: str) -> forms.CharField:
    """Write-only: never shown again, not even after a mistake elsewhere in the form."""
    return forms.CharField(
        label=label, max_length=1_000, help_text=hint, widget=forms.PasswordInput(attrs=_SECRET)
    )


class SenderForm(forms.Form):
    """A Messenger Page. Of an existing one the secrets may stay empty, and then stay as they are."""

    environment = forms.ChoiceField(
        label="Environment",
        choices=[("", "Choose"), *Environment.choices],
        help_text="Sandbox senders reach simulated phones only. It cannot be changed later.",
    )
    name = forms.CharField(label="Name", max_length=120, help_text="What people see in the chat.")
    external_id = forms.CharField(
        label="Page id",
        max_length=32,
        help_text="The number on the Page’s “About” page.",
        validators=[RegexValidator(r"^[0-9]+$", "A Page id has digits only.")],
        widget=forms.TextInput(attrs={"inputmode": "numeric", **_SECRET}),
    )
    access_token = _secret("Page access token", "From your app at Meta, for this Page.")
    app_secret = _secret("App secret", "From the settings of the same app. It proves that calls are yours.")
    rate_per_second = forms.IntegerField(
        label="Messages a second, at most", min_value=1, max_value=FASTEST, initial=40
    )

    def __init__(self, *args: Any, sender: Sender | None = None, **named: Any) -> None:
        """With a sender it shows, and changes, that one."""
        if sender is not None:
            named["initial"] = {"name": sender.name, "rate_per_second": sender.rate_per_second}
        super().__init__(*args, **named)
        if sender is not None:
            del self.fields["environment"], self.fields["external_id"]
            for name in ("access_token", "app_secret"):
                self.fields[name].required = False
                self.fields[name].help_text = "Empty: stays as it is."

    def secrets(self) -> dict[str, str]:
        """Those that were typed."""
        names = ("access_token", "app_secret")
        return {name: self.cleaned_data[name] for name in names if self.cleaned_data[name]}


class PauseForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label="Reason",
        max_length=200,
        help_text="Your team sees it beside the sender, and it goes into the audit trail.",
    )
