"""What is typed when a bank is verified, and when it is judged."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils import timezone

from partners.document_types import LARGEST
from partners.forms.agreements import COUNTRIES
from partners.lei import lei_problem
from partners.models import Verification, VerificationDocument
from partners.questions import QUESTIONS, Answer, Question
from partners.verification_items import CONTACTS, PROFILE, TITLES, Contacts

_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
TOO_LARGE = f"The file is larger than {LARGEST // 1024 // 1024} MB. Make it smaller, or send it in parts."


class SeenForm(forms.Form):
    """Knows which version of the case its page was made from."""

    seen = forms.IntegerField(widget=forms.HiddenInput, required=False)


class ProfileForm(SeenForm):
    """Who the bank is, as its regulator has it."""

    legal_name = forms.CharField(
        label=PROFILE["legal_name"], max_length=200, help_text="As it stands in the regulator’s register."
    )
    country = forms.ChoiceField(
        label=PROFILE["country"],
        choices=[("", "Choose"), *sorted(COUNTRIES.items(), key=lambda pair: pair[1])],
        help_text="Where the bank is licensed.",
    )
    regulator = forms.CharField(
        label=PROFILE["regulator"],
        max_length=120,
        help_text="Its full name, such as “European Central Bank”.",
    )
    licence = forms.CharField(label=PROFILE["licence"], max_length=60)
    lei = forms.CharField(
        label=PROFILE["lei"],
        max_length=40,
        help_text="The Legal Entity Identifier: 20 letters and digits.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_lei(self) -> str:
        """Without blanks, in capitals."""
        lei = re.sub(r"\s", "", self.cleaned_data["lei"]).upper()
        if problem := lei_problem(lei):
            raise ValidationError(problem)
        return lei

    def given(self) -> dict[str, Any]:
        """What the action takes."""
        return {"profile": {name: self.cleaned_data[name] for name in PROFILE}}

    @staticmethod
    def before(verification: Verification, contacts: Contacts) -> dict[str, Any]:
        """What the form shows first."""
        return {name: getattr(verification, name) for name in PROFILE}


class ContactsForm(SeenForm):
    """Three people, or desks, that staff can reach."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        for key, title in CONTACTS.items():
            hint = "Somebody is reached there at any hour." if key == "incident" else ""
            self.fields[f"{key}_name"] = forms.CharField(label=f"{title}: name", max_length=120)
            self.fields[f"{key}_email"] = forms.EmailField(label=f"{title}: e-mail")
            self.fields[f"{key}_phone"] = forms.CharField(
                label=f"{title}: phone",
                max_length=30,
                help_text=hint,
                validators=[RegexValidator(r"^\+[0-9 ()-]{6,}$", "Begin with + and the country’s number.")],
                widget=forms.TextInput(attrs={"type": "tel"}),
            )

    def given(self) -> dict[str, Any]:
        """What the action takes."""
        found: Contacts = {}
        for key in CONTACTS:
            found[key] = {part: self.cleaned_data[f"{key}_{part}"] for part in ("name", "email", "phone")}
        return {"contacts": found}

    @staticmethod
    def before(verification: Verification, contacts: Contacts) -> dict[str, Any]:
        """What the form shows first."""
        return {f"{key}_{part}": text for key, one in contacts.items() for part, text in one.items()}


