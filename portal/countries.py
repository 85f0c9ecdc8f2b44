"""Countries by the names that people call them."""

from collections.abc import Iterable

from babel import Locale
from django.utils.translation import get_language


def country_names(codes: Iterable[str]) -> str:
    """A list of names in the language of the moment; a code (ISO 3166) that is none stays as it is."""
    names = Locale.parse((get_language() or "en").replace("-", "_")).territories
    return ", ".join(sorted(names.get(code, code) for code in codes))
