"""`{% load parley %}`: the parts every page is made of."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django import template
from django.conf import settings
from django.forms.boundfield import BoundField
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import get_text_list
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from lucide.templatetags.lucide import lucide

from partners.clusters import Cluster
from portal.accounts.language import can_be_chosen
from portal.design.moments import exact
from portal.design.places import Place, places_of
from portal.design.states import KINDS, PURPOSES, shown
from portal.ids import public_id as to_public_id

register = template.Library()


@register.simple_tag
def icon(name: str) -> str:
    """A Lucide icon of the size of a line, which nobody reads aloud."""
    return lucide(name, size=20, aria_hidden="true")


@register.simple_tag
def status(state: str) -> SafeString:
    """Icon, word and colour of a grant's or a delivery's state."""
    found = shown(state)
    drawn = lucide(found.icon, size=16, aria_hidden="true")
    return format_html('<span class="status {}">{}{}</span>', found.tone, drawn, found.word)


@register.filter
def state_word(state: str) -> str:
    """The word alone, for what has no colours."""
    return str(shown(state).word)


@register.simple_tag
def when(moment: datetime | str | None, is_day: bool = False) -> SafeString | str:
    """A moment, or its RFC 3339 text, as people read it; `is_day` leaves the hour out.

    The exact time stands in the title; parley.js turns what has an hour into the reader's own time zone.
    """
    if not moment:
        return ""
    found = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    found = timezone.localtime(found)
    exact = f"{found:%Y-%m-%d %H:%M:%S} UTC"
    text = date_format(found, "DATE_FORMAT" if is_day else "DATETIME_FORMAT")
    shape = (
        '<time datetime="{}" title="{}">{}</time>'
        if is_day
        else '<time datetime="{}" title="{}" data-local>{} UTC</time>'
    )
    return format_html(shape, found.isoformat(timespec="seconds"), exact, text)


@register.filter
def in_words(moment: str) -> str:
    """The same for texts without markup, such as e-mail: from RFC 3339, to the second."""
    return exact(datetime.fromisoformat(moment))


@register.simple_tag
def clock(moment: datetime, after: datetime | None = None) -> SafeString | str:
    """A moment to the second, without the day; with it where that is another than the day of `after`."""
    found = timezone.localtime(moment)
    if after is not None and found.date() != timezone.localtime(after).date():
        return when(moment)
    return format_html(
        '<time datetime="{}" title="{}" data-local="clock">{} UTC</time>',
        found.isoformat(timespec="seconds"),
        f"{found:%Y-%m-%d %H:%M:%S} UTC",
        f"{found:%H:%M:%S}",
    )


@register.simple_tag(takes_context=True)
def places(context: template.Context) -> list[Place]:
    """Where the reader belongs; nothing for whoever has not signed in."""
    user = context.get("user")
    return places_of(user) if user is not None and user.is_authenticated else []


@register.simple_tag(takes_context=True)
def languages(context: template.Context) -> list[tuple[str, str, bool]]:
    """Each language this page can be read in: its tag, its own name, whether it is the one; none where there is no
    choice.
    """
    request = context.get("request")
    if request is None or not can_be_chosen(request):
        return []
    return [(tag, name, tag == get_language()) for tag, name in settings.LANGUAGES]


@register.simple_tag
def reword(field: BoundField, label: str, hint: str = "") -> str:
    """Gives a field that another package made our words, before the form is drawn."""
    field.label, field.help_text = label, hint
    return ""


@register.filter
def widget(field: BoundField) -> SafeString:
    """The control, tied to its hint and its error; without the placeholder, which only repeats the label."""
    tied = {f"{field.id_for_label}_helptext": field.help_text, f"{field.id_for_label}_error": field.errors}
    described = " ".join(name for name, is_there in tied.items() if is_there)
    return field.as_widget(attrs={"placeholder": False, "aria-describedby": described or False})


@register.filter
def errors_of(field: BoundField) -> list[str]:
    """A field's errors, as its summary and its own line both show them."""
    known = zip(field.errors.as_data(), field.errors, strict=True)
    return [
        _("Fill in “{field}”.").format(field=field.label) if error.code == "required" else str(text)
        for error, text in known
    ]


@register.filter
def public_id(value: UUID, prefix: str) -> str:
    """`{{ grant.id|public_id:"grt" }}`."""
    return to_public_id(prefix, value)


@register.filter
def complaint_state(complaint: Any) -> str:
    """Its status as STATES names it: other things are closed and answered too."""
    return f"COMPLAINT_{complaint.status}"


@register.filter
def cluster_word(value: str) -> str:
    """What a person calls a kind of data."""
    return str(Cluster(value).label)


@register.filter
def cluster_icon(value: str) -> str:
    """The icon of a kind of data."""
    return icon(KINDS[value].icon)


@register.filter
def cluster_purpose(value: str) -> str:
    """What a kind of data is for, as a sentence to a person."""
    return str(KINDS[value].purpose)


@register.filter
def purpose(cluster: str) -> str:
    """Why a kind of data is used, in words that follow "It came"."""
    return str(PURPOSES[Cluster(cluster).purpose])


@register.filter
def purposes(clusters: Iterable[str]) -> str:
    """The same for several kinds, each purpose once."""
    return get_text_list(list(dict.fromkeys(purpose(one) for one in clusters)), _("and"))


@register.filter
def initials(name: str) -> str:
    """Two letters that stand for a bank's name."""
    words: list[Any] = name.split()
    return "".join(word[0] for word in words[:2]).upper()


BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "Chrome": "Chrome", "Safari": "Safari"}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS X": "Mac",
    "Linux": "Linux",
}


@register.filter
def browser_word(user_agent: str) -> str:
    """What a person calls the browser and its device; a guess, as user agents are."""
    browser = next((word for sign, word in BROWSERS.items() if sign in user_agent), _("Another program"))
    system = next((word for sign, word in SYSTEMS.items() if sign in user_agent), "")
    return _("{browser} on {system}").format(browser=browser, system=system) if system else browser
