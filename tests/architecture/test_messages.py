"""What `make check` says of translations that are missing, doubtful, stale or impossible."""

from pathlib import Path
from typing import Any

import pytest

from tools import messages

PO = """
msgid ""
msgstr ""
"Language: es\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "Pause"
msgstr "Pausar"

msgid "%(number)s bank"
msgid_plural "%(number)s banks"
msgstr[0] "un banco"
msgstr[1] "%(number)s bancos"

msgid "{bank} is paused."
msgstr "{bank} está en pausa."
"""
PAGE = """{% load i18n %}<h1>{% translate "Pause" %}</h1>
{% blocktranslate count number=banks|length %}{{ number }} bank{% plural %}{{ number }} banks{% endblocktranslate %}
"""
CODE = 'from django.utils.translation import gettext as _\n_("{bank} is paused.")\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: Any) -> Path:
    """A project of one page, one module and one translation, all in order."""
    for name, text in (
        ("portal/locale/es/LC_MESSAGES/django.po", PO),
        ("templates/consents/page.html", PAGE),
        ("consents/said.py", CODE),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    monkeypatch.setattr(messages, "LOCALE", tmp_path / "portal" / "locale")
    messages.main()
    assert said() == ""
    return tmp_path


def said() -> str:
    """All that is wrong."""
    return "\n".join(
        [*messages.unmarked(), *(one for path in messages.files() for one in messages.faults(path))]
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("django.po", 'msgstr "Pausar"', 'msgstr ""', "not translated: 'Pause'"),
        ("django.po", "un banco", "", "not translated: ('%(number)s bank'"),
        ("django.po", 'msgid "Pause"', '#, fuzzy\nmsgid "Pause"', "doubtful: 'Pause'"),
        ("django.po", "{bank} está", "{banco} está", "not the same placeholders: '{bank} is paused.'"),
        (
            "django.po",
            "%(number)s bancos",
            "%(banks)s bancos",
            "not the same placeholders: ('%(number)s bank'",
        ),
        ("django.po", "Pausar", "Parar", "its .mo is not made of it"),
        ("page.html", '"Pause"', '"Resume"', "not collected, run `make messages`: 'Resume'"),
        ("page.html", '"Pause"', '"Resume"', "nobody uses it, run `make messages`: 'Pause'"),
        ("page.html", "<h1>", "<h1>Now: ", "templates/consents/page.html: not marked: Now:"),
        ("page.html", "<h1>", '<h1 title="Now">', "templates/consents/page.html: not marked: Now"),
        ("page.html", "<h1>", '{% include "x.html" with heading="Now" %}', 'not marked: "Now"'),
        ("said.py", '_("', 'raise Refused("No"); _("', 'consents/said.py: not marked: "No"'),
        ("said.py", '_("', 'f"{_(1)}"; _("', "consents/said.py: a message inside an f-string"),
    ],
)
def test_what_is_amiss_is_said(project: Path, file: str, old: str, new: str, fault: str) -> None:
    (path,) = project.rglob(file)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert fault in said()


def test_what_staff_read_needs_no_translation(project: Path) -> None:
    (project / "templates/consents/queue.html").write_text(
        '{% extends "partners/staff/base.html" %}<h1>Now</h1>'
    )
    (project / "consents/said.py").write_text(f'{CODE}raise Refused("No")  # for staff\n')
    assert said() == ""


def test_an_update_keeps_what_is_translated_and_drops_what_nobody_uses(project: Path) -> None:
    (page,) = project.rglob("page.html")
    page.write_text('{% load i18n %}{% translate "Resume" %}')
    messages.main()
    (po,) = messages.files()
    text = po.read_text()
    assert 'msgid "Resume"\nmsgstr ""' in text
    assert "está en pausa" in text
    assert "Pausar" not in text
    again = text
    messages.main()
    assert po.read_text() == again
