"""What is typed when a bank is stopped, let in again, or leaves."""

from django import forms


class ReasonForm(forms.Form):
    """Why, in words that the bank reads."""

    reason = forms.CharField(
        label="Reason",
        max_length=500,
        help_text="The bank’s team reads it as you write it, and it goes into the audit trail.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class SurrenderForm(forms.Form):
    """The bank's name, as a seal."""

    name = forms.CharField(
        label="Type your bank’s name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    reason = forms.CharField(
        label="Why you leave (optional)",
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class EnableForm(forms.Form):
    """Needed only where the bank has not asked."""

    reason = forms.CharField(
        label="Reason (needed where the bank has not asked)",
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
