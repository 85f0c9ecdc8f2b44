"""Compiles every template and holds it to the house rules; prints what is wrong and exits 1.

The rules follow from the content security policy, under which the browser ignores inline scripts and styles,
and from escaping, which `safe` turns off.
"""

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import django
from django.template import TemplateSyntaxError
from django.template.loader import get_template

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "templates"

RULES = [
    (
        re.compile(r"<[^>{%]*\son[a-z]+\s*=", re.IGNORECASE),
        "an inline event handler: use data-action or htmx",
    ),
    (re.compile(r"<[^>]*\sstyle\s*=", re.IGNORECASE), "an inline style: use a class"),
    (re.compile(r"<style\b", re.IGNORECASE), "a style block: use the stylesheet"),
    (re.compile(r"<script\b(?![^>]*\b(src|nonce)=)", re.IGNORECASE), "a script without src or nonce"),
    (re.compile(r"\|\s*safe\b|\{%\s*autoescape off"), "unescaped output"),
    (re.compile(r"""(src|href)=["']https?://"""), "an address of another host"),
]
# E-mail, and a file that people take along, have no stylesheet to refer to; a mail's links are absolute.
FREE_OF_RULES = ("emails/", "account/email/", "email/", "consents/rights/export.html")


def faults(path: Path) -> Iterator[str]:
    """What is wrong with one template, as lines to print."""
    name = path.relative_to(TEMPLATES).as_posix()
    try:
        get_template(name)
    except TemplateSyntaxError as error:
        yield f"{name}: {error}"
    if not any(part in name for part in FREE_OF_RULES):
        yield from rule_breaks(name, path.read_text())


def rule_breaks(name: str, text: str) -> Iterator[str]:
    """The house rules that a template's text breaks."""
    for number, line in enumerate(text.splitlines(), start=1):
        for pattern, complaint in RULES:
            if pattern.search(line):
                yield f"{name}:{number}: {complaint}"


def main() -> int:
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    paths = sorted(path for path in TEMPLATES.rglob("*") if path.suffix in {".html", ".txt", ".xml"})
    found = [fault for path in paths for fault in faults(path)]
    print("\n".join([*found, f"{len(paths)} templates, {len(found)} faults"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
