"""How each state is shown: always the same icon, word and colour."""

from typing import NamedTuple


class Shown(NamedTuple):
    """A class of the stylesheet, the word a person reads, and a Lucide icon's name."""

    tone: str
    word: str
    icon: str


STATES = {
    "ACTIVE": Shown("good", "Active", "circle-check"),
    "PAUSED": Shown("needs-you", "Paused", "circle-pause"),
    "PENDING": Shown("needs-you", "Waiting for you", "clock"),
    "REJECTED": Shown("over", "Declined", "circle-x"),
    "REVOKED": Shown("over", "Disconnected", "unplug"),
    "EXPIRED": Shown("over", "Ended", "calendar-x"),
    "INVALIDATED": Shown("over", "Ended by the bank", "ban"),
    "SCHEDULED": Shown("info", "Scheduled", "calendar-clock"),
    "ACCEPTED": Shown("info", "Waiting", "clock"),
    "QUEUED": Shown("info", "Waiting", "clock"),
    "SENDING": Shown("info", "Sending", "send"),
    "SENT": Shown("good", "Sent", "check"),
    "DELIVERED": Shown("good", "Delivered", "check-check"),
    "READ": Shown("good", "Read", "eye"),
    "FAILED": Shown("bad", "Failed", "triangle-alert"),
    "WITHDRAWN": Shown("over", "Withdrawn", "undo-2"),
    "CANCELLED": Shown("over", "Cancelled", "circle-x"),
    "UNCONFIRMED": Shown("needs-you", "Not confirmed", "circle-question-mark"),
}


def shown(state: str) -> Shown:
    """A state nobody has described is shown by its own name."""
    return STATES.get(state) or Shown("over", state.replace("_", " ").capitalize(), "circle")
