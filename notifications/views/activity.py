"""A person's activity across their banks, on a page and as files."""

import csv
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe

from consents.views.person import person_page
from notifications.activity import Asked, Entry, Happening, Lookup, Place, View, banks_of
from notifications.forms import ActivityForm
from partners.clusters import PURPOSES, Cluster
from portal.api.times import rfc3339
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

AT_ONCE = 500  # entries that an export reads at a time
COLUMNS = ("at", "bank", "who", "what", "why", "state", "text", "reference")


@require_safe
@person_page
def activity(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Who did what, when and why; a plain form narrows it, and the same can be taken along as a file."""
    view, form = _read(request, principal)
    entries, after = view.page(Place.read(request.GET.get("before", "")))
    chosen = {name: value for name, value in request.GET.items() if name in form.fields and value}
    context = {
        "form": form,
        "entries": entries,
        "next": urlencode({**chosen, "before": str(after)}) if after else "",
        "chosen": urlencode(chosen),
    }
    return render(
        request, "notifications/person/activity.html", context, status=200 if form.is_valid() else 422
    )


@require_safe
@person_page
def activity_file(request: HttpRequest, principal: Principal, shape: str) -> HttpResponse:
    """The same as CSV or JSON, read while it is sent; raises Http404 for what the page would not show."""
    view, form = _read(request, principal)
    if not form.is_valid() or shape not in WRITERS:
        raise Http404
    kind, write = WRITERS[shape]
    language = translation.get_language() or "en"
    response: Any = StreamingHttpResponse(write(_rows(view, language)), content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="parley-activity.{shape}"'
    return response


def _read(request: HttpRequest, principal: Principal) -> tuple[View, ActivityForm]:
    banks = banks_of(principal)
    form = ActivityForm(request.GET, banks=[(one.slug, one.name) for one in banks.values()])
    asked = Asked(**form.cleaned_data) if form.is_valid() else Asked()
    return View(principal, asked, banks), form


def _rows(view: View, language: str) -> Iterator[dict[str, str]]:
    """In a transaction for each part, as the request's own has ended by then."""
    parts = view.all(AT_ONCE)
    while True:
        with translation.override(language), transaction.atomic(), scope(view.principal):
            rows = [_row(entry) for entry in next(parts, [])]
        if not rows:
            return
        yield from rows


def _row(entry: Entry) -> dict[str, str]:
    if isinstance(entry, Happening):
        values = (rfc3339(entry.at), entry.bank, entry.who, entry.what, "", "", "", "")
    elif isinstance(entry, Lookup):
        why, reference = f"{entry.why}, {entry.scope}", public_id("grt", entry.grant)
        values = (rfc3339(entry.at), entry.bank, entry.who, entry.what, why, _how_often(entry), "", reference)
    else:
        note = entry.delivery.notification
        cluster = Cluster(note.cluster)
        values = (
            rfc3339(entry.at),
            entry.delivery.grant.partner.name,
            entry.delivery.grant.partner.name,
            str(cluster.label),
            f"{PURPOSES[cluster]}, consent record {note.record_id}",
            entry.state,
            entry.text,
            public_id("ntf", note.id),
        )
    return dict(zip(COLUMNS, values, strict=True))


def _how_often(entry: Lookup) -> str:
    return f"{entry.times}, {rfc3339(entry.last_at)}"


class _Line:
    """What csv writes to: gives back what it is given."""

    def write(self, text: str) -> str:
        return text


def _as_csv(rows: Iterator[dict[str, str]]) -> Iterator[str]:
    writer = csv.DictWriter(_Line(), COLUMNS)
    yield writer.writer.writerow(COLUMNS)
    for row in rows:
        yield writer.writerow({name: _harmless(text) for name, text in row.items()})


def _harmless(text: str) -> str:
    """A spreadsheet would run what begins like a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _as_json(rows: Iterator[dict[str, str]]) -> Iterator[str]:
    yield "["
    for place, row in enumerate(rows):
        yield f"{',' if place else ''}\n{json.dumps(row, ensure_ascii=False)}"
    yield "\n]\n"


WRITERS: dict[str, Any] = {
    "csv": ("text/csv; charset=utf-8", _as_csv),
    "json": ("application/json", _as_json),
}
