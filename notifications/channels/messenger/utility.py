"""What a message is wrapped in, later than 24 hours after the person's last word: one template that each Page
registers in every language that we speak. Meta takes no edits, so a new form of it gets a new name.
"""

from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import override

from notifications.why import spoken, why_title, why_url
from portal.accounts.language import OFFERED

UTILITY_TEMPLATE = "parley_update_2"
LANGUAGES = tuple(OFFERED)
# Of the 1,024 that the whole may have
LONGEST_PARAMETER = 900
_EXAMPLE = "dlv_0192f0c1a2b37c4d8e5f60718293a4b5"


@lru_cache(maxsize=8)
def utility_body(language: str) -> str:
    """Its words around the message's own, which stand in the place of the variable."""
    with override(language):
        return _("Update from your bank: {{1}} Write STOP to end these messages.")


def utility_message(text: str, *, locale: str, why: str) -> dict[str, Any]:
    """The `template` of a send: the text, and what the button's address ends with."""
    return {
        "name": UTILITY_TEMPLATE,
        "language": {"code": spoken(locale)},
        "components": [
            {"type": "body", "parameters": [{"type": "text", "text": shortened(text, LONGEST_PARAMETER)}]},
            {"type": "buttons", "parameters": [{"type": "URL", "url": why}]},
        ],
    }


def shortened(text: str, most: int) -> str:
    """As much of the text as fits; the page behind the button has all of it."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def registrations() -> list[dict[str, Any]]:
    """What is posted to a Page's `message_templates`, one for each language."""
    return [_registration(language) for language in LANGUAGES]


def _registration(language: str) -> dict[str, Any]:
    button = {
        "type": "URL",
        "text": why_title(language),
        "url": why_url("{{1}}"),
        "example": [why_url(_EXAMPLE)],
    }
    body = {
        "type": "BODY",
        "text": utility_body(language),
        "example": {"body_text": [["Your balance is $10.00."]]},
    }
    return {
        "name": UTILITY_TEMPLATE,
        "language": language,
        "category": "UTILITY",
        "components": [body, {"type": "BUTTONS", "buttons": [button]}],
    }
