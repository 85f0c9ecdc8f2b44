"""The languages wording can be written in, as Babel knows them."""

import unicodedata

from babel import Locale, UnknownLocaleError

from partners.refusals import Refused

# Offered on the pages; the API takes every language Babel knows.
OFFERED = (
    "en", "en-GB", "es", "es-MX", "ca", "de", "fr", "fr-CA", "it", "pt", "pt-BR", "nl", "pl", "sv", "da", "nb", "fi",
    "cs", "ro", "el", "hu", "tr", "ar", "hi", "vi", "zh", "ja", "ko",
)  # fmt: skip


def known_language(text: str) -> str:
    """The language tag as it is stored, such as pt-BR; raises Refused."""
    try:
        found = Locale.parse(text.replace("-", "_"))
    except (UnknownLocaleError, ValueError) as error:
        raise Refused(f"“{text}” is no language that we can write amounts and dates in.") from error
    return "-".join(part for part in (found.language, found.script, found.territory) if part)[:10]


def language_name(tag: str) -> str:
    """What it is called in English."""
    return unicodedata.normalize("NFC", Locale.parse(tag.replace("-", "_")).english_name or tag)
