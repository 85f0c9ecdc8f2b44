"""`{% load menus %}`: the menus beside the pages of a bank's members and of the staff."""

from typing import Any

from django import template

from partners.models import Partner
from partners.navigation import MEMBER, STAFF, Link, menu

register = template.Library()


@register.simple_tag(takes_context=True)
def member_menu(context: dict[str, Any], partner: Partner) -> list[tuple[str, list[Link]]]:
    """The bank's menu."""
    return menu(MEMBER, context["request"].path, slug=partner.slug)


@register.simple_tag(takes_context=True)
def staff_menu(context: dict[str, Any]) -> list[tuple[str, list[Link]]]:
    """The staff's menu."""
    return menu(STAFF, context["request"].path)
