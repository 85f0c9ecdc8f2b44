"""`{% load asking %}`: who waits behind the sign-in."""

import re
from typing import Any

from django import template

from consents.access import find_request
from portal.ids import parse_public_id

register = template.Library()
_PAGE = re.compile(r"/authorize/(req_[0-9a-f]{32})")


@register.inclusion_tag("consents/authorize/who_asks.html", takes_context=True)
def who_asks(context: template.Context) -> dict[str, Any]:
    """The bank whose question comes after signing in; nothing where none does."""
    request = context.get("request")
    after = (request.POST.get("next") or request.GET.get("next", "")) if request else ""
    found = _PAGE.fullmatch(after)
    asked = find_request(parse_public_id("req", found[1])) if found else None
    return {"bank": asked.partner if asked else None, "is_live": asked and asked.environment == "live"}
