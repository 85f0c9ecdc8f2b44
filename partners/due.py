"""What a bank has to do next: each part of the portal adds one function, the home page shows what they say."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from django.urls import reverse

from partners.models import AgreementVersion, Partner
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


# In the order they are shown; each costs one query at most.
TASKS: list[Callable[[Partner], Task]] = []


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


TASKS.append(agreement_task)


def tasks_of(partner: Partner) -> list[Task]:
    """The bank's list, in order."""
    return [ask(partner) for ask in TASKS]
