"""The security questionnaire as data. A change of it is a new version; what was answered keeps the version it was
answered for, and a bank answers the new one when it is verified the next time.
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

VERSION = 1
Answer = str | int | bool


class Question(NamedTuple):
    """`kind` is yes_no, choice, text, number or date; a choice has its `options` (value: words)."""

    key: str
    heading: str
    text: str
    kind: str
    hint: str = ""
    options: Mapping[str, str] = {}
    is_required: bool = True


QUESTIONS = (
    Question("second_step", "Access", "Do all who can reach customer data sign in with a second step?", "yes_no"),
    Question("leavers", "Access", "Within how many hours do people who leave lose their access?", "number"),
    Question(
        "certificate",
        "Assurance",
        "Which certificate or report covers the systems that call our API?",
        "choice",
        options={"iso27001": "ISO/IEC 27001", "soc2": "SOC 2 type II", "other": "Another one", "none": "None"},
    ),
    Question(
        "certificate_until", "Assurance", "Until when is it valid?", "date", "Leave it empty without one.", {}, False
    ),
    Question("tested", "Assurance", "When were these systems last tested by people who try to break in?", "date"),
    Question("encrypted", "Data", "Is customer data encrypted at rest and on its way?", "yes_no"),
    Question(
        "keys", "Data", "Where do you keep the secrets of your API clients?", "choice",
        options={"hsm": "In a hardware module", "vault": "In a secret store", "files": "In files or settings"},
    ),
    Question(
        "incidents", "Incidents", "Within how many hours do you tell us of an incident that touches our people?", "number"
    ),
    Question("suppliers", "Suppliers", "Which suppliers see the messages you send? Write “none” if there are none.", "text"),
)  # fmt: skip


def unanswered(answers: Mapping[str, Answer]) -> list[Question]:
    """Those that must be answered and are not."""
    return [one for one in QUESTIONS if one.is_required and answers.get(one.key) in (None, "")]


def answer_words(question: Question, answer: Answer | None) -> str:
    """The answer as a person reads it."""
    if answer is None or answer == "":
        return "Not answered"
    if question.kind == "yes_no":
        return "Yes" if answer else "No"
    if question.kind == "date":
        return f"{date.fromisoformat(str(answer)):%-d %B %Y}"
    return question.options.get(str(answer), str(answer))
