"""What a bank has to do next: each part of the portal adds one function, the home page shows what they say."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from django.urls import reverse
from django.utils import timezone

from partners.clusters import Environment
from partners.models import AgreementVersion, ApiClient, Partner, Production, Sender
from partners.models.agreement import OPEN


class When(StrEnum):
    """Where a task stands."""

    NOW = "now"  # the bank can and should do it
    LATER = "later"  # something else comes first; `why` says what
    REVIEW = "review"  # the platform's turn
    DONE = "done"


class Task(NamedTuple):
    """A verb-led line of the home page's list. `url` is its page, "" while it cannot be started."""

    title: str
    when: When
    url: str = ""
    why: str = ""
    deadline: datetime | None = None


def live_client(partner: Partner) -> Task:
    """It needs an agreement, so a bank that is active."""
    title, url = "Create a live client", reverse("member-clients", args=[partner.slug])
    if partner.status != Partner.Status.ACTIVE:
        return Task(title, When.LATER, why="It needs an agreement in force.")
    open_ones = ApiClient.objects.filter(revoked_at=None, expires_at__gt=timezone.now())
    is_there = open_ones.filter(partner=partner, environment=Environment.LIVE).exists()
    return Task(title, When.DONE if is_there else When.NOW, url)


def live_sender(partner: Partner) -> Task:
    """Checked at the platform; it can be prepared long before going live."""
    url = reverse("member-senders", args=[partner.slug])
    live = Sender.objects.filter(partner=partner, environment=Environment.LIVE)
    senders = list(live.only("status", "pause_reason", "checked_at", "findings"))
    if any(one.status == Sender.Status.ACTIVE and one.is_proven for one in senders):
        return Task("Add a live sender", When.DONE, url)
    if paused := [one for one in senders if one.status == Sender.Status.PAUSED]:
        return Task("Resume your live sender", When.NOW, url, paused[0].pause_reason)
    title = "Check your live sender" if senders else "Add a live sender"
    return Task(title, When.NOW, url, "The platform has not confirmed it yet." if senders else "")


def production(partner: Partner) -> Task:
    """The last step: every condition is judged on its page."""
    title, url = "Go live", reverse("member-production", args=[partner.slug])
    found = Production.objects.filter(partner=partner).first()
    if found is not None and found.enabled_at is not None:
        return Task(title, When.DONE, url)
    if found is not None and found.requested_at is not None:
        return Task(title, When.REVIEW, url, "Parley’s staff look at your request.")
    if partner.status != Partner.Status.ACTIVE:
        return Task(title, When.LATER, url, "Your bank has to be verified, with an agreement in force.")
    return Task(title, When.NOW, url)


def agreement_task(partner: Partner) -> Task:
    """The agreement: the bank's turn once terms are offered, and again when an end is near."""
    page = reverse("member-agreement", args=[partner.slug])
    shown = [*OPEN, AgreementVersion.Status.FINALIZED]
    states = {one.status: one for one in AgreementVersion.objects.filter(partner=partner, status__in=shown)}
    if AgreementVersion.Status.OFFERED in states:
        return Task("Read and sign the agreement", When.NOW, page, "The platform has offered terms.")
    if current := states.get(AgreementVersion.Status.FINALIZED):
        if current.ends_at is None:
            return Task("Sign the agreement", When.DONE, page)
        why = "It ends: agree on a new one before its last day."
        return Task("Renew the agreement", When.NOW, page, why, current.ends_at)
    if states:
        return Task(
            "Sign the agreement", When.REVIEW, page, "The platform answers, and we write to you then."
        )
    return Task(
        "Sign the agreement", When.LATER, page, "The platform offers terms first; you read them here."
    )


# In the order they are shown; each costs one query at most.
TASKS: list[Callable[[Partner], Task]] = [agreement_task, live_client, live_sender, production]


def tasks_of(partner: Partner) -> list[Task]:
    """The bank's list, in order."""
    return [ask(partner) for ask in TASKS]