class QuestionsForm(SeenForm):
    """A field for each question."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.fields |= {question.key: _field(question) for question in QUESTIONS}

    def given(self) -> dict[str, Any]:
        """What the action takes: yes and no as such, days as text."""
        answers: dict[str, Answer] = {}
        for question in QUESTIONS:
            value = self.cleaned_data.get(question.key)
            if question.kind == "yes_no":
                answers[question.key] = value == "yes"
            elif value not in (None, ""):
                answers[question.key] = value.isoformat() if isinstance(value, date) else value
        return {"answers": answers}

    @staticmethod
    def before(verification: Verification, contacts: Contacts) -> dict[str, Any]:
        """What the form shows first."""
        words = {True: "yes", False: "no"}
        return {
            key: words[answer] if isinstance(answer, bool) else answer
            for key, answer in verification.answers.items()
        }


def _field(question: Question) -> forms.Field:
    about: dict[str, Any] = {
        "label": question.text,
        "help_text": question.hint,
        "required": question.is_required,
    }
    if question.kind == "number":
        return forms.IntegerField(min_value=0, max_value=10_000, **about)
    if question.kind == "date":
        return forms.DateField(widget=_DAY, **about)
    if question.kind == "text":
        return forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), **about)
    options: Mapping[str, str] = {"yes": "Yes", "no": "No"} if question.kind == "yes_no" else question.options
    return forms.ChoiceField(choices=[("", "Choose"), *options.items()], **about)


class DocumentForm(forms.Form):
    """A file, and what it is."""

    kind = forms.ChoiceField(label="What it is", choices=[("", "Choose"), *VerificationDocument.Kind.choices])
    file = forms.FileField(
        label="File",
        help_text="PDF, PNG or JPEG, at most 10 MB.",
        max_length=200,
        widget=forms.FileInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg"}),
    )

    def __init__(self, *args: Any, is_too_large: bool = False, **named: Any) -> None:
        """`is_too_large` where the upload was not even kept."""
        super().__init__(*args, **named)
        self._is_too_large = is_too_large
        self.fields["file"].required = not is_too_large

    def clean(self) -> dict[str, Any]:
        """Says why there is no file."""
        if self._is_too_large:
            self.add_error("file", TOO_LARGE)
        return self.cleaned_data


class SubmitForm(SeenForm):
    """The bank stands by it."""

    is_right = forms.BooleanField(label="All of this is right, and I may state it for the bank.")


class MessageForm(forms.Form):
    """A line of the conversation."""

    text = forms.CharField(label="Message", max_length=4000, widget=forms.Textarea(attrs={"rows": 4}))


class NoteForm(forms.Form):
    """A line for colleagues."""

    text = forms.CharField(
        label="Note",
        max_length=4000,
        help_text="Colleagues read it; the bank never does.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ApprovalForm(SeenForm):
    """Recommending and approving need no reason, but may have words."""

    words = forms.CharField(
        label="Words to the bank (optional)",
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def given(self) -> dict[str, Any]:
        """What the action takes."""
        return {"words": self.cleaned_data["words"]}


class ReasonsForm(ApprovalForm):
    """Asking for more, or declining: a reason for each item that is not in order."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        for key, title in TITLES.items():
            self.fields[f"reason_{key}"] = forms.CharField(
                label=title,
                required=False,
                max_length=1000,
                help_text="Leave it empty if it is in order.",
                widget=forms.Textarea(attrs={"rows": 2}),
            )
        self.order_fields([f"reason_{key}" for key in TITLES])

    def given(self) -> dict[str, Any]:
        """What the action takes."""
        reasons = {key: self.cleaned_data[f"reason_{key}"] for key in TITLES}
        return {**super().given(), "reasons": {key: text for key, text in reasons.items() if text}}


class DeferForm(SeenForm):
    """Until when, and why."""

    until = forms.DateField(label="Go on by", widget=_DAY)
    words = forms.CharField(
        label="Why", max_length=2000, help_text="The bank reads it.", widget=forms.Textarea(attrs={"rows": 3})
    )

    def clean_until(self) -> date:
        """A day that is still to come."""
        day: date = self.cleaned_data["until"]
        if day <= timezone.now().date():
            raise ValidationError("Choose a day after today.")
        return day

    def given(self) -> dict[str, Any]:
        """What the action takes."""
        return {"until": self.cleaned_data["until"], "words": self.cleaned_data["words"]}


class ByHandForm(SeenForm):
    """How staff made sure of a domain without the machine."""

    reason = forms.CharField(
        label="How you made sure that the domain is the bank’s",
        max_length=500,
        help_text="It goes into the audit trail, and the second reviewer reads it.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def given(self) -> dict[str, Any]:
        """What the action takes."""
        return {"reason": self.cleaned_data["reason"]}
