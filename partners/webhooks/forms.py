"""What a bank's members type about their endpoints."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from partners.actions.webhooks import usable
from partners.clusters import Environment
from partners.models import WebhookEndpoint
from partners.webhooks.events import EventType
from partners.webhooks.serializers import FASTEST
from portal.outbound import NotAllowed

OVERLAPS = [(0, "Now"), (3_600, "In an hour"), (86_400, "In a day"), (604_800, "In seven days")]
SPANS = [(1, "The last hour"), (24, "The last day"), (168, "The last seven days"), (720, "The last 30 days")]
TYPES = [(event_type.value, event_type.value) for event_type in EventType]


class EndpointForm(forms.Form):
    """An address and what it wants to hear. A new one also has an environment, which stays."""

    url = forms.CharField(
        label="Address",
        max_length=2000,
        help_text="It begins with https:// and is on the public internet. Redirects are not followed.",
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    environment = forms.ChoiceField(
        label="Environment",
        choices=[("", "Choose"), *Environment.choices],
        help_text="Sandbox and live events never mix. It cannot be changed later.",
    )
    description = forms.CharField(
        label="Description (optional)", max_length=200, required=False, help_text="For your team."
    )
    rate_per_second = forms.IntegerField(
        label="Requests a second, at most", min_value=1, max_value=FASTEST, initial=50
    )
    event_types = forms.MultipleChoiceField(label="Events", choices=TYPES, required=False)

    def __init__(self, *args: Any, endpoint: WebhookEndpoint | None = None, **named: Any) -> None:
        """With an endpoint it shows, and changes, that one."""
        if endpoint is not None:
            fields = ("url", "description", "rate_per_second", "event_types")
            named["initial"] = {name: getattr(endpoint, name) for name in fields}
        super().__init__(*args, **named)
        if endpoint is not None:
            del self.fields["environment"]
            if endpoint.kind == WebhookEndpoint.Kind.INBOX:
                del self.fields["url"]

    def clean_url(self) -> str:
        """An address that may be called, or a sentence that says why not."""
        try:
            return usable(self.cleaned_data["url"])
        except NotAllowed as error:
            raise ValidationError(str(error)) from error


class RotationForm(forms.Form):
    """When the old secret ends."""

    expire_old_in = forms.TypedChoiceField(
        label="End the old secret", choices=OVERLAPS, coerce=int, widget=forms.RadioSelect
    )


class SpanForm(forms.Form):
    """How far back to go."""

    hours = forms.TypedChoiceField(label="Since", choices=SPANS, coerce=int, initial=24)


class TestForm(forms.Form):
    """Which example to send."""

    event_type = forms.ChoiceField(label="Event", choices=TYPES, initial=EventType.NOTIFICATION_DELIVERED)


class InboxForm(forms.Form):
    """Where the inbox listens."""

    environment = forms.ChoiceField(label="Environment", choices=Environment.choices)
