"""What people read, in other languages: collects it into portal/locale, compiles it, and finds what is amiss.

    tools/messages.py          update the .po files from code and templates, and compile them
    tools/messages.py check    say what is missing, doubtful or stale, and exit 1 where something is

Needs no gettext: Babel reads and writes its files. The compiled .mo stand in the repository, so that a fresh clone
speaks every language.
"""

import ast
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[1]
LOCALE = ROOT / "portal" / "locale"
PACKAGES = ("portal", "partners", "consents", "notifications")
CALLS: dict[str, tuple[int, ...] | tuple[tuple[int, str], int] | None] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
}
_TEXT = r"""(u?'(?:[^'\\]|\\.)*'|u?"(?:[^"\\]|\\.)*")"""
# What Django makes of a template: the calls that it stands for
_CALL = re.compile(rf"\b(_|gettext|ngettext|pgettext)\({_TEXT}(?:,\s*{_TEXT})?")
# Templates, and code, whose every word is for people
PEOPLES = (
    "base.html", "4*.html", "5*.html", "account/**/*", "allauth/layouts/manage.html", "consents/**/*", "emails/base.*", "emails/account.*",
    "emails/consents/*", "mfa/**/*", "notifications/person/*", "parts/error_*.html", "parts/pager.html",
    "parts/passkey_problem.html", "parts/leave_sign_in.html", "public/*", "socialaccount/*", "usersessions/*",
)  # fmt: skip
PEOPLES_CODE = (
    "consents/",
    "portal/accounts/views.py",
    "notifications/actions/chat.py",
    "notifications/views/person.py",
)
# Among them, what staff read: their pages, and their mails
FOR_STAFF = re.compile(r"""extends "partners/staff/|emails/consents/(complaint_staff|stop_unconfirmed)\b""")
OURS = {"Parley", "UTC"}  # the same in every language
_MARKED = re.compile(
    r"\{% blocktrans.*?endblocktrans(?:late)? %\}|\{% comment.*?endcomment %\}|\{#.*?#\}", re.DOTALL
)
_CODE = re.compile(
    r"<(script|style)\b.*?</\1>|<(?:\{%.*?%\}|\{\{.*?\}\}|[^>])*>|\{[{%].*?[%}]\}|&\w+;", re.DOTALL
)
_SPOKEN = re.compile(r"""(?:aria-label|alt|title|placeholder|data-label)="([^"{]*)\"""")
_PASSED = re.compile(r"""\{% (?:include|reword) [^%]*?[ =]("(?:[A-Z]|[^"]* )[^"]*")""")
_SAID = re.compile(r"""(?:Refused\(|messages\.\w+\(\w+, )\s*(f?"[^"]*")(?!.*# for staff)""")
_HIDDEN = re.compile(r"""f["'][^"'\n]*\{_\(""")  # Babel does not look into an f-string
_PLACE = re.compile(r"%\(\w+\)s|\{\w+\}")
COUNTS = {"%(number)s", "{number}", "%(n)s", "{n}"}  # “one” may be a word
Found = tuple[str | tuple[str, ...], str | None]  # a message (with its plural), its context


def modules() -> list[Path]:
    """The code that people may get words from."""
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def collect() -> Catalog:
    """Every message in code and templates, with the files it stands in."""
    catalog = Catalog(fuzzy=False)
    for path, (message, context) in _uses():
        catalog.add(message, locations=[(path.relative_to(ROOT).as_posix(), 0)], context=context)
    return catalog


def _uses() -> Iterator[tuple[Path, Found]]:
    for path in modules():
        for _, message, _, context in extract_from_file("python", path, keywords=CALLS):
            yield path, (message, context)
    for path in sorted(path for path in (ROOT / "templates").rglob("*") if path.suffix in {".html", ".txt"}):
        for found in _in_template(path.read_text()):
            yield path, found


def mixed() -> Iterator[str]:
    """Words used alone as well as with a plural, as lines to print. Both are one message, which older Pythons (3.11.2)
    find with its plural only: give one of them a context.
    """
    uses = {found for _, found in _uses()}
    counted = {(message[0], context) for message, context in uses if isinstance(message, tuple)}
    yield from (f"alone and with a plural: {message!r}" for message, _ in sorted(uses & counted, key=str))


