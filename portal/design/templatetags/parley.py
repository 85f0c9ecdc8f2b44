"""`{% load parley %}`: the parts every page is made of."""

from datetime import datetime
from uuid import UUID

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from lucide.templatetags.lucide import lucide

from partners.clusters import Cluster
from portal.design.states import shown
from portal.ids import public_id as to_public_id

register = template.Library()


@register.simple_tag
def status(state: str) -> SafeString:
    """Icon, word and colour of a grant's or a delivery's state."""
    found = shown(state)
    icon = lucide(found.icon, size=16, aria_hidden="true")
    return format_html('<span class="status {}">{}{}</span>', found.tone, icon, found.word)


@register.simple_tag
def when(moment: datetime | None, is_day: bool = False) -> SafeString | str:
    """A moment as people read it (`is_day` leaves the hour out), with the exact time (UTC) on hover."""
    if moment is None:
        return ""
    text = date_format(timezone.localtime(moment), "j F Y" if is_day else "j F Y, H:i")
    exact = moment.isoformat(timespec="seconds")
    return format_html('<time datetime="{}" title="{}">{}</time>', exact, exact, text)


@register.filter
def public_id(value: UUID, prefix: str) -> str:
    """`{{ grant.id|public_id:"grt" }}`."""
    return to_public_id(prefix, value)


@register.filter
def cluster_word(value: str) -> str:
    """What a person calls a kind of data."""
    return str(Cluster(value).label)


@register.filter
def purpose_word(value: str) -> str:
    """Why a kind of data is used, in lower case."""
    return Cluster(value).purpose.replace("_", " ").lower()
