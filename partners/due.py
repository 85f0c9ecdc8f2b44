"""What a bank has to do next: each part of the portal adds one function, the home page shows what they say."""

from collections.abc import Callable
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import NamedTuple

from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils import timezone

from partners.clusters import Environment
from partners.models import AgreementVersion, ApiClient, Partner, Production, Sender, Submission, Verification
from partners.models.agreement import OPEN
from partners.models.review import OPEN as IN_REVIEW
from partners.production import webhook_answers


class When(StrEnum):
    """Where a task stands."""

    NOW = "now"  # the bank can and should do it
    LATER = "later"  # something else comes first; `why` says what
    REVIEW = "review"  # the platform's turn
    DONE = "done"


class Task(NamedTuple):
    """A verb-led line of the home page's list. `url` is its page, "" while it cannot be started: who may open it
    can do it.
    """

    title: str
    when: When
    url: str = ""
    why: str = ""
    deadline: datetime | None = None


# By the bank's state: the task's title, where it stands, and why.
VERIFICATION = {
    "DRAFT": (
        "Verify your bank",
        When.NOW,
        "Who you are, whom to call, some questions, and a document or two.",
    ),
    "MORE_INFORMATION_NEEDED": ("Answer the reviewers", When.NOW, "They ask for more, and say why."),
    "PENDING_REVIEW": ("Verify your bank", When.REVIEW, "Two reviewers look at it, one after the other."),
    "IN_REVIEW": ("Verify your bank", When.REVIEW, "Two reviewers look at it, one after the other."),
    "REJECTED": ("Read why your bank was declined", When.NOW, "You can write to the reviewers there."),
}


def verification(partner: Partner) -> Task:
    """The first step; and once a year again, with a deadline."""
    url = reverse("member-verification", args=[partner.slug])
    if partner.status in VERIFICATION:
        title, when, why = VERIFICATION[partner.status]
        return Task(title, when, url, why)
    last = Submission.objects.filter(partner=OuterRef("pk")).order_by("-number").values("status")[:1]
    rows = Verification.objects.annotate(last=Subquery(last)).defer("contacts", "answers")
    found = rows.filter(partner=partner).first()
    if found is None or found.reopened_at is None:
        return Task("Verify your bank", When.DONE, url)
    title, until = "Verify your bank again", found.recertify_on
    deadline = datetime.combine(until, time(), UTC) if until else None
    if found.last in IN_REVIEW:
        return Task(title, When.REVIEW, url, "Two reviewers look at it, one after the other.", deadline)
    why = "The reviewers ask for more." if found.last == "MORE_ASKED" else "It is asked for every year."
    return Task(title, When.NOW, url, f"{why} Your bank goes on working meanwhile.", deadline)


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


def live_endpoint(partner: Partner) -> Task:
    """Where the bank hears what became of its messages."""
    found = webhook_answers(partner)
    why = "It tells your server what became of each message, once it has answered its challenge."
    return Task("Add a live webhook endpoint", When.DONE if found.is_met else When.NOW, found.url, why)


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
        return Task(
            "Read and sign the agreement", When.NOW, page, "The platform has offered terms. An owner signs."
        )
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
Ask = Callable[[Partner], Task]
TASKS: list[Ask] = [verification, agreement_task, live_client, live_sender, live_endpoint, production]


def add_tasks(*tasks: Ask) -> None:
    """Called once by each part above, when it starts. Going live stays the last step."""
    TASKS[-1:-1] = [task for task in tasks if task not in TASKS]


def tasks_of(partner: Partner) -> list[Task]:
    """The bank's list, in order."""
    return [ask(partner) for ask in TASKS]
