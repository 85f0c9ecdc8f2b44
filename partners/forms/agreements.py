"""What members and staff type about agreements."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from babel import Locale
from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.utils import timezone

from partners.actions.agreements import Terms
from partners.agreement_text import CHAPTERS, CLAUSES, WORDING, clause_order, find_wording_errors
from partners.clusters import Cluster

CHANNELS = [("messenger", "Messenger"), ("whatsapp", "WhatsApp"), ("rcs", "RCS"), ("alexa", "Alexa")]
# Alpha-2 codes; what begins with X or Q is nobody's, and numbers are regions.
COUNTRIES = {
    code: name
    for code, name in Locale("en").territories.items()
    if re.fullmatch(r"[A-PR-WYZ][A-Z]", code) and code not in ("EU", "EZ", "UN", "ZZ")
}
_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class Line(NamedTuple):
    """A clause in a form: its number, its words as they stand, the control of its term, that of its comment."""

    number: str
    text: str
    field: BoundField | None
    comment: BoundField
    is_group: bool


class TermsForm(forms.Form):
    """The terms, and a comment on each clause. `clauses` are the words it is about, by number."""

    clusters = forms.MultipleChoiceField(
        label="Kinds of data", choices=Cluster.choices, widget=forms.CheckboxSelectMultiple
    )
    channels = forms.MultipleChoiceField(
        label="Channels", choices=CHANNELS, widget=forms.CheckboxSelectMultiple
    )
    countries = forms.CharField(
        label="Countries",
        help_text="Two-letter codes with commas between, such as DE, FR, US.",
        max_length=1200,
    )
    retention_days = forms.IntegerField(label="Days that data is kept", min_value=1, max_value=3650)
    longest_grant_days = forms.IntegerField(
        label="Longest consent, in days", min_value=1, max_value=365, help_text="At most 365."
    )
    monthly_volume_cap = forms.IntegerField(
        label="Messages a month, at most", min_value=1, max_value=2_000_000_000
    )
    notice_days = forms.IntegerField(label="Days of notice", min_value=0, max_value=730)
    starts_on = forms.DateField(
        label="First day (optional)", required=False, widget=_DAY, help_text="Empty: once both have signed."
    )
    ends_on = forms.DateField(
        label="Last day (optional)", required=False, widget=_DAY, help_text="Empty: until a side ends it."
    )

    def __init__(self, *args: Any, clauses: Mapping[str, str], **named: Any) -> None:
        super().__init__(*args, **named)
        self._clauses = clauses
        for number in clauses:
            self.fields[_comment(number)] = forms.CharField(
                label=f"Comment on clause {number} (optional)",
                required=False,
                max_length=1000,
                widget=forms.Textarea(attrs={"rows": 3}),
            )

    def clean_countries(self) -> list[str]:
        """Sorted codes; each is a country's."""
        codes = sorted({code.upper() for code in re.split(r"[\s,]+", self.cleaned_data["countries"]) if code})
        if unknown := [code for code in codes if code not in COUNTRIES]:
            raise ValidationError(f"There is no country with the code {', '.join(unknown)}.")
        if not codes:
            raise ValidationError("Name at least one country.")
        return codes

    def clean(self) -> dict[str, Any]:
        """The last day comes after today and after the first."""
        ends = self.cleaned_data.get("ends_on")
        starts = self.cleaned_data.get("starts_on") or timezone.now().date()
        if ends and ends < max(starts, timezone.now().date()):
            self.add_error("ends_on", "The last day cannot come before the first day or before today.")
        return self.cleaned_data

    def terms(self) -> Terms:
        """Once it is valid."""
        return Terms(**{name: self.cleaned_data[name] for name in Terms.__dataclass_fields__})

    def comments(self) -> dict[str, str]:
        """By clause, those that say something."""
        found = {number: self.cleaned_data[_comment(number)].strip() for number in self._clauses}
        return {number: text for number, text in found.items() if text}

    def lines(self) -> list[Line]:
        """Clause by clause."""
        terms = {clause: term for term, clause in CLAUSES.items()}
        found = []
        for number in sorted(self._clauses, key=clause_order):
            field = self[terms[number]] if number in terms else None
            is_group = number in (CLAUSES["clusters"], CLAUSES["channels"])
            found.append(Line(number, self._clauses[number], field, self[_comment(number)], is_group))
        return found


