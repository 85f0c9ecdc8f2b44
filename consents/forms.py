"""What people type about their rights, and what the staff answer."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from consents.complaints import LONGEST
from portal.ids import public_id


class MessageForm(forms.Form):
    """One turn of a complaint."""

    text = forms.CharField(
        label=gettext_lazy("Your message"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 6})
    )


class AnswerForm(forms.Form):
    """The staff's."""

    text = forms.CharField(
        label="Your answer",
        help_text="The person reads it as you write it. Their bank does not.",
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 6}),
    )


class ComplaintForm(MessageForm):
    """The first, with what it is about."""

    about = forms.ChoiceField(label=gettext_lazy("What is it about?"))
    field_order = ("about", "text")

    def __init__(self, *args: Any, banks: list[Any], **named: Any) -> None:
        super().__init__(*args, **named)
        choices = [(public_id("ptn", bank.id), bank.name) for bank in banks]
        self.fields["about"].choices = [("", _("Choose")), ("us", _("Parley itself")), *choices]  # type: ignore[attr-defined]
        self.fields["text"].label = _("What happened, and what would put it right?")
        self.fields["text"].help_text = _("Do not write passwords or whole account numbers.")


def erase_word() -> str:
    """What is typed to confirm, in the reader's language."""
    return pgettext("typed to confirm that an account is erased", "ERASE")


class EraseForm(forms.Form):
    """A word, as a seal."""

    word = forms.CharField(max_length=20, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.fields["word"].label = _("Type {word} to confirm").format(word=erase_word())

    def clean_word(self) -> str:
        """In any case."""
        word = self.cleaned_data["word"].strip()
        if word.casefold() != erase_word().casefold():
            raise ValidationError(_("Type {word} to confirm.").format(word=erase_word()))
        return word
