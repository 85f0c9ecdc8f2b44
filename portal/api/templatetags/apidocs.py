"""`{% load apidocs %}`: how the API's documentation writes what the OpenAPI document says."""

import json
from typing import Any

from django import template
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
_WIDTH = 76


@register.filter
def marked(text: str) -> SafeString:
    """Plain text in which `…` is code."""
    parts = [
        format_html("<code>{}</code>", part) if place % 2 else conditional_escape(part)
        for place, part in enumerate(text.split("`"))
    ]
    return mark_safe("".join(parts))  # noqa: S308 (each part is escaped)


@register.filter
def compact(value: Any, indent: int = 0) -> str:
    """JSON as people write it: what fits on a line stands on one."""
    line = json.dumps(value, ensure_ascii=False)
    if indent + len(line) <= _WIDTH or not isinstance(value, dict | list):
        return line
    inner, outer = " " * (indent + 2), " " * indent
    if isinstance(value, list):
        parts, (first, last) = [compact(one, indent + 2) for one in value], "[]"
    else:
        parts, (first, last) = [f'"{key}": {compact(one, indent + 2)}' for key, one in value.items()], "{}"
    return f"{first}\n{inner}" + f",\n{inner}".join(parts) + f"\n{outer}{last}"