def initial_terms(terms: Mapping[str, Any]) -> dict[str, Any]:
    """Terms as the form shows them."""
    return {**terms, "countries": ", ".join(terms.get("countries", []))}


class SignForm(forms.Form):
    """What whoever signs confirms."""

    text_sha256 = forms.CharField(widget=forms.HiddenInput, max_length=64)
    is_authorised = forms.BooleanField(label="I have read this text and I am authorised to sign it")


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label="Reason",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="The other side reads it.",
    )


class EndForm(forms.Form):
    """When and why an agreement ends: at once, or after a last day."""

    WHEN = [("now", "At once"), ("later", "After a last day that you choose")]
    when = forms.ChoiceField(label="When", choices=WHEN, widget=forms.RadioSelect)
    last_day = forms.DateField(label="Last day (if not at once)", required=False, widget=_DAY)
    reason = forms.CharField(
        label="Reason (optional)", required=False, max_length=1000, widget=forms.Textarea(attrs={"rows": 3})
    )

    def clean(self) -> dict[str, Any]:
        """A last day where one is asked for, and not in the past."""
        day: date | None = self.cleaned_data.get("last_day")
        if self.cleaned_data.get("when") == "later":
            if day is None and "last_day" not in self.errors:
                self.add_error("last_day", "Choose the last day.")
            elif day is not None and day < timezone.now().date():
                self.add_error("last_day", "Choose a day that is not over yet.")
        return self.cleaned_data


class TerminationForm(EndForm):
    """The same for staff, who have to say why."""

    WHEN = [("now", "At once, for cause"), ("later", "With notice, after a last day")]
    when = forms.ChoiceField(label="When", choices=WHEN, widget=forms.RadioSelect)
    reason = forms.CharField(
        label="Reason",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="The bank reads it.",
    )


class AgreementTemplateForm(TermsForm):
    """A template's name, the terms it begins with, and the words of each clause."""

    name = forms.CharField(label="Name", max_length=80)
    field_order = ["name"]

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, clauses={}, **named)
        for number in sorted(WORDING, key=clause_order):
            self.fields[_wording(number)] = forms.CharField(
                label=f"Clause {number} ({CHAPTERS[number.partition('.')[0]].lower()})",
                max_length=2000,
                widget=forms.Textarea(attrs={"rows": 3}),
            )
        for name in ("starts_on", "ends_on"):
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        """Every term stands in its clause."""
        for error in find_wording_errors(
            {number: self.cleaned_data.get(_wording(number), "") for number in WORDING}
        ):
            number = error.split(" ")[1]
            self.add_error(_wording(number), error)
        return self.cleaned_data

    def wording(self) -> dict[str, str]:
        """Clauses by number."""
        return {number: self.cleaned_data[_wording(number)] for number in WORDING}

    def begins_with(self) -> dict[str, Any]:
        """The terms, as the template keeps them."""
        return {
            name: self.cleaned_data[name] for name in Terms.__dataclass_fields__ if name in self.cleaned_data
        }


def initial_wording(clauses: Mapping[str, str]) -> dict[str, str]:
    """Wording as the form shows it."""
    return {_wording(number): text for number, text in clauses.items()}


class NewOfferForm(forms.Form):
    """Whom to offer what. A bank is named by the last part of its pages' address."""

    bank = forms.SlugField(label="Bank", help_text="As in its pages’ address: norden in /partners/norden/.")
    template = forms.ChoiceField(label="Template", required=False)

    def __init__(self, *args: Any, templates: list[tuple[str, str]], **named: Any) -> None:
        super().__init__(*args, **named)
        self.fields["template"].choices = [("", "The standard wording"), *templates]  # type: ignore[attr-defined]


def _comment(number: str) -> str:
    return f"comment_{number.replace('.', '_')}"


def _wording(number: str) -> str:
    return f"clause_{number.replace('.', '_')}"
