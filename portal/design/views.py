"""The parts, on one page."""

from datetime import timedelta

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.design.states import STATES

COLOURS = ("paper", "card", "sunken", "ink", "soft", "edge", "pine", "amber", "red", "blue")


class Invitation(forms.Form):
    """An example that is filled in wrong."""

    email = forms.EmailField(label="E-mail", help_text="Their address at the bank.")
    is_owner = forms.BooleanField(label="May invite others", required=False)


@require_safe
def parts(request: HttpRequest) -> HttpResponse:
    """Every part of the design system, with an example."""
    now = timezone.now()
    story = [("accepted", "BALANCES"), ("sent", ""), ("delivered", ""), ("read", "")]
    context = {
        "colours": COLOURS,
        "states": list(STATES),
        "clusters": ["BALANCES", "FRAUD_ALERTS"],
        "example": Invitation({"email": "ana"}),
        "moment": now,
        "moments": [
            {"at": now + timedelta(seconds=2 * place), "event": event, "detail": detail}
            for place, (event, detail) in enumerate(story)
        ],
        "environment": "sandbox",
    }
    return render(request, "docs/design.html", context)