def _in_template(text: str) -> Iterator[Found]:
    for call, first, second in _CALL.findall(templatize(text)):
        one, two = ast.literal_eval(first), ast.literal_eval(second or "None")
        if call == "pgettext":
            yield two, one
        else:
            yield ((one, two) if call == "ngettext" else one), None


def files() -> list[Path]:
    """The .po of each language."""
    return sorted(LOCALE.glob("*/LC_MESSAGES/django.po"))


def read(path: Path) -> Catalog:
    """A .po file."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def compiled(catalog: Catalog) -> bytes:
    """What its .mo holds."""
    file = BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def update(path: Path) -> None:
    """Brings a .po up to date; what is new has no translation yet, what nobody uses any more is gone."""
    catalog, now = read(path), collect()
    now.creation_date = catalog.creation_date  # else every run would change the file
    catalog.update(now, no_fuzzy_matching=True, update_header_comment=False)
    with path.open("wb") as file:
        write_po(file, catalog, width=110, include_lineno=False, ignore_obsolete=True, sort_by_file=True)
    path.with_suffix(".mo").write_bytes(compiled(read(path)))


def faults(path: Path) -> Iterator[str]:
    """What is wrong with a .po and its .mo, as lines to print."""
    catalog, now = read(path), collect()
    name = path.relative_to(ROOT).as_posix()
    have, want = ({(one.id, one.context) for one in every if one.id} for every in (catalog, now))
    again = "run `make messages`"
    yield from (f"{name}: not collected, {again}: {found[0]!r}" for found in sorted(want - have, key=str))
    yield from (f"{name}: nobody uses it, {again}: {found[0]!r}" for found in sorted(have - want, key=str))
    for message in catalog:
        yield from (f"{name}: {fault}: {message.id!r}" for fault in _faults_of(message) if message.id)
    mo = path.with_suffix(".mo")
    if not mo.exists() or mo.read_bytes() != compiled(catalog):
        yield f"{name}: its .mo is not made of it, {again}"


def unmarked() -> Iterator[str]:
    """Words for people that nobody could translate, as lines to print."""
    for path in sorted(one for kind in PEOPLES for one in (ROOT / "templates").glob(kind) if one.is_file()):
        name, text = path.relative_to(ROOT).as_posix(), _MARKED.sub("", path.read_text())
        if FOR_STAFF.search(f"{name} {text}"):
            continue
        found = [*_PASSED.findall(text), *_SPOKEN.findall(text), *_CODE.sub("\n", text).splitlines()]
        yield from (f"{name}: not marked: {words.strip()}" for words in found if _is_speech(words))
    for path in modules():
        name, text = path.relative_to(ROOT).as_posix(), path.read_text()
        if _HIDDEN.search(text):
            yield f"{name}: a message inside an f-string is not found: take it out"
        if name.startswith(PEOPLES_CODE) and not name.endswith("actions/sandbox.py"):
            yield from (f"{name}: not marked: {words}" for words in _SAID.findall(text))


def _is_speech(words: str) -> bool:
    return bool(set(re.findall(r"[^\W\d_]{2,}", words)) - OURS)


def _faults_of(message: Message) -> Iterator[str]:
    ids = message.id if isinstance(message.id, tuple | list) else [message.id]
    said = message.string if isinstance(message.string, tuple | list) else [message.string]
    if not all(said):
        yield "not translated"
    elif message.fuzzy:
        yield "doubtful"
    else:
        places = set(_PLACE.findall(" ".join(ids)))
        found = [set(_PLACE.findall(text)) for text in said]
        if set.union(*found) != places or any(places - one - COUNTS for one in found):
            yield "not the same placeholders"


def main() -> int:
    if not settings.configured:
        settings.configure()
    if sys.argv[1:] != ["check"]:
        for path in files():
            update(path)
        return 0
    found = [*unmarked(), *mixed(), *(fault for path in files() for fault in faults(path))]
    print("\n".join([*found, f"{len(files())} translations, {len(found)} faults"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
