"""What a bank's members type about their API clients."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from partners.actions.clients import FASTEST, LONGEST_LIFE, read_networks
from partners.api_client import ApiClient
from partners.clusters import SCOPES
from partners.refusals import Refused

OVERLAPS = [
    (0, "Now, with all tokens"),
    (3_600, "In an hour"),
    (86_400, "In a day"),
    (604_800, "In seven days"),
]
USUAL_LIFE = timedelta(days=90)


class ClientForm(forms.Form):
    """A client's name and limits. Whether the agreement allows a scope, the action says."""

    name = forms.CharField(
        label="Name", max_length=120, help_text="For your team: what will use it.", widget=forms.TextInput()
    )
    scopes = forms.MultipleChoiceField(
        label="Scopes",
        choices=[(name, name) for name in SCOPES],
        error_messages={"required": "Choose what the client may do: one scope at least."},
    )
    ends_on = forms.DateField(
        label="Works until",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": "Give a day, like 2027-03-31."},
    )
    rate_per_second = forms.IntegerField(
        label="Requests a second, at most", min_value=1, max_value=FASTEST, initial=200
    )
    networks = forms.CharField(
        label="May call only from (optional)",
        required=False,
        max_length=4_000,
        help_text="One address or network a line, such as 203.0.113.0/24. Empty: from anywhere.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, client: ApiClient | None = None, **named: Any) -> None:
        """With a client it shows, and changes, that one."""
        self.client = client
        today = timezone.now().date()
        initial: dict[str, Any] = {"ends_on": today + USUAL_LIFE}
        if client is not None:
            initial = {
                "name": client.name,
                "scopes": client.scopes,
                "ends_on": client.expires_at.date(),
                "rate_per_second": client.rate_per_second,
                "networks": "\n".join(client.allowed_networks),
            }
        super().__init__(*args, **{"initial": initial, **named})
        field = self.fields["ends_on"]
        field.help_text = (
            f"A year at most: no later than {today + LONGEST_LIFE:%-d %B %Y}. You can extend it here."
        )

    def clean_networks(self) -> list[str]:
        """As CIDR, or a sentence that names the line that is none."""
        try:
            return read_networks(self.cleaned_data["networks"].splitlines())
        except Refused as refusal:
            raise ValidationError(str(refusal)) from refusal

    def wanted(self) -> dict[str, Any]:
        """What the actions take."""
        found = dict(self.cleaned_data)
        found["expires_at"] = self._end(found.pop("ends_on"))
        return found

    def _end(self, day: date) -> datetime:
        """The day's last second (UTC); a day that was not changed keeps its hour."""
        if self.client is not None and self.client.expires_at.date() == day:
            return self.client.expires_at
        return datetime.combine(day, time(23, 59, 59), UTC)


class RollForm(forms.Form):
    """When the old secret ends."""

    end_old_in = forms.TypedChoiceField(
        label="End the old secret", choices=OVERLAPS, coerce=int, widget=forms.RadioSelect
    )


class KeyForm(forms.Form):
    """A public key, pasted."""

    public_key = forms.CharField(
        label="Public key",
        max_length=10_000,
        help_text="PEM (BEGIN PUBLIC KEY) or one JWK: EC P-256, Ed25519, or RSA of 2048 bits and more.",
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
    )


class KeySetForm(forms.Form):
    """Where the client's keys are published; empty for nowhere."""

    url = forms.CharField(
        label="Address of the key set (JWKS)",
        required=False,
        max_length=2_000,
        help_text="It begins with https:// and answers JSON. Empty: none is used any more.",
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
