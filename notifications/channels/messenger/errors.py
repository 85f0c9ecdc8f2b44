"""Graph error codes, in our terms. Code and subcode only: messages are translated."""

from notifications.channels.base import Outcome

THROTTLED = {4, 32, 613, 80006}
TRANSIENT = {1, 2, 1200}
UNREACHABLE_SUBCODES = {1545041, 2018108}
WINDOW_SUBCODES = {2018278, 2018065}


def classify(status: int, code: int, subcode: int) -> Outcome:
    """What an error body (or, without one, code 0 and an HTTP status) means for the delivery and beyond."""
    if code in THROTTLED or status == 429:
        return Outcome.THROTTLED
    if code in TRANSIENT or status >= 500:
        return Outcome.TRANSIENT
    if subcode in UNREACHABLE_SUBCODES:
        return Outcome.UNREACHABLE
    if code == 100 and subcode == 2018001:
        return Outcome.GONE
    if code == 190 or (code == 10 and subcode == 1893063):
        return Outcome.SENDER_PAUSED
    if code == 10 and subcode in WINDOW_SUBCODES:
        return Outcome.WINDOW_CLOSED
    if code in (10, 200):
        return Outcome.SENDER_PAUSED  # a permission is missing: every message would fail alike
    return Outcome.PERMANENT
