"""“Why this message?” below every message: the button's words, and the address that it opens."""

from functools import lru_cache

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import override

from portal.accounts.language import OFFERED


def why_url(page: str) -> str:
    """Where it leads; whoever opens it has to sign in as the message's person."""
    return f"{settings.BASE_URL}/why/{page}"


def spoken(locale: str) -> str:
    """Of the languages that we speak, that of a message in `locale`; English where it is none of them."""
    language = locale.partition("-")[0]
    return language if language in OFFERED else "en"


@lru_cache(maxsize=64)
def why_title(locale: str) -> str:
    """What the button says, in the language of the message. Messenger takes 20 characters."""
    with override(spoken(locale)):
        return _("Why this message?")
