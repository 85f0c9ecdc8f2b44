"""What a bank has to do next: each part of the portal adds one function, the home page shows what they say."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from partners.models import Partner


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


def tasks_of(partner: Partner) -> list[Task]:
    """The bank's list, in order."""
    return [ask(partner) for ask in TASKS]
