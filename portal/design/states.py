"""How each state and each kind of message is shown: always the same icon, word and colour.

What people see is translated, the rest is English.
"""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Shown(NamedTuple):
    """A class of the stylesheet, the word a person reads, and a Lucide icon's name."""

    tone: str
    word: str | Promise
    icon: str


STATES = {
    "ACTIVE": Shown("good", _("Active"), "circle-check"),
    "PAUSED": Shown("needs-you", _("Paused"), "circle-pause"),
    "PENDING": Shown("needs-you", _("Waiting for you"), "clock"),
    "EXPIRES_SOON": Shown("needs-you", _("Ends soon"), "calendar-clock"),
    "RECONFIRM": Shown("needs-you", _("Needs your yes"), "circle-alert"),
    "NEW_TERMS": Shown("needs-you", _("New terms"), "circle-alert"),
    "REJECTED": Shown("over", _("Declined"), "circle-x"),
    "REVOKED": Shown("over", _("Disconnected"), "unplug"),
    "EXPIRED": Shown("over", _("Expired"), "calendar-x"),
    "INVALIDATED": Shown("over", _("Ended"), "ban"),
    "SCHEDULED": Shown("info", _("Scheduled"), "calendar-clock"),
    "ACCEPTED": Shown("info", _("Waiting"), "clock"),
    "QUEUED": Shown("info", _("Waiting"), "clock"),
    "SENDING": Shown("info", _("Sending"), "send"),
    "SENT": Shown("good", _("Sent"), "check"),
    "DELIVERED": Shown("good", _("Delivered"), "check-check"),
    "READ": Shown("good", _("Read"), "eye"),
    "FAILED": Shown("bad", _("Failed"), "triangle-alert"),
    "WITHDRAWN": Shown("over", _("Withdrawn"), "undo-2"),
    "UNVERIFIED": Shown("needs-you", "Not verified", "circle-question-mark"),
    "FAILING": Shown("needs-you", "Failing", "triangle-alert"),
    "DISABLED": Shown("bad", "Disabled", "circle-x"),
    "CANCELLED": Shown("over", _("Cancelled"), "circle-x"),
    "AGREEMENT_OFFERED": Shown("needs-you", "Waits for the bank", "clock"),
    "AGREEMENT_COUNTERED": Shown("needs-you", "Waits for the platform", "clock"),
    "AGREEMENT_ACCEPTED": Shown("info", "Signed by the bank", "pen-line"),
    "AGREEMENT_AGREED": Shown("info", "Signed by both", "calendar-clock"),
    "AGREEMENT_IN_FORCE": Shown("good", "In force", "circle-check"),
    "AGREEMENT_ENDS": Shown("needs-you", "In force, ends soon", "calendar-clock"),
    "AGREEMENT_REPLACED": Shown("over", "Replaced", "undo-2"),
    "AGREEMENT_ENDED": Shown("over", "Ended", "ban"),
    "AGREEMENT_DECLINED": Shown("over", "Declined", "circle-x"),
    "SANDBOX": Shown("needs-you", "Sandbox", "flask-conical"),
    "LIVE": Shown("good", "Live", "radio-tower"),
    "CLIENT_REVOKED": Shown("over", "Revoked", "ban"),
    "SUSPENDED": Shown("bad", "Suspended", "octagon-pause"),
    "SURRENDERED": Shown("over", "Left", "log-out"),
    "MET": Shown("good", "In order", "circle-check"),
    "NOT_MET": Shown("bad", "Not yet", "circle-x"),
    "UNCONFIRMED": Shown("needs-you", _("Not confirmed"), "circle-question-mark"),
    "DRAFT": Shown("info", "Draft", "pencil"),
    "SUBMITTED": Shown("needs-you", "In review", "clock"),
    "APPROVED": Shown("good", "Approved", "circle-check"),
    "NOT_APPROVED": Shown("bad", "Rejected", "circle-x"),
    "RETIRED": Shown("over", "Retired", "archive"),
    "PENDING_REVIEW": Shown("info", "Submitted", "clock"),
    "IN_REVIEW": Shown("info", "In review", "eye"),
    "MORE_INFORMATION_NEEDED": Shown("needs-you", "More is needed", "circle-alert"),
    "COMPLETE": Shown("good", "Complete", "circle-check"),
    "TO_DO": Shown("needs-you", "To do", "circle"),
    "WAITING": Shown("needs-you", "Waiting", "clock"),
    "MORE_ASKED": Shown("needs-you", "More is asked for", "circle-alert"),
    "DECLINED": Shown("over", "Declined", "circle-x"),
    "RECOMMENDED": Shown("needs-you", "Waits for a second look", "eye"),
    "DEFERRED": Shown("over", "Put off", "calendar-clock"),
    "COMPLAINT_OPEN": Shown("info", _("With Parley"), "clock"),
    "COMPLAINT_ANSWERED": Shown("needs-you", _("Answered"), "message-circle"),
    "COMPLAINT_CLOSED": Shown("over", _("Closed"), "archive"),
    "FROZEN": Shown("info", "Handed in", "lock"),
}


def shown(state: str) -> Shown:
    """A state nobody has described is shown by its own name."""
    return STATES.get(state) or Shown("over", state.replace("_", " ").capitalize(), "circle")


class Kind(NamedTuple):
    """A Lucide icon's name, and why a bank sends this kind of message, as a person would say it."""

    icon: str
    purpose: str | Promise


KINDS = {
    "BALANCES": Kind("wallet", _("How much money is in your accounts, so that you know where you stand.")),
    "TRANSACTIONS": Kind("arrow-left-right", _("What comes in and goes out, so that you can follow it.")),
    "RECEIPTS": Kind("receipt-text", _("What you paid and where, so that you have the receipt at hand.")),
    "SHIPMENTS": Kind("package", _("Where your orders are, so that you know when they arrive.")),
    "FRAUD_ALERTS": Kind("shield-alert", _("Payments that look wrong, so that you can stop them in time.")),
    "ACCOUNT_SERVICING": Kind(
        "file-text",
        _("A new statement, a payment that is due or a locked card, so that you can act in time."),
    ),
    "CHAT": Kind("message-circle", _("Your questions and your bank’s answers, in the same chat.")),
}
PURPOSES = {
    "ACCOUNT_UPDATES": _("to tell you what happens in your accounts"),
    "PURCHASE_UPDATES": _("to tell you what became of your purchases"),
    "FRAUD_PREVENTION": _("to protect you from fraud"),
    "CUSTOMER_SERVICE": _("to answer your questions"),
}
