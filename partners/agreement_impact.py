"""What an amendment means for people, told by the application above that knows their grants."""

from typing import NamedTuple, Protocol

from partners.models import AgreementVersion


class Affected(NamedTuple):
    """Live grants under the bank's agreement: all of them, those whose people must be asked again before the new
    terms reach them, those that lose a kind of message or an account's channel at once, and those that end earlier.
    """

    live: int
    asked: int
    narrowed: int
    shortened: int


class Impact(Protocol):
    """Counts."""

    def affected(self, version: AgreementVersion) -> Affected:
        """By the version's terms, against what each person was told; one query."""
        ...


_registered: list[Impact] = []


def register(impact: Impact) -> None:
    """Called once, when the application above starts."""
    _registered[:] = [impact]


def affected_by(version: AgreementVersion) -> Affected:
    """Live grants that the version would touch, were it in force."""
    return _registered[0].affected(version)
