"""What the pages say of templates: examples of their data, what happened to each version, what would change."""

import difflib
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple, get_type_hints
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from notifications.languages import language_name
from notifications.models import Delivery, Lane, Template, TemplateVersion
from notifications.serializers import EXAMPLES
from notifications.typed_data import DATA
from notifications.wording import render
from partners.agreement_text import CLAUSES
from partners.clusters import Cluster, Environment
from partners.due import Task, When
from partners.models import AgreementVersion, ApiClient, Partner
from partners.waiting import Pile
from portal.accounts.models import User
from portal.ids import first_uuid7

_S = TemplateVersion.Status
MASK = "•• 4821"  # in place of an account
RECENT = timedelta(days=30)
MOST = 10_000  # messages that a count looks at


class Use(NamedTuple):
    """How many of the bank's messages, the newest `looked_at` of them, are of a version."""

    number: int
    looked_at: int
    most: int

    @property
    def is_all(self) -> bool:
        """Whether there are no more to look at."""
        return self.looked_at < self.most


_LATER: dict[Cluster, dict[str, Any]] = {  # fields that may be left out, with a value
    Cluster.BALANCES: {"current": {"value": "1310.00", "currency": "USD"}},
    Cluster.RECEIPTS: {"items": [{"name": "Rye bread", "amount": {"value": "4.80", "currency": "USD"}}]},
}


class Field(NamedTuple):
    """What a template of a cluster may name."""

    name: str
    about: str
    example: str
    is_optional: bool


class Language(NamedTuple):
    """Where a template stands in one language: what is sent now, and the newest version."""

    tag: str
    name: str
    live: TemplateVersion | None
    latest: TemplateVersion


def sample_of(cluster: str) -> dict[str, Any]:
    """Typed data of nobody's, complete."""
    return {**EXAMPLES[cluster]["data"], **_LATER.get(Cluster(cluster), {})}


def preview(cluster: str, body: str, locale: str) -> str:
    """The text with an example's data."""
    return render(body, sample_of(cluster), locale=locale, mask=MASK)


def fields_of(cluster: str, locale: str = "en") -> list[Field]:
    """All of a cluster's, with examples as the phone shows them."""
    kind, data = DATA[Cluster(cluster)], sample_of(cluster)
    found = []
    for name, hint in get_type_hints(kind, include_extras=True).items():
        is_optional = name not in kind.__required_keys__
        hint = hint.__args__[0] if is_optional else hint
        about = " ".join(note for note in hint.__metadata__ if isinstance(note, str)).replace("`", "")
        example = render(f"{{{{ {name} }}}}", data, locale=locale, mask=MASK)
        found.append(Field(name, about, example, is_optional))
    return found


def languages_of(template: Template) -> list[Language]:
    """By name; the template's versions are read once (prefetch them for lists)."""
    by_tag: dict[str, list[TemplateVersion]] = {}
    for version in sorted(template.versions.all(), key=lambda one: one.number):
        by_tag.setdefault(version.locale, []).append(version)
    found = [
        Language(
            tag, language_name(tag), next((one for one in rows if one.status == _S.APPROVED), None), rows[-1]
        )
        for tag, rows in by_tag.items()
    ]
    return sorted(found, key=lambda one: (one.tag != "en", one.name))


def live_sibling(version: TemplateVersion) -> TemplateVersion | None:
    """What is sent now in the same language, unless it is this one."""
    rows = TemplateVersion.objects.filter(template_id=version.template_id, locale=version.locale)
    return rows.filter(status=_S.APPROVED).exclude(pk=version.pk).first()


def compare(before: str, after: str) -> list[tuple[str, str]]:
    """The words of both, in order, each run "same", "gone" or "new"."""
    old, new = (re.findall(r"\{\{.*?\}\}|\s+|[^\s{]+|\{", text) for text in (before, after))
    found: list[tuple[str, str]] = []
    for kind, old_from, old_to, new_from, new_to in difflib.SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if kind == "equal":
            found.append(("same", "".join(old[old_from:old_to])))
            continue
        found += [
            (name, text)
            for name, text in (
                ("gone", "".join(old[old_from:old_to])),
                ("new", "".join(new[new_from:new_to])),
            )
            if text
        ]
    return found


def thread_of(version: TemplateVersion) -> list[dict[str, Any]]:
    """What happened to it and who did it, oldest first."""
    author = "".join(names_of([version.author_id]).values())
    moments: list[dict[str, Any]] = [{"at": version.created_at, "event": "written", "detail": author}]
    if version.submitted_at:
        moments.append({"at": version.submitted_at, "event": "submitted for review", "detail": ""})
    if version.decided_at:
        event = "rejected" if version.status == _S.REJECTED else "approved"
        moments.append({"at": version.decided_at, "event": event, "detail": version.reason})
    if version.retired_at:
        moments.append({"at": version.retired_at, "event": "no longer sent", "detail": ""})
    return moments


def names_of(ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """What people and API clients are called; two queries."""
    known = [one for one in ids if one is not None]
    users = {user.id: user.name or user.email for user in User.objects.filter(id__in=known)}
    clients = ApiClient.objects.filter(id__in=[one for one in known if one not in users])
    return {**users, **{client.id: f"API client {client.name}" for client in clients}}


def sent_recently(version: TemplateVersion) -> Use:
    """Of the messages that the bank's live clients have sent in the last 30 days."""
    rows = Delivery.objects.filter(partner_id=version.partner_id, environment=Environment.LIVE)
    return _use_of(version, rows.filter(id__gte=first_uuid7(timezone.now() - RECENT)).order_by("-id"))


def waiting_now(version: TemplateVersion) -> Use:
    """Of those that have not been sent yet."""
    rows = Delivery.objects.filter(partner_id=version.partner_id, status=Delivery.Status.QUEUED)
    return _use_of(version, rows.filter(lane__in=Lane.values))


def _use_of(version: TemplateVersion, rows: QuerySet[Delivery]) -> Use:
    of_it = Q(notification__template_version_id=version.id)
    return Use(**rows[:MOST].aggregate(looked_at=Count("id"), number=Count("id", filter=of_it)), most=MOST)


def clause_against(partner: Partner, cluster: str) -> str:
    """The clause of the agreement in force that does not cover the cluster, or ""."""
    row = AgreementVersion.objects.filter(partner=partner, status=AgreementVersion.Status.FINALIZED).first()
    return CLAUSES["clusters"] if row is not None and cluster not in row.clusters else ""


def waiting_wording() -> Pile:
    """In the staff's queue."""
    count = TemplateVersion.objects.filter(status=_S.SUBMITTED).count()
    return Pile("Templates to review", count, reverse("staff-templates"))


def template_task(partner: Partner) -> Task:
    """On the bank's home page: one approved version is needed before anything can be sent."""
    found = set(TemplateVersion.objects.filter(partner=partner).values_list("status", flat=True).distinct())
    place = reverse("member-templates", args=[partner.slug])
    if _S.APPROVED in found:
        return Task("Get wording approved", When.DONE, place)
    if _S.SUBMITTED in found:
        return Task("Get wording approved", When.REVIEW, place, "We are reading what you submitted.")
    why = "Nothing is sent before its wording is approved. There are examples to start from."
    return Task("Get wording approved", When.NOW, place, why)
