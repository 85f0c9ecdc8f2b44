"""HTML pages from files in `static/`: `$name` becomes the escaped value, `$raw_name` HTML as it is."""

from html import escape
from pathlib import Path
from string import Template

from aiohttp import web

STATIC = Path(__file__).parent / "static"
_pages: dict[str, Template] = {}


def render_page(name: str, *, status: int = 200, **values: str) -> web.Response:
    template = _pages.get(name)
    if template is None:
        template = _pages[name] = Template((STATIC / name).read_text("utf-8"))
    filled = {key: value if key.startswith("raw_") else escape(value) for key, value in values.items()}
    return web.Response(status=status, text=template.substitute(filled), content_type="text/html")


__all__ = ["STATIC", "escape", "render_page"]
