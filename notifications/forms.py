"""What members write into templates, what staff answer, and when people want quiet."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from notifications.actions.quiet import MAY_WAIT
from notifications.languages import OFFERED, language_name
from notifications.models import QuietHours
from notifications.quiet import time_zones
from notifications.wording import LONGEST
from partners.clusters import SENDABLE

_CLUSTERS = [("", "Choose"), *((one.value, one.label) for one in SENDABLE)]


class BodyForm(forms.Form):
    """The wording. `seen` is the digest of the version that the page showed."""

    body = forms.CharField(
        label="Wording",
        max_length=LONGEST,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "true"}),
        help_text=f"Up to {LONGEST} characters. Write a field as {{{{ name }}}}.",
    )
    seen = forms.CharField(required=False, max_length=16, widget=forms.HiddenInput)

    def clean_body(self) -> str:
        """Line breaks as they are kept."""
        return str(self.cleaned_data["body"]).replace("\r\n", "\n")


class NewTemplateForm(BodyForm):
    """A template with its first wording."""

    field_order = ("name", "cluster", "locale", "body")
    name = forms.RegexField(
        r"^[A-Za-z0-9_-]{1,60}$",
        label="Name",
        max_length=60,
        help_text="Your programs send with it, such as balance_update. It cannot be changed later.",
        error_messages={"invalid": "Use letters, digits, hyphens and underscores only."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
    )
    cluster = forms.ChoiceField(
        label="Kind of data",
        choices=_CLUSTERS,
        help_text="It decides which fields there are. It cannot be changed later.",
    )
    locale = forms.ChoiceField(label="Language", choices=[(tag, language_name(tag)) for tag in OFFERED])


class NewVersionForm(BodyForm):
    """Other words, or another language."""

    field_order = ("locale", "body")
    locale = forms.ChoiceField(label="Language")

    def __init__(self, *args: Any, locale: str, **named: Any) -> None:
        super().__init__(*args, **named)
        tags = OFFERED if locale in OFFERED else (locale, *OFFERED)
        self.fields["locale"].choices = [(tag, language_name(tag)) for tag in tags]  # type: ignore[attr-defined]
        self.fields["locale"].initial = locale


class DecisionForm(forms.Form):
    """What staff say to the version they have read; a rejection needs its reason."""

    decision = forms.ChoiceField(
        label="Decision",
        choices=[("approve", "Approve: it is sent from now on"), ("reject", "Reject, with a reason")],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Only for a rejection. The bank reads it: say what to change.",
    )
    seen = forms.CharField(max_length=16, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """A rejection says why."""
        data = super().clean() or {}
        if data.get("decision") == "reject" and not (data.get("reason") or "").strip():
            self.add_error("reason", "Say why, so that the bank can change it.")
        return data


class ActivityForm(forms.Form):
    """Of what happened, which part."""

    bank = forms.ChoiceField(label=_("Bank"), required=False)
    kind = forms.ChoiceField(
        label=_("Kind"),
        required=False,
        choices=[
            ("", _("Everything")),
            ("messages", _("All messages")),
            *((one.value, one.label) for one in SENDABLE),
            ("own", _("What you did")),
            ("others", _("What others did")),
            ("readings", _("What banks looked up")),
        ],
    )
    since = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )
    until = forms.DateField(
        label=_("Until"), required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )

    def __init__(self, *args: Any, banks: list[tuple[str, str]], **named: Any) -> None:
        super().__init__(*args, **named)
        self.fields["bank"].choices = [("", _("All banks")), *banks]  # type: ignore[attr-defined]


class QuietHoursForm(forms.Form):
    """From when to when, where, and for which kinds of messages."""

    starts = forms.TimeField(label=_("From"), widget=forms.TimeInput({"type": "time"}, format="%H:%M"))
    ends = forms.TimeField(label=_("Until"), widget=forms.TimeInput({"type": "time"}, format="%H:%M"))
    time_zone = forms.ChoiceField(label=_("Where you are"))
    clusters = forms.MultipleChoiceField(
        label=_("What waits"),
        widget=forms.CheckboxSelectMultiple,
        choices=[(one.value, one.label) for one in MAY_WAIT],
    )

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        zone = self.fields["time_zone"]
        zone.choices = [(name, name.replace("_", " ")) for name in time_zones()]  # type: ignore[attr-defined]

    @classmethod
    def of(cls, known: QuietHours | None) -> "QuietHoursForm":
        """As it stands; the first time a night is proposed, for the time zone that the browser is in."""
        if known is not None:
            return cls(initial={name: getattr(known, name) for name in cls.base_fields})
        form = cls(initial={"starts": "22:00", "ends": "07:00", "time_zone": "UTC", "clusters": MAY_WAIT})
        form.fields["time_zone"].widget.attrs["data-own-zone"] = True
        return form
